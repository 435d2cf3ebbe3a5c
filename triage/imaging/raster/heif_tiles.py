"""Detection of undecodable tiles in HEIC pictures, which libheif fills without an error."""

from __future__ import annotations

from typing import Any

import numpy as np
import pi_heif
from numpy.typing import NDArray

from triage.imaging.limits import Limits
from triage.imaging.raster.iso_boxes import Meta, show_items

_DERIVED = frozenset({b"grid", b"iovl", b"iden"})
_BORDER = 4  # pixels of a filled tile that chroma of the next one may change, on both sides


def check_tile_sizes(meta: Meta, limits: Limits) -> None:
    """Refuse pictures whose tiles together exceed the limit on pixels.

    Parameters
    ----------
    meta : Meta
    limits : Limits
        `max_total_pixels` holds for the tiles of one picture, as often as each is used.

    Raises
    ------
    ImageRejected
        If a limit is exceeded.
    """
    for sources in meta.sources.values():
        sizes = [size for item in set(sources) if (size := _size_of(meta, item))]
        if sizes:
            width, height = max(sizes, key=lambda size: size[0] * size[1])
            limits.check_pixels(height, width, len(sources))


def may_miss_tiles(meta: Meta, pixels: NDArray[np.uint8]) -> bool:
    """Whether a decoded picture may have tiles that libheif filled.

    libheif fills with zeros before the colours are converted: these become green without red and
    blue, blue without red and green, or black. A square of such pixels as large as the smallest
    visible part of a tile makes a picture suspicious. `has_bad_tile` then decides.

    Parameters
    ----------
    meta : Meta
    pixels : numpy.ndarray
        Height, width, channels.

    Returns
    -------
    bool
        Always true for pictures with opacity and those put together in another way than as a grid
        of tiles of one size, and always false for those that are not put together.
    """
    if meta.types.get(meta.primary) not in _DERIVED:
        return False
    side = _smallest_part(meta)
    if side <= _BORDER or pixels.shape[2] in (2, 4):
        return True
    step = max(1, side // 16)
    count = max(1, (side - _BORDER) // step)
    samples = pixels[::step, ::step]
    filled = samples[:, :, 0] == 0
    if samples.shape[2] == 3:
        filled &= (samples[:, :, 1] == 0) | (samples[:, :, 2] == 0)
    if min(filled.shape) < count:
        return True
    sums = np.zeros((filled.shape[0] + 1, filled.shape[1] + 1), np.int64)
    sums[1:, 1:] = filled.cumsum(0, dtype=np.int64).cumsum(1)
    squares = sums[count:, count:] - sums[:-count, count:]
    squares += sums[:-count, :-count] - sums[count:, :-count]
    return bool(squares.max() == count * count)


def has_bad_tile(data: bytes, meta: Meta) -> bool:
    """Decode each tile of the primary picture separately; return whether libheif refuses one.

    Parameters
    ----------
    data : bytes
    meta : Meta
    """
    tiles = _tiles(meta)
    try:
        shown = show_items(data, tiles | {meta.primary})
        file: Any = pi_heif.open_heif(shown, convert_hdr_to_8bit=True)
        if len(file) <= len(tiles):
            return True
        del file[file.primary_index]
        while True:
            file[0].load()
            if len(file) == 1:
                return False
            del file[0]  # frees its pixels
    except (ValueError, IndexError, RuntimeError, OSError, SyntaxError, EOFError):
        return True


def _tiles(meta: Meta) -> set[int]:
    """Coded items of which the primary picture and its auxiliary pictures are composed."""
    open_items = [meta.primary]
    open_items += [item for item, owners in meta.auxiliary.items() if meta.primary in owners]
    seen: set[int] = set()
    while open_items:
        for item in meta.sources.get(open_items.pop(), ()):
            if item not in seen:
                seen.add(item)
                open_items.append(item)
    return {item for item in seen if meta.types.get(item) not in _DERIVED}


def _smallest_part(meta: Meta) -> int:
    """Shortest side of the visible part of a tile, or 0 if unknown."""
    tiles = meta.sources.get(meta.primary, ())
    sizes = {_size_of(meta, item) for item in tiles}
    whole = _size_of(meta, meta.primary)
    cut = any(kind == b"clap" for kind, _ in meta.properties)
    tile = sizes.pop() if len(sizes) == 1 else None
    if meta.types.get(meta.primary) != b"grid" or cut or not whole or not tile:
        return 0
    if not all((*whole, *tile)):
        return 0
    parts = [(side - 1) % step + 1 for side, step in zip(whole, tile, strict=True)]
    return min(*tile, *parts)


def _size_of(meta: Meta, item: int) -> tuple[int, int] | None:
    return next((size for _, size in meta.properties_of(item) if size), None)
