"""EXIF orientation: rotation of a stored picture to upright."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_STRIP = 32  # rows copied at a time: strided copies of a large frame miss every cache


def upright(frame: NDArray[Any], orientation: object) -> NDArray[Any]:
    """Rotate or mirror a stored picture to upright.

    Parameters
    ----------
    frame : array [H, W] or [H, W, C]
    orientation : int
        EXIF 2.32, 4.6.4, tag 0x0112: where the zeroth row and column of the stored picture lie.
        Anything but 2 to 8 leaves the picture as it is.

    Returns
    -------
    array
        The frame itself, or a contiguous copy.
    """
    if not isinstance(orientation, int) or not 2 <= orientation <= 8:
        return frame
    height, width = frame.shape[:2]
    shape = (width, height) if orientation >= 5 else (height, width)
    result = np.empty((*shape, *frame.shape[2:]), frame.dtype)
    stored = _as_stored(result, orientation)
    for start in range(0, height, _STRIP):
        rows = slice(start, start + _STRIP)
        if frame.ndim == 2:
            stored[rows] = frame[rows]
            continue
        for channel in range(frame.shape[2]):
            stored[rows, :, channel] = frame[rows, :, channel]
    return result


def _as_stored(picture: NDArray[Any], orientation: int) -> NDArray[Any]:
    """View an upright picture as it would be stored under an orientation."""
    if orientation == 2:
        return picture[:, ::-1]
    if orientation == 3:
        return picture[::-1, ::-1]
    if orientation == 4:
        return picture[::-1]
    if orientation == 5:
        return picture.swapaxes(0, 1)
    if orientation == 6:
        return np.rot90(picture, 1)
    if orientation == 7:
        return picture.swapaxes(0, 1)[::-1, ::-1]
    return np.rot90(picture, -1)
