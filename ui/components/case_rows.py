"""A list of cases: each row is a link to its case, with a picture and a few facts.

A plain click or Enter is an event of the page, so that the case opens without loading the site
again; a middle click opens another tab, as of any link. The list moves by the arrow keys.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import streamlit as st

from triage.printable import printable
from ui.components.assets import component

_mount = component("case_rows", ("case_rows.js",))
_OPEN = "open"


class Mark(StrEnum):
    """The sign before a text: a shape of its own for each, so that none differs by colour alone."""

    URGENT = "urgent"
    SEMI_URGENT = "semi_urgent"
    ROUTINE = "routine"
    OBSERVATION = "observation"
    OVERDUE = "overdue"
    SOON = "soon"
    DONE = "done"
    TAKEN = "taken"


@dataclass(frozen=True, slots=True)
class Fact:
    """One short text of a row.

    Parameters
    ----------
    text : str
    mark : Mark, optional
        Sign before the text, which must say the same in words.
    """

    text: str
    mark: Mark | None = None

    def __post_init__(self) -> None:
        if self.mark is not None and not self.text.strip():
            raise ValueError("a mark needs a text that says the same")


@dataclass(frozen=True, slots=True)
class Heading:
    """Name of a column, and its width relative to that of the others."""

    text: str
    width: float = 1.0


@dataclass(frozen=True, slots=True)
class CaseRow:
    """One case of the list.

    Parameters
    ----------
    case_id : int
    title, subtitle : str
        Such as the case and its patient.
    columns : tuple of Fact
        One for each heading after the first.
    action : str
        What opening the row does, such as 'Open'; '' where the row cannot be opened.
    href : str
        Address of the case on this site (`case_address`).
    picture : str, optional
        Address of a thumbnail (`ui.image_address`).
    picture_text : str
        What the thumbnail shows, for those who do not see it, such as 'Photograph'.
    disabled : str
        Why the row cannot be opened; '' if it can.
    """

    case_id: int
    title: str
    subtitle: str
    columns: tuple[Fact, ...]
    action: str
    href: str
    picture: str | None = None
    picture_text: str = ""
    disabled: str = ""


def case_address(case_id: int, work: str = "") -> str:
    """Return the address of a case on this site.

    Parameters
    ----------
    case_id : int
    work : str
        As what it opens (`ui.session.CaseWorkKind`); '' for a first read.
    """
    return f"/case?case={case_id}" + (f"&as={work}" if work else "")


def show(
    rows: Sequence[CaseRow],
    headings: Sequence[Heading],
    key: str,
    on_open: Callable[[int], None],
    label: str = "Cases",
) -> None:
    """Draw the list.

    Parameters
    ----------
    rows : sequence of CaseRow
        In order. Their texts are shown as text, never as markup.
    headings : sequence of Heading
        The first stands above title and subtitle, the others above the columns.
    key : str
        Identifies the list on its page.
    on_open : callable
        Called with the number of the case that was opened, before the page is drawn again:
        usually it calls `ui.session.go_to_case`. Never called for a row that is not in the list or
        is disabled.
    label : str
        Name of the list for those who do not see it.

    Raises
    ------
    ValueError
        If a row has not one column for each heading after the first.
    """
    if any(len(row.columns) != len(headings) - 1 for row in rows):
        raise ValueError("each row has one column for each heading after the first")
    openable = frozenset(row.case_id for row in rows if not row.disabled)

    def opened() -> None:
        # From the browser, which may send anything.
        case_id = getattr(st.session_state[key], _OPEN, None)
        if isinstance(case_id, int) and case_id in openable:
            on_open(case_id)

    _mount(
        key=key,
        data={
            "label": label,
            "headings": [{"text": one.text, "width": one.width} for one in headings],
            "rows": [_described(row) for row in rows],
        },
        on_open_change=opened,
    )


def _described(row: CaseRow) -> dict[str, Any]:
    return {
        "case": row.case_id,
        "title": printable(row.title),
        "subtitle": printable(row.subtitle),
        "columns": [
            {"text": printable(one.text), "mark": one.mark and one.mark.value}
            for one in row.columns
        ],
        "action": row.action,
        "href": row.href,
        "picture": row.picture,
        "pictureText": row.picture_text,
        "disabled": printable(row.disabled),
    }
