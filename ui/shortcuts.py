"""Every key of the pages, in one table: what the help page shows."""

from __future__ import annotations

from ui.settings import SHORTCUT

Shortcut = tuple[tuple[str, ...], str]
"""Keys that do the same, and what they do."""

WORKLIST = (
    "Worklist and other lists",
    (
        (("↑", "↓"), "Next or previous case of the list"),
        (("Home", "End"), "First or last case of the list"),
        (("Enter",), "Open the case"),
        ((SHORTCUT,), "Open the next case"),
    ),
)
PANEL = (
    "Reading and deciding",
    (
        ((SHORTCUT,), "The main button: lock the first read, store the decision, sign"),
        (("1", "2", "3", "4"), "Urgency: urgent, semi-urgent, routine, observation"),
        (("5", "6", "7", "8"), "Certainty: a guess, unsure, fairly sure, sure"),
        (("K",), "Keep my first read"),
        (("A",), "Take the AI's opinion"),
        (("O",), "Decide otherwise"),
        (("/",), "To the condition"),
    ),
)
OCT_VIEWER = (
    "OCT viewer, once the B-scan has the focus",
    (
        (("←", "→", "↑", "↓", "wheel"), "Next or previous B-scan"),
        (("Page Up", "Page Down"), "Ten B-scans on"),
        (("Home", "End"), "First or last B-scan"),
        (("Shift + ←", "Shift + →"), "Move the position line"),
        (("M",), "Next map: mean, then each instance"),
        (("O",), "Map on or off"),
        (("D",), "Where the instances disagree"),
        (("J",), "B-scan with the most disagreement"),
    ),
)
EVERYWHERE = (
    "Everywhere",
    (
        (("Tab", "Shift + Tab"), "To the next or the previous element"),
        (("Space",), "Press a button, tick a box"),
        (("Ctrl + +", "Ctrl + −"), "Larger or smaller text and pictures"),
    ),
)
SHORTCUTS: tuple[tuple[str, tuple[Shortcut, ...]], ...] = (
    PANEL,
    WORKLIST,
    OCT_VIEWER,
    EVERYWHERE,
)
"""Groups: a title, and keys with what they do."""
