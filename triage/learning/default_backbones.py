"""Which backbones are used when none is named, and which of them suit a spec."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from triage.backbones.lite_weights import lite_module
from triage.data.spec import DataSpec
from triage.errors import UsageError
from triage.extras import is_installed
from triage.modalities import MODALITIES

VARIABLE = "TRIAGE_WEIGHTS"
LITE = "lite:"
"""Begins the reference of a backbone of an installed package."""
PACKAGED = ("lite:0", "lite:2")
"""Backbones of packages that the default recipe uses where they are installed."""
SMALL_PICTURES = ("lite:0@128",)
"""Backbone for pictures of 96 pixels a side, such as generated ones, at less than half the work."""
FALLBACK = "monai:resnet10_narrow"
"""Small network that is trained from nothing where no pretrained one is at hand."""
OCT = "oct:"
"""Begins the reference of a backbone that reads volumes."""
_FOLDER = "weights"
_LEVELS = 3


def default_backbones(root: str | Path | None) -> tuple[str, ...]:
    """Find pretrained backbones, else a small network to train from scratch.

    The environment variable `TRIAGE_WEIGHTS` names a folder of backbones, which are used alone.
    Else they are those of a folder called `weights` beside the data's root, or up to two folders
    above, and `PACKAGED` where the packages of the extra `weights` are installed. For generated
    pictures `SMALL_PICTURES` takes the place of both. Nothing is downloaded.

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
    near = next(filter(None, sets), ())
    packaged = SMALL_PICTURES if root is None else PACKAGED
    return (*near, *filter(_is_packaged, packaged)) or (FALLBACK,)


def _is_packaged(reference: str) -> bool:
    """Whether the package of a reference `lite:<number>[@<size>]` is installed."""
    number, _, _ = reference.removeprefix(LITE).partition("@")
    return is_installed(lite_module(number))


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
