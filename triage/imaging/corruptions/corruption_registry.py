"""Registry of the corruptions, with the source and the strengths of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from triage.imaging.corruptions import far, moderate
from triage.registry import Info, Registry

Frame = NDArray[np.uint8]
Function = Callable[[Frame, float, np.random.Generator], Frame]


class Kind(StrEnum):
    """Kind of corruption: whether the subject remains recognisable."""

    MODERATE = "moderate"
    FAR = "far"


@dataclass(frozen=True)
class StockCorruption(Info):
    """A corruption with its description for tables and the command line.

    Parameters
    ----------
    key, title, source, needs
        As in `triage.registry.Info`; strengths are ours unless the source states otherwise.
    kind : Kind
    unit : str
        Quantity and unit of the strength.
    strengths : tuple of float
        Of severity 1, 2, ...
    function : callable
        Maps a frame, uint8 [H, W, 3], a strength and a generator to a new frame.
    """

    kind: Kind
    unit: str
    strengths: tuple[float, ...]
    function: Function


_FAMILY = "family of Hendrycks & Dietterich 2019; strengths ours"
_SIDE = "share of the shorter side"

_TABLE = (
    StockCorruption(
        "gaussian_noise", "Gaussian noise",
        _FAMILY, Kind.MODERATE, "standard deviation, share of full scale",
        (0.03, 0.06, 0.09, 0.13, 0.18), moderate.gaussian_noise,
    ),
    StockCorruption(
        "gaussian_blur", "Gaussian blur",
        _FAMILY, Kind.MODERATE, f"standard deviation, {_SIDE}",
        (0.008, 0.013, 0.020, 0.029, 0.040), moderate.gaussian_blur,
    ),
    StockCorruption(
        "motion_blur", "Motion blur",
        _FAMILY, Kind.MODERATE, f"length, {_SIDE}",
        (0.03, 0.06, 0.09, 0.13, 0.18), moderate.motion_blur,
    ),
    StockCorruption(
        "jpeg", "JPEG compression",
        _FAMILY, Kind.MODERATE, "quality",
        (35, 22, 14, 9, 5), moderate.jpeg,
    ),
    StockCorruption(
        "brightness", "Brightness",
        _FAMILY, Kind.MODERATE, "natural logarithm of the gain, up or down",
        (0.10, 0.20, 0.32, 0.46, 0.62), moderate.brightness,
    ),
    StockCorruption(
        "contrast", "Low contrast",
        _FAMILY, Kind.MODERATE, "share of the contrast kept",
        (0.75, 0.60, 0.45, 0.32, 0.20), moderate.contrast,
    ),
    StockCorruption(
        "colour_cast", "Colour cast",
        "white-balance errors as in Afifi & Brown 2019; model and strengths ours",
        Kind.MODERATE, "length of the logarithms of the three gains of light",
        (0.15, 0.30, 0.45, 0.65, 0.90), moderate.colour_cast,
    ),
    StockCorruption(
        "low_resolution", "Low resolution",
        f"pixelate, {_FAMILY}", Kind.MODERATE, "share of each side kept",
        (0.60, 0.45, 0.33, 0.24, 0.16), moderate.low_resolution,
    ),
    StockCorruption(
        "shuffled_tiles", "Shuffled tiles, inverted",
        "ours", Kind.FAR, "tiles to the shorter side",
        (8,), far.shuffled_tiles,
    ),
    StockCorruption(
        "phase_noise", "Random phases, inverted",
        "ours", Kind.FAR, "share of a full turn",
        (1.0,), far.phase_noise,
    ),
)  # fmt: skip

CORRUPTIONS: Registry[StockCorruption] = Registry(
    "corruption",
    _TABLE,
    columns={
        "kind": lambda stock: stock.kind.value,
        "strength": lambda stock: stock.unit,
        "at severity 1, 2, ...": lambda stock: ", ".join(f"{s:g}" for s in stock.strengths),
    },
)
"""Every stock corruption."""
