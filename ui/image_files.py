"""The path of a case's file, checked to lie below its root folder."""

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
"""For a file without a hash: stored by an earlier release, or unreadable when it was received."""


def path_of(image: ImageRecord) -> Path | None:
    """Return the path of an image or volume, or None where it leads outside its root.

    Both `..` and symbolic links are resolved; links that stay within the root are allowed.
    """
    try:
        path = os.path.normpath(os.path.join(os.path.abspath(image.root), image.path))
        return Path(path) if is_below(path, image.root) else None
    except ValueError:  # a null character
        return None
