"""Code shared by Heidelberg's formats: brightness, boundaries, the SLO picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from triage.errors import ImageRejected, RejectReason
from triage.oct_imaging.vendors.source import is_scale
from triage.oct_imaging.volume import Localizer

MANUFACTURER = "Heidelberg Engineering"
MOST_SURFACES = 64
MOST_SURFACE_SAMPLES = 2**24
"""19 boundaries of 512 B-scans of 1536 columns; 64 MiB."""

# In the order of the exported vectors (HEYEX export manual; eyepy found the same from XML exports).
LAYERS = (
    "ILM", "BM", "RNFL", "GCL", "IPL", "INL", "OPL", "ONL", "ELM", "IOS", "OPT", "CHO", "VIT",
    "ANT", "PR1", "PR2", "RPE", "IPL+", "IPL-",
)  # fmt: skip


def layer_name(index: int) -> str:
    """Name of a boundary by its number in the file."""
    return LAYERS[index] if index < len(LAYERS) else f"layer {index}"


def grey(reflectivity: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Convert reflectivity to the brightness of Heidelberg's own picture export.

    Parameters
    ----------
    reflectivity : float array
        0 to 1; numbers outside, above all the 3.4e38 of invalid samples, mean no signal.

    Returns
    -------
    uint8 array
        255 (ln(x + 0.000244) + 8.3) / 8.285, cut to 0..255: the curve that reproduces the grey
        values of an XML export from the `.vol` export of the same scan to within 3 levels
        (OCT-Converter, issue 21), so that both exports look the same to a network. The fourth root
        that the export's manual names is darker at the top and brighter at the bottom.
    """
    x = np.asarray(reflectivity, np.float32)
    valid = (x >= 0) & (x <= 1)
    shown = (np.log(np.where(valid, x, 0) + np.float32(2.44e-4)) + 8.3) * (255 / 8.285)
    return np.where(valid, np.rint(np.clip(shown, 0, 255)), 0).astype(np.uint8)


def boundary(rows: NDArray[np.floating], height: int) -> NDArray[np.float32]:
    """Boundary in rows, NaN where it is outside the B-scan or was not found."""
    rows = np.asarray(rows, np.float32)
    return np.where((rows > 0) & (rows < height), rows, np.float32(np.nan)).astype(np.float32)


def too_many_boundaries() -> ImageRejected:
    """Return the refusal of more layer boundaries than any volume has."""
    return ImageRejected(
        RejectReason.TOO_LARGE,
        "The file holds more layer boundaries than are read.",
        hint="Export the scan without its segmentation.",
    )


class Surfaces:
    """Boundaries of a volume, collected B-scan by B-scan.

    Parameters
    ----------
    shape : (int, int, int)
        B-scans, rows and columns of the volume.
    """

    def __init__(self, shape: tuple[int, int, int]) -> None:
        self._count, self._height, self._width = shape
        self._rows: dict[str, NDArray[np.float32]] = {}

    def put(self, name: str, bscan: int, rows: NDArray[np.floating]) -> None:
        """Add the boundary of one B-scan, in rows from the top [W].

        Raises
        ------
        ImageRejected
            With `RejectReason.TOO_LARGE`, for more boundaries than any volume has: each takes
            memory of the volume's size, however few B-scans have one.
        """
        if name not in self._rows:
            samples = (len(self._rows) + 1) * self._count * self._width
            if len(self._rows) >= MOST_SURFACES or samples > MOST_SURFACE_SAMPLES:
                raise too_many_boundaries()
            self._rows[name] = np.full((self._count, self._width), np.nan, np.float32)
        self._rows[name][bscan] = boundary(rows, self._height)

    def found(self) -> dict[str, NDArray[np.float32]]:
        """Boundaries that have at least one sample, float32 [S, W] by name."""
        return {name: rows for name, rows in self._rows.items() if np.isfinite(rows).any()}


def slo_localizer(
    pixels: NDArray[np.uint8],
    scale_x: float,
    scale_y: float,
    lines: NDArray[np.floating] | None,
) -> Localizer:
    """SLO picture with its scale and, if both are known, the B-scans on it.

    Parameters
    ----------
    pixels : uint8 array [h, w]
    scale_x, scale_y : float
        mm per pixel; anything but a positive number means unknown.
    lines : float array [S, 2, 2] or None
        Start and end of each B-scan in mm from the picture's upper left corner.
    """
    if not (is_scale(scale_x) and is_scale(scale_y)):
        return Localizer(pixels)
    square = abs(scale_x - scale_y) <= 0.01 * scale_x
    on_picture = None
    if lines is not None:
        on_picture = (lines / (scale_x, scale_y)).astype(np.float32)
    return Localizer(pixels, scale_x if square else None, on_picture)
