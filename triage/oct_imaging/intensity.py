"""Scaling of stored samples of any type to 8-bit grey, one B-scan at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

PERCENTILES = (0.1, 99.9)
_SAMPLES = 500_000
_LARGEST = 1e30  # beyond lie the markers that scanners write where there was no signal
_BLOCK = 2**15  # samples scaled at a time, so that intermediates stay in the processor's cache

FrameAt = Callable[[int], NDArray[Any]]
"""Returns the stored samples [H, W] of the B-scan of an index; called twice for each."""


def to_bytes(bscans: NDArray[Any]) -> NDArray[np.uint8]:
    """Scale a volume to 8 bits.

    Parameters
    ----------
    bscans : integer or real array [S, H, W]
        Linear in what is shown.

    Returns
    -------
    uint8 array [S, H, W]
        uint8 comes back as it is. All else is scaled linearly so that the percentiles 0.1 and
        99.9 of the volume become 0 and 255; a few hot samples do not darken a scan. Samples that
        are no number are 0.
    """
    if bscans.dtype == np.uint8:
        return bscans
    count, height, width = bscans.shape
    return scale_frames(lambda index: bscans[index], (count, height, width))


def scale_frames(frame_at: FrameAt, shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Scale a volume as `to_bytes` does, converting one B-scan at a time.

    Parameters
    ----------
    frame_at : callable
        See `FrameAt`.
    shape : (int, int, int)
        S, H, W.

    Returns
    -------
    uint8 array [S, H, W]
    """
    shown = np.zeros(shape, np.uint8)
    scale = _scale_of(frame_at, shape)
    if scale is not None:
        for index, target in enumerate(shown):
            scale(frame_at(index), target)
    return shown


def to_bytes_within(bscans: NDArray[Any]) -> NDArray[np.uint8]:
    """Scale a volume as `to_bytes` does, in the memory that it occupies already.

    Parameters
    ----------
    bscans : integer or real array [S, H, W]
        Overwritten and cut short: the caller must hold no view of it and not use it again. An
        array that does not own its memory, or lies in it in another order, is left alone.

    Returns
    -------
    uint8 array [S, H, W]
    """
    plain = bscans.flags.c_contiguous and bscans.flags.owndata and bscans.flags.writeable
    if bscans.dtype == np.uint8 or not plain:
        return to_bytes(bscans)
    count, height, width = bscans.shape
    size, pixels = bscans.size, height * width
    scale = _scale_of(lambda index: bscans[index], (count, height, width))
    content = bscans.reshape(-1).view(np.uint8)
    shown = np.zeros((height, width), np.uint8)
    for index in range(count):
        # A B-scan of bytes ends before the stored samples of the next begin.
        if scale is not None:
            scale(bscans[index], shown)
        content[index * pixels : (index + 1) * pixels] = shown.reshape(-1)
    del content
    bscans.resize(-(-size // bscans.itemsize), refcheck=False)
    return bscans.view(np.uint8)[:size].reshape(count, height, width)


def _scale_of(
    frame_at: FrameAt, shape: tuple[int, int, int]
) -> Callable[[NDArray[Any], NDArray[np.uint8]], None] | None:
    """Function that scales one B-scan into an array; None if all samples are equal."""
    low, high = _range(frame_at, shape)
    if not high > low:
        return None
    tables: dict[np.dtype[Any], NDArray[np.uint8]] = {}

    def scale(frame: NDArray[Any], target: NDArray[np.uint8]) -> None:
        native = frame.dtype.newbyteorder("=")
        if native.itemsize == 2 and native.kind in "ui":
            if native not in tables:
                tables[native] = _scaled(np.arange(2**16, dtype=np.uint16).view(native), low, high)
            stored = np.ascontiguousarray(frame, native).view(np.uint16)
            tables[native].take(stored, out=target)
            return
        for rows in _row_blocks(frame.shape):
            target[rows] = _scaled(frame[rows], low, high)

    return scale


def _scaled(samples: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    # double precision: the difference of two floats may overflow their own type
    scaled = samples.astype(np.float64)
    with np.errstate(invalid="ignore"):
        # written so that what is no number is none here either
        absent = ~(np.abs(scaled) < _LARGEST)
        scaled -= low
        scaled *= 255 / (high - low)
        scaled.clip(0, 255, out=scaled)
        scaled[absent] = 0
    return np.rint(scaled, out=scaled).astype(np.uint8)


def _row_blocks(shape: tuple[int, ...]) -> Iterator[slice]:
    step = max(1, _BLOCK // max(1, shape[1]))
    return (slice(row, row + step) for row in range(0, shape[0], step))


def _range(frame_at: FrameAt, shape: tuple[int, int, int]) -> tuple[float, float]:
    """Percentiles over an even subset of the samples; the extremes if they coincide."""
    count, height, width = shape
    pixels = height * width
    step = max(1, count * pixels // _SAMPLES)
    step += step > 1 and step % 2 == 0  # odd, so that the subset is not always of the same columns
    pieces = [
        frame_at(index).reshape(-1)[-index * pixels % step :: step].astype(np.float64)
        for index in range(count)
    ]
    sample = np.concatenate(pieces)
    sample = sample[np.isfinite(sample) & (np.abs(sample) < _LARGEST)]
    if not sample.size:
        return 0.0, 0.0
    low, high = np.percentile(sample, PERCENTILES)
    return (float(low), float(high)) if high > low else (float(sample.min()), float(sample.max()))
