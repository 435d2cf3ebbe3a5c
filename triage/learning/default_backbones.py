"""Where pretrained backbones are looked for when none is named, and which of them suit a spec."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from triage.data.spec import DataSpec
from triage.errors import UsageError
from triage.modalities import MODALITIES

VARIABLE = "TRIAGE_WEIGHTS"
FALLBACK = "monai:resnet10_narrow"
OCT = "oct:"
"""Begins the reference of a backbone that reads volumes."""
_FOLDER = "weights"
_LEVELS = 3


def default_backbones(root: str | Path | None) -> tuple[str, ...]:
    """Find pretrained backbones near the data, else a small network to train from scratch.

    A folder of backbones is the one named by the environment variable `TRIAGE_WEIGHTS`, or one
    called `weights` beside the data's root or up to two folders above. Nothing is downloaded.

    Parameters
    ----------
    root : str, Path or None
        Folder of the data; None when the data are generated.

    Returns
    -------
    tuple of str
        References as `load_backbone` reads them; relative to the working directory where the root
        is.

    Raises
    ------
    UsageError
        If the folder named by the environment variable holds none.
    """
    root = None if root is None else Path(root)
    named = os.environ.get(VARIABLE)
    if named:
        if found := _backbones_in(Path(named)):
            return found
        raise UsageError(
            "holds no folder with a config.json", where=f"{VARIABLE}={named}", hint="Correct it."
        )
    nearby = list(root.resolve().parents)[:_LEVELS] if root is not None else []
    if root is not None and not root.is_absolute():
        # Bundles and reports record the reference: it names no folder that the user did not name.
        nearby = [Path(os.path.relpath(parent)) for parent in nearby]
    sets = (_backbones_in(parent / _FOLDER) for parent in nearby)
    return next(filter(None, sets), (FALLBACK,))


def check_backbones(spec: DataSpec, references: Sequence[str]) -> None:
    """Refuse backbones that do not read what the spec is of.

    Parameters
    ----------
    spec : DataSpec
    references : sequence of str
        As `load_backbone` reads them.

    Raises
    ------
    UsageError
        If volumes meet a backbone of pictures, or the other way round.
    """
    volumes = MODALITIES[spec.modality].volumes
    if all(reference.startswith(OCT) is volumes for reference in references):
        return
    wanted = "oct:<bundle of a trained OCT system>" if volumes else "hf:<directory or hub name>"
    raise UsageError(
        f"{spec.modality} need another backbone",
        where=spec.name,
        hint=f"Name one: --backbone {wanted}.",
    )


def _backbones_in(folder: Path) -> tuple[str, ...]:
    return tuple(f"hf:{path.parent}" for path in sorted(folder.glob("*/config.json")))
