"""The cases of the worklist as rows of text.

Of the AI's opinion a row shows only the urgency class and the time that it allows, and those only
where the policy of the site shows them; they are None in what the worklist gives otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence

from triage.modalities import MODALITIES
from triage.review import Pressure, WorklistItem
from triage.vocabulary.case_states import CaseState
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.laterality import Laterality
from ui.case_views import CASE_VIEWS
from ui.components.case_rows import CaseRow, Fact, Heading, Mark, case_address
from ui.image_address import PictureSize, image_address
from ui.words import HIDDEN, URGENCIES, due, duration

_STATES = {
    CaseState.FIRST_READ_LOCKED: "first read locked",
    CaseState.REVEALED: "not decided yet",
    CaseState.SKIPPED: "skipped",
}
"""Of a case that nobody works on; every other one is new to its reader."""
_MARKS = {
    Urgency.URGENT: Mark.URGENT,
    Urgency.SEMI_URGENT: Mark.SEMI_URGENT,
    Urgency.ROUTINE: Mark.ROUTINE,
    Urgency.OBSERVATION: Mark.OBSERVATION,
}
_PRESSURES = {Pressure.OVERDUE: Mark.OVERDUE, Pressure.NEAR: Mark.SOON}
_SEX = {"f": "F", "female": "F", "m": "M", "male": "M"}
_STARTED = frozenset(_STATES) - {CaseState.SKIPPED}


def headings(items: Sequence[WorklistItem]) -> list[Heading]:
    """Return the names of the columns; of the priority only where a case shows its own."""
    found = [
        Heading("Case, patient", 1.5),
        Heading("Kind", 0.9),
        Heading("Facts", 1.3),
        Heading("Received", 0.8),
    ]
    if _shows_priority(items):
        found += [Heading("Priority", 0.9), Heading("Time left", 0.9)]
    return [*found, Heading("State", 1.1)]


def rows(items: Sequence[WorklistItem], reader: str, *, can_read: bool) -> list[CaseRow]:
    """Return a row for each case.

    Parameters
    ----------
    items : sequence of WorklistItem
    reader : str
        Who looks at the list.
    can_read : bool
        Whether this person may open a case.
    """
    with_priority = _shows_priority(items)
    return [_row(item, reader, can_read, with_priority) for item in items]


def _shows_priority(items: Sequence[WorklistItem]) -> bool:
    return any(item.band is not None for item in items)


def _row(item: WorklistItem, reader: str, can_read: bool, with_priority: bool) -> CaseRow:
    free = item.is_free_for(reader)
    columns = [Fact(kind(item)), Fact(facts(item)), Fact(f"{duration(item.waiting)} ago")]
    if with_priority:
        columns += _priority(item)
    columns.append(_state(item, free))
    image = CASE_VIEWS[item.modality].words.image
    started = free and (item.has_draft or item.reserved_by is not None or item.state in _STARTED)
    return CaseRow(
        case_id=item.case_id,
        title=item.external_id,
        subtitle=" · ".join(part for part in (_patient(item), item.source) if part),
        columns=tuple(columns),
        action="Continue" if started else "Open",
        href=case_address(item.case_id),
        picture=image_address(item.case_id, 0, PictureSize.THUMBNAIL, None)
        if item.images
        else None,
        picture_text=image[:1].upper() + image[1:],
        disabled="" if can_read and free else "not free now" if can_read else "view only",
    )


def _patient(item: WorklistItem) -> str:
    return f"patient {item.patient}" if item.patient else ""


def kind(item: WorklistItem) -> str:
    """Return what a case is made of: '3 photographs', 'OCT, right eye'."""
    words = CASE_VIEWS[item.modality].words
    counted = f"{item.images} {words.image if item.images == 1 else words.images}"
    if not MODALITIES[item.modality].volumes:
        return counted
    sides = {Laterality.RIGHT: ", right eye", Laterality.LEFT: ", left eye"}
    side = sides.get(item.laterality, "") if item.laterality is not None else ""
    return f"OCT{side}" if item.images == 1 else f"OCT{side}, {counted}"


def facts(item: WorklistItem) -> str:
    """Return what is known of the patient: 'F 65 · lower limb · skin type V'."""
    groups = {
        name: str(value).replace("_", " ")
        for name, value in item.groups.items()
        if value is not None
    }
    sex = groups.get("sex", "")
    person = [_SEX.get(sex.casefold(), sex)]
    person.append(f"{item.age:.0f}" if item.age is not None else groups.get("age_band", ""))
    skin_type = groups.get("skin_type", "")
    parts = [
        " ".join(part for part in person if part),
        groups.get("body_site", ""),
        f"skin type {skin_type}" if skin_type else "",
    ]
    return " · ".join(part for part in parts if part)


def _priority(item: WorklistItem) -> list[Fact]:
    if item.band is None or item.pressure is None:
        return [Fact(HIDDEN), Fact("")]
    return [
        Fact(URGENCIES[item.band], _MARKS[item.band]),
        Fact(due(item), _PRESSURES.get(item.pressure)),
    ]


def _state(item: WorklistItem, free: bool) -> Fact:
    if not free:
        return Fact(f"in work by {item.reserved_by}", Mark.TAKEN)
    if item.has_draft:
        return Fact("draft saved")
    if item.reserved_by is not None:
        return Fact("open with you")
    return Fact(_STATES.get(item.state, "new"))
