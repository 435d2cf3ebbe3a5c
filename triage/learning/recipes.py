"""Named recipes of training: which backbones read the pictures, and which settings go with them.

A recipe is what is used where nothing else is said: a settings file and options override it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from triage.learning.default_backbones import LITE, default_backbones, installed_lite

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
    lite = [name for name in installed_lite(LITE) if name in found]
    return tuple(lite[:1]) or found[:1]


def recipe_settings(recipe: Recipe) -> dict[str, Any]:
    """Return the settings of a recipe that differ from the default ones, by name."""
    return dict(_SETTINGS[recipe])
