"""Names of files in messages."""

from __future__ import annotations

from pathlib import Path

from triage.printable import printable


def shown_name(path: Path) -> str:
    """Return the file's own name, fit for any output: folders may name a patient too."""
    return printable(path.name)
