"""The table of attachments in the documentation has every kind with its columns."""

import re

from tests.pages import rows, section
from triage.reports.attachments import MAX_CELL, MAX_ROWS, TABLE_KINDS


def names(cell):
    return tuple(re.findall(r"\w+", cell))


def test_every_kind_has_its_columns():
    documented = {
        row[0]: (names(row[3]), names(row[4]))
        for row in rows(section("audit", "Attachments"))
        if row[0] in TABLE_KINDS
    }
    assert documented == {
        kind: (table.required, table.optional) for kind, table in TABLE_KINDS.items()
    }


def test_limits_and_words_of_file_names():
    text = section("audit", "Attachments")
    assert f"{MAX_ROWS:,} rows" in text
    assert f"{MAX_CELL:,} characters" in text
    for table in TABLE_KINDS.values():
        assert all(f"`{word}`" in text for word in table.words)
