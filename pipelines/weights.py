"""Where pretrained backbones are looked for when none is named."""

from __future__ import annotations

import os
from pathlib import Path

from triage.errors import UsageError

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

    Raises
    ------
    UsageError
        If the folder named by the environment variable holds none.
    """
    named = os.environ.get(VARIABLE)
    if named:
        if found := _backbones_in(Path(named)):
            return found
        raise UsageError(
            "holds no folder with a config.json", where=f"{VARIABLE}={named}", mend="Correct it."
        )
    nearby = list(root.resolve().parents)[:_LEVELS] if root is not None else []
    sets = (_backbones_in(parent / _FOLDER) for parent in nearby)
    return next(filter(None, sets), (FALLBACK,))


def _backbones_in(folder: Path) -> tuple[str, ...]:
    return tuple(f"hf:{path.parent}" for path in sorted(folder.glob("*/config.json")))
