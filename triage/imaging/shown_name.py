"""File names as shown in messages."""

from __future__ import annotations

from pathlib import Path

from triage.printable import printable


def shown_name(path: Path) -> str:
    """Return the printable base name of a file; folder names may identify a patient."""
    return printable(path.name)
