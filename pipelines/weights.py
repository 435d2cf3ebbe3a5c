"""Where pretrained backbones are looked for when none is named."""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "TRIAGE_WEIGHTS"
FALLBACK = "monai:resnet10_narrow"
_FOLDER = "weights"
_LEVELS = 3


def default_backbones(root: Path | None) -> tuple[str, ...]:
    """Find pretrained backbones near the data, else a small network to train from scratch.

    A folder of backbones is the one named by the environment variable `TRIAGE_WEIGHTS`, or one
    called `weights` beside the data's root or up to two folders above. Nothing is downloaded.

    Parameters
    ----------
    root : Path or None
        Folder of the data; None when the data are generated.

    Returns
    -------
    tuple of str
        References as `load_backbone` reads them.
    """
    named = os.environ.get(VARIABLE)
    folders = [Path(named)] if named else []
    if root is not None:
        folders += [parent / _FOLDER for parent in list(root.resolve().parents)[:_LEVELS]]
    for folder in folders:
        found = sorted(path.parent for path in folder.glob("*/config.json"))
        if found:
            return tuple(f"hf:{path}" for path in found)
    return (FALLBACK,)
