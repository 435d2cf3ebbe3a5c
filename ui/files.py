"""Where a case's file lies, if that is within its root folder."""

from __future__ import annotations

import os
from pathlib import Path

from triage.store.records import ImageRecord

OUTSIDE = "its path leads outside its folder."
CHANGED = "the file has changed since the case was received."


def place_of(image: ImageRecord) -> Path | None:
    """Return the path of an image or volume, or None where it leads outside its root."""
    root = os.path.abspath(image.root)
    path = os.path.normpath(os.path.join(root, image.path))
    return Path(path) if os.path.commonpath([root, path]) == root else None
