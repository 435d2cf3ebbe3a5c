"""The cross-walk to checklists: every item once, nothing covered by what is not there."""

import pytest

from tests.reports.small_audit import audit_report
from triage.reports.build_document import build_document
from triage.reports.checklists import CHECKLISTS
from triage.reports.crosswalk import NO_SECTION, NOT_AVAILABLE, crosswalk
from triage.reports.document import Paragraph, Section

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
    (section,) = (s for s in build_document(audit_report()).sections if s.key == "checklists")
    counts, table = section.blocks
    assert len(table.rows) == sum(map(len, CHECKLISTS.values()))
    for (name, items), said in zip(CHECKLISTS.items(), counts.items, strict=True):
        covered = [r for r in table.rows if r[0].text == name and r[3].text != "not covered"]
        assert said.startswith(f"{name}: {len(covered)} of {len(items)} items")
        assert len(covered) < len(items)
