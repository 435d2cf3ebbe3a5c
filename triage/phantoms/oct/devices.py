"""The two phantom scanners and their differences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Size = tuple[int, int, int]
"""B-scans, rows, columns."""


@dataclass(frozen=True)
class PhantomDevice:
    """How a scanner converts tissue to grey values.

    Parameters
    ----------
    name : str
        'A' or 'B', as in a manifest.
    manufacturer, model : str
        As written to DICOM; neither exists.
    size : tuple of int
        Default number of B-scans, rows and columns.
    field : tuple of float
        mm covered by all B-scans, by all rows, by all columns, whatever their number.
    tone : {'root', 'logarithm'}
        'root' shows the cube root of intensity, in which averaged speckle is near Gaussian and
        proportional to the signal (Wilson & Hilferty 1931); 'logarithm' shows decibels, in which
        it is the same everywhere.
    speckle : float
        Standard deviation of speckle: relative to the signal ('root'), in grey of 1 ('logarithm').
        1 / (3 sqrt(n)) and about 0.13 / sqrt(n) for n averaged looks.
    grain : tuple of float
        Weight of each neighbour in the speckle, in rows and in columns: correlation over one
        pixel is ``2 k / (1 + 2 k**2)``. A device resamples to its own grid: grain is in pixels.
    blur : tuple of float
        Weight of each neighbour in rows and in columns in the optical blur, 0 to 1/3.
    black, white : float
        Grey, 0 to 1, of no signal and of the brightest tissue.
    gamma : float
        Exponent of the tone curve between them: below 1 lifts the dark layers.
    floor : float
        Noise where there is no signal, in grey of 1; it falls with depth.
    roll_off : float
        Share of the signal lost from the first row to the last.
    wedges : float
        Share of scans whose registration leaves a blank wedge above the retina.
    """

    name: Literal["A", "B"]
    manufacturer: str
    model: str
    size: Size
    field: tuple[float, float, float]
    tone: Literal["root", "logarithm"]
    speckle: float
    grain: tuple[float, float]
    blur: tuple[float, float]
    black: float
    white: float
    gamma: float
    floor: float
    roll_off: float
    wedges: float


DEVICES = {
    "A": PhantomDevice(
        name="A",
        manufacturer="Phantom Optics",
        model="A-100",
        size=(16, 96, 96),
        field=(6.0, 1.25, 6.0),
        tone="root",
        speckle=0.08,
        grain=(0.7, 0.33),
        blur=(0.12, 0.08),
        black=0.0,
        white=1.0,
        gamma=1.0,
        floor=0.09,
        roll_off=0.2,
        wedges=0.08,
    ),
    "B": PhantomDevice(
        name="B",
        manufacturer="Phantom Imaging",
        model="B-20",
        size=(12, 96, 96),
        field=(5.4, 1.45, 7.2),
        tone="logarithm",
        speckle=0.055,
        grain=(0.15, 0.7),
        blur=(0.16, 0.10),
        black=0.30,
        white=0.80,
        gamma=0.65,
        floor=0.03,
        roll_off=0.35,
        wedges=0.25,
    ),
}
"""Scanner A is low-noise with a black background; B is grainier, grey, flatter and wider."""
