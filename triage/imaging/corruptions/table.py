"""The stock corruptions by name, each with its source and its strength at every severity."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from triage.imaging.corruptions import far, moderate

Frame = NDArray[np.uint8]
Function = Callable[[Frame, float, np.random.Generator], Frame]


class Kind(StrEnum):
    """Whether the subject can still be told."""

    MODERATE = "moderate"
    FAR = "far"


@dataclass(frozen=True)
class StockCorruption:
    """One corruption of the table.

    Parameters
    ----------
    title : str
        Name for people.
    source : str
        Where the family comes from; strengths are ours unless it says otherwise.
    kind : Kind
    unit : str
        What the strength is.
    strengths : tuple of float
        Of severity 1, 2, ...
    function : callable
        Maps a frame, uint8 [H, W, 3], a strength and a generator to a new frame.
    """

    title: str
    source: str
    kind: Kind
    unit: str
    strengths: tuple[float, ...]
    function: Function


_FAMILY = "family of Hendrycks & Dietterich 2019; strengths ours"
_SIDE = "share of the shorter side"

CORRUPTIONS: dict[str, StockCorruption] = {
    "gaussian_noise": StockCorruption(
        "Gaussian noise", _FAMILY, Kind.MODERATE, "standard deviation, share of full scale",
        (0.03, 0.06, 0.09, 0.13, 0.18), moderate.gaussian_noise,
    ),
    "gaussian_blur": StockCorruption(
        "Gaussian blur", _FAMILY, Kind.MODERATE, f"standard deviation, {_SIDE}",
        (0.008, 0.013, 0.020, 0.029, 0.040), moderate.gaussian_blur,
    ),
    "motion_blur": StockCorruption(
        "Motion blur", _FAMILY, Kind.MODERATE, f"length, {_SIDE}",
        (0.03, 0.06, 0.09, 0.13, 0.18), moderate.motion_blur,
    ),
    "jpeg": StockCorruption(
        "JPEG compression", _FAMILY, Kind.MODERATE, "quality",
        (35, 22, 14, 9, 5), moderate.jpeg,
    ),
    "brightness": StockCorruption(
        "Brightness", _FAMILY, Kind.MODERATE, "natural logarithm of the gain, up or down",
        (0.10, 0.20, 0.32, 0.46, 0.62), moderate.brightness,
    ),
    "contrast": StockCorruption(
        "Low contrast", _FAMILY, Kind.MODERATE, "share of the contrast kept",
        (0.75, 0.60, 0.45, 0.32, 0.20), moderate.contrast,
    ),
    "colour_cast": StockCorruption(
        "Colour cast", "white-balance errors as in Afifi & Brown 2019; model and strengths ours",
        Kind.MODERATE, "length of the logarithms of the three gains of light",
        (0.15, 0.30, 0.45, 0.65, 0.90), moderate.colour_cast,
    ),
    "low_resolution": StockCorruption(
        "Low resolution", f"pixelate, {_FAMILY}", Kind.MODERATE, "share of each side kept",
        (0.60, 0.45, 0.33, 0.24, 0.16), moderate.low_resolution,
    ),
    "shuffled_tiles": StockCorruption(
        "Shuffled tiles, inverted", "ours", Kind.FAR, "tiles to the shorter side",
        (8,), far.shuffled_tiles,
    ),
    "phase_noise": StockCorruption(
        "Random phases, inverted", "ours", Kind.FAR,
        "share of a full turn", (1.0,), far.phase_noise,
    ),
}  # fmt: skip
