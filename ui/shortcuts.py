"""Every key of the pages, in one table: shown beside what they act on, and on the help page."""

from __future__ import annotations

from dataclasses import dataclass

PHOTO_STAGE = "Photographs"
OCT_VIEWER = "OCT viewer"


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
)
"""In the order in which they are listed."""


def keys_of(group: str) -> list[list[str]]:
    """Return the keys of one group with what they do, as JSON takes them."""
    return [[one.keys, one.what] for one in KEYS if one.group == group]
