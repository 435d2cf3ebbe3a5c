"""Far corruptions: the subject is not recognisable.

Each takes a frame, uint8 [H, W, 3], a strength and a generator, and returns a new frame of the
same shape.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Frame = NDArray[np.uint8]


def shuffled_tiles(frame: Frame, tiles: float, generator: np.random.Generator) -> Frame:
    """Invert the colours and permute square tiles; the strength is the tiles per shorter side.

    Sides that are no multiple of the tile are mirrored to the next one first, and cropped last.
    """
    height, width = frame.shape[:2]
    side = max(1, min(height, width) // int(tiles))
    spare = ((0, -height % side), (0, -width % side), (0, 0))
    whole = 255 - np.pad(frame, spare, mode="symmetric")
    rows, columns = whole.shape[0] // side, whole.shape[1] // side
    cut = whole.reshape(rows, side, columns, side, 3).swapaxes(1, 2)
    mixed = generator.permutation(cut.reshape(rows * columns, side, side, 3))
    joined = mixed.reshape(rows, columns, side, side, 3).swapaxes(1, 2).reshape(whole.shape)
    return np.ascontiguousarray(joined[:height, :width])


def phase_noise(frame: Frame, share: float, generator: np.random.Generator) -> Frame:
    """Invert the colours and add noise to the phases of the spectrum; a share of 1 is all of it.

    The amplitudes, and so the power at each scale, stay; the same phases are added in all
    channels, so colours stay together. The phases are those of a picture of white noise, which
    keeps the inverse transform real. They scatter values beyond 0 to 255, which are cut off.
    """
    spectrum = np.fft.rfft2((255 - frame).astype(np.float32), axes=(0, 1))
    noise = np.fft.rfft2(generator.standard_normal(frame.shape[:2], np.float32))
    added = share * np.angle(noise)[:, :, None]
    added[0, 0] = 0  # the mean stays
    mixed = np.fft.irfft2(spectrum * np.exp(1j * added), s=frame.shape[:2], axes=(0, 1))
    return np.clip(np.rint(mixed), 0, 255).astype(np.uint8)
