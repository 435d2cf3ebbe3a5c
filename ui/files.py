"""Where a case's file lies, if that is within its root folder."""

from __future__ import annotations

import os
from pathlib import Path

from triage.regular_file import is_below
from triage.store.records import ImageRecord

OUTSIDE = "its path leads outside its folder."
CHANGED = "the file has changed since the case was received."
NOT_RECORDED = (
    "The content of this file was never recorded, so nothing shows whether it is what was received."
)
"""Of a file without a hash: stored by an earlier release, or not readable when it was received."""


def place_of(image: ImageRecord) -> Path | None:
    """Return the path of an image or volume, None where it leads outside its root.

    It may lead there by `..` or by a symbolic link; links that stay within the root are fine.
    """
    try:
        path = os.path.normpath(os.path.join(os.path.abspath(image.root), image.path))
        return Path(path) if is_below(path, image.root) else None
    except ValueError:  # a null character
        return None
