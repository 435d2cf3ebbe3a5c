"""Named recipes of training: which backbones read the pictures, and which settings go with them.

A recipe is what is used where nothing else is said: a settings file and options override it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from triage.extras import missing_modules
from triage.learning.default_backbones import LITE, default_backbones

Recipe = Literal["default", "fast"]
_SETTINGS: dict[Recipe, dict[str, Any]] = {
    "default": {},
    # One pass of one backbone a picture in place of four passes of several.
    "fast": {"views": "whole", "members": 5},
}


def recipe_backbones(recipe: Recipe, root: str | Path | None) -> tuple[str, ...]:
    """Return the references of the backbones of a recipe; see `default_backbones`.

    `fast` takes the smallest network of the extra `weights`, else the first that is found.

    Parameters
    ----------
    recipe : {'default', 'fast'}
    root : str, Path or None
        Folder of the data; None when the data are generated.

    Raises
    ------
    UsageError
        As `default_backbones`.
    """
    found = default_backbones(root)
    if recipe == "default":
        return found
    return (next((name for name in found if name.startswith(LITE)), found[0]),)


def recipe_settings(recipe: Recipe, backbones: Sequence[str]) -> dict[str, Any]:
    """Return the settings of a recipe that differ from the default ones, by name.

    EfficientNet-Lite is run by OpenVINO where the extra is installed: its depthwise convolutions
    take torch several times as long on a processor (`triage list backbones --throughput`).

    Parameters
    ----------
    recipe : {'default', 'fast'}
    backbones : sequence of str
    """
    found = dict(_SETTINGS[recipe])
    if any(name.startswith(LITE) for name in backbones) and not missing_modules("openvino"):
        found["runtime"] = "openvino"
    return found
