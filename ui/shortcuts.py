"""Every key of the pages, in one table: shown beside what they act on, and on the help page."""

from __future__ import annotations

from dataclasses import dataclass

from ui.settings import SHORTCUT

PANEL = "Reading and deciding"
LISTS = "Worklist and other lists"
PHOTO_STAGE = "Photographs"
OCT_VIEWER = "OCT viewer"
EVERYWHERE = "Everywhere"
GROUPS = (PANEL, LISTS, PHOTO_STAGE, OCT_VIEWER, EVERYWHERE)
"""In the order of the help page."""


@dataclass(frozen=True, slots=True)
class Shortcut:
    """Keys and what they do.

    Parameters
    ----------
    group : str
        What has the focus when they act.
    keys : str
        As they are printed; alternatives are separated by commas.
    what : str
    """

    group: str
    keys: str
    what: str


KEYS = (
    Shortcut(PANEL, SHORTCUT, "the main button: lock the first read, store the decision, sign"),
    Shortcut(PANEL, "1, 2, 3, 4", "urgency: urgent, semi-urgent, routine, observation"),
    Shortcut(PANEL, "5, 6, 7, 8", "certainty: a guess, unsure, fairly sure, sure"),
    Shortcut(PANEL, "K", "keep my first read"),
    Shortcut(PANEL, "A", "take the AI's opinion"),
    Shortcut(PANEL, "O", "decide otherwise"),
    Shortcut(PANEL, "/", "to the condition"),
    Shortcut(LISTS, "↑, ↓", "next or previous case of the list"),
    Shortcut(LISTS, "Home, End", "first or last case of the list"),
    Shortcut(LISTS, "Enter", "open the case"),
    Shortcut(LISTS, SHORTCUT, "open the next case"),
    Shortcut(PHOTO_STAGE, "+, −, wheel", "zoom"),
    Shortcut(PHOTO_STAGE, "← → ↑ ↓, drag", "move the picture"),
    Shortcut(PHOTO_STAGE, "0", "fit the picture"),
    Shortcut(PHOTO_STAGE, "1", "native pixels"),
    Shortcut(PHOTO_STAGE, "double click", "native pixels, and fitted again"),
    Shortcut(PHOTO_STAGE, "[ ], Page Up, Page Down", "previous or next picture"),
    Shortcut(PHOTO_STAGE, "W", "white balance on or off"),
    Shortcut(PHOTO_STAGE, "?", "show these keys"),
    Shortcut(OCT_VIEWER, "← →, ↑ ↓, wheel", "previous or next B-scan"),
    Shortcut(OCT_VIEWER, "Page Up, Page Down", "ten B-scans on"),
    Shortcut(OCT_VIEWER, "Home, End", "first or last B-scan"),
    Shortcut(OCT_VIEWER, "Shift + ← →", "move the position line"),
    Shortcut(OCT_VIEWER, "K", "caliper on or off"),
    Shortcut(OCT_VIEWER, "← → ↑ ↓, with Shift ten pixels", "move an end of the caliper"),
    Shortcut(OCT_VIEWER, "Enter, click", "set an end of the caliper"),
    Shortcut(OCT_VIEWER, "Escape, Delete", "remove the caliper"),
    Shortcut(OCT_VIEWER, "M", "next tissue map"),
    Shortcut(OCT_VIEWER, "O", "tissue map on or off"),
    Shortcut(OCT_VIEWER, "D", "where the instances disagree"),
    Shortcut(OCT_VIEWER, "J", "to the B-scan with the most disagreement"),
    Shortcut(OCT_VIEWER, "?", "show these keys"),
    Shortcut(EVERYWHERE, "Tab, Shift + Tab", "to the next or the previous element"),
    Shortcut(EVERYWHERE, "Space", "press a button, tick a box"),
    Shortcut(EVERYWHERE, "Ctrl + +, Ctrl + −", "larger or smaller text and pictures"),
)
"""In the order in which they are listed."""


def keys_of(group: str) -> list[list[str]]:
    """Return the keys of one group with what they do, as JSON takes them."""
    return [[one.keys, one.what] for one in KEYS if one.group == group]
