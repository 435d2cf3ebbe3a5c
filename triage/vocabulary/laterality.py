"""Sides of the body."""

from __future__ import annotations

from enum import StrEnum


class Laterality(StrEnum):
    """Which side of the body, or which eye; a data spec's `laterality` gives the same words."""

    LEFT = "left"
    RIGHT = "right"
    BOTH = "both"
