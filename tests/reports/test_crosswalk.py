"""The cross-walk to checklists: every item once, nothing covered by what is not there."""

import csv
import io

import pytest

from tests.reports.small_audit import audit_report
from triage.reports.build_document import build_document
from triage.reports.checklists import CHECKLISTS
from triage.reports.crosswalk import NO_SECTION, NOT_AVAILABLE, crosswalk
from triage.reports.document import Paragraph, Section
from triage.reports.render.tables import render_tables

KEYS = tuple(section.key for section in build_document(audit_report()).sections)


def sections(without=()):
    return [
        Section(key, key, (Paragraph("x"),), "no source" if key in without else "") for key in KEYS
    ]


@pytest.mark.parametrize(
    ("checklist", "whole_numbers"),
    [("STARD-AI", 40), ("TRIPOD+AI", 27), ("CLAIM", 44), ("DECIDE-AI", 17)],
)
def test_numbers_run_without_gaps(checklist, whole_numbers):
    items = [item.number for item in CHECKLISTS[checklist]]
    assert len(items) == len({*items})
    numbers = [int(item.rstrip("abcdefg")) for item in items if item[0].isdecimal()]
    assert numbers == sorted(numbers)
    assert {*numbers} == {*range(1, whole_numbers + 1)}
    roman = {item for item in items if not item[0].isdecimal()}
    tens = {"I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X"}
    assert roman == (tens if checklist == "DECIDE-AI" else set())


def test_every_section_named_is_one_of_a_report():
    named = {item.section for items in CHECKLISTS.values() for item in items}
    assert named - {""} <= {*KEYS}


def test_every_item_is_listed_once_covered_or_not():
    rows = crosswalk(sections())
    assert [(row.checklist, row.item) for row in rows] == [
        (name, item.number) for name, items in CHECKLISTS.items() for item in items
    ]
    assert all((row.section is None) == (row.note == NO_SECTION) for row in rows)
    assert {row.section is None for row in rows} == {True, False}


def test_a_section_that_is_not_available_covers_nothing():
    rows = {(r.checklist, r.item): r for r in crosswalk(sections(without=("incidents", "team")))}
    assert rows["STARD-AI", "32"].section is None
    assert rows["STARD-AI", "32"].note == NOT_AVAILABLE
    assert rows["DECIDE-AI", "12"].section is None
    assert rows["STARD-AI", "31"].section == "performance"
    assert all(row.section is None for row in crosswalk([]))


def test_the_report_prints_every_item_and_how_many_are_covered():
    report = audit_report()
    document = build_document(report)
    (section,) = (s for s in document.sections if s.key == "checklists")
    counts, _, covered, uncovered = section.blocks
    rows = list(
        csv.DictReader(
            io.StringIO(render_tables(document, report)["tables/checklists.csv"].decode())
        )
    )
    assert len(rows) == sum(map(len, CHECKLISTS.values()))
    for place, (name, items) in enumerate(CHECKLISTS.items(), 1):
        addressed = [r for r in rows if r["Checklist"] == name and r["Section"] != "not covered"]
        assert counts.items[place - 1].startswith(f"{name}: {len(addressed)} of {len(items)} items")
        printed = [n for row in covered.rows for n in row[place].text.split(", ") if n]
        assert sorted(printed) == sorted(r["Item"] for r in addressed)
        assert 0 < len(addressed) < len(items)
        left = "; ".join(row[2].text for row in uncovered.rows if row[0].text == name)
        for row in rows:
            if row["Checklist"] == name and row["Section"] == "not covered":
                assert f"{row['Item']} {row['Topic']}" in left
