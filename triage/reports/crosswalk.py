"""Which section of a report addresses which item of a reporting checklist."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from triage.reports.checklists import CHECKLISTS
from triage.reports.document import Section

NO_SECTION = "no section of an audit report addresses it"
NOT_AVAILABLE = "the section is not available in this report"


@dataclass(frozen=True)
class CrosswalkRow:
    """An item of a checklist and where the report addresses it.

    Parameters
    ----------
    checklist, item, topic : str
        The topic is in our words.
    section : str, optional
        Key of the section; None where the item is not covered.
    note : str
        How far the section goes, where it is in part; or why the item is not covered.
    """

    checklist: str
    item: str
    topic: str
    section: str | None
    note: str


def crosswalk(sections: Sequence[Section]) -> list[CrosswalkRow]:
    """Return every item of every checklist; a section that is not available covers none.

    Parameters
    ----------
    sections : sequence of Section
        The sections of the report, as they are printed.
    """
    available = {each.key for each in sections if not each.unavailable}
    rows = []
    for checklist, items in CHECKLISTS.items():
        for each in items:
            covered = each.section in available
            note = each.note
            if not covered:
                note = NOT_AVAILABLE if each.section else NO_SECTION
            section = each.section if covered else None
            rows.append(CrosswalkRow(checklist, each.number, each.topic, section, note))
    return rows
