"""Palette colour lookup tables (PS3.3 C.7.6.3.1.5, C.7.6.3.1.6 and C.7.9.2)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from triage.errors import ImageRejected, RejectReason

_CHANNELS = ("Red", "Green", "Blue")
_DISCRETE, _LINEAR, _INDIRECT = 0, 1, 2


def palette_table(dataset: Dataset, bits: int) -> NDArray[np.uint8]:
    """Compute the colours of a PALETTE COLOR picture for all its stored values.

    Parameters
    ----------
    dataset : pydicom.dataset.Dataset
        Gives the tables, whole or in segments.
    bits : int
        Stored bits, 1 to 16.

    Returns
    -------
    uint8 array [2 ** bits, 3]
        Values below the first that is mapped have its colour, those beyond the last have that of
        the last. Of entries of 16 bits the high byte is taken.

    Raises
    ------
    ImageRejected
        With `RejectReason.UNREADABLE`, if a table is missing, damaged or too short.
    """
    values = np.arange(2**bits)
    channels = []
    for name in _CHANNELS:
        count, first, depth = _descriptor(dataset, name)
        entries = _entries(dataset, name, count, depth)
        channels.append(entries[np.clip(values - first, 0, count - 1)])
    return np.stack(channels, axis=1).astype(np.uint8)


def _descriptor(dataset: Dataset, name: str) -> tuple[int, int, int]:
    """Return number of entries, first value mapped and bits of an entry."""
    descriptor = dataset.get(f"{name}PaletteColorLookupTableDescriptor")
    try:
        # 65536 does not fit and is written 0; with a signed VR half of the numbers are negative
        count, first, depth = (int(number) & 0xFFFF for number in descriptor)
    except (TypeError, ValueError):
        raise _damaged() from None
    if depth not in (8, 16):
        raise _damaged()
    return count or 2**16, first, depth


def _entries(dataset: Dataset, name: str, count: int, depth: int) -> NDArray[np.integer]:
    """Return the entries of a channel, 8 bits each."""
    order = "<" if dataset.original_encoding[1] is not False else ">"
    segmented = dataset.get(f"Segmented{name}PaletteColorLookupTableData")
    data = dataset.get(f"{name}PaletteColorLookupTableData")
    if not isinstance(data, bytes) and not isinstance(segmented, bytes):
        raise _damaged()
    if isinstance(data, bytes) and data:
        if len(data) < 2 * count:  # the descriptor may state another length
            return _levels(np.frombuffer(_octets(data, order), np.uint8), count, 8)
        words = np.frombuffer(data[: len(data) // 2 * 2], f"{order}u2")
        # Entries of 8 bits are allowed to lie in words of 16.
        return _levels(words, count, 8 if depth == 8 and words.max() < 256 else 16)
    assert isinstance(segmented, bytes)
    if depth == 8:
        words = np.frombuffer(_octets(segmented, order), np.uint8)
    else:
        words = np.frombuffer(segmented[: len(segmented) // 2 * 2], f"{order}u2")
    return _levels(_expanded(words.tolist(), count, depth), count, depth)


def _octets(data: bytes, order: str) -> bytes:
    """Return 8-bit entries in order; in big-endian words the bytes of each pair are swapped."""
    if order == "<":
        return data
    return np.frombuffer(data[: len(data) // 2 * 2], np.uint16).byteswap().tobytes()


def _levels(entries: NDArray[np.integer], count: int, depth: int) -> NDArray[np.integer]:
    """Scale entries to 8 bits by their high byte, exact for both ways of storing 8 bits in 16."""
    if len(entries) < count:
        raise _damaged()
    return entries[:count] >> 8 if depth == 16 else entries[:count]


def _expanded(words: list[int], count: int, depth: int) -> NDArray[np.integer]:
    """Expand a segmented table (C.7.9.2) to at most `count` entries."""
    entries: list[int] = []
    starts: set[int] = set()
    position = 0
    try:
        while position + 1 < len(words) and len(entries) < count:
            starts.add(position)
            kind, length = words[position], words[position + 1]
            if kind == _INDIRECT:
                width = 32 // depth  # the offset has 32 bits
                offset = words[position + 2 : position + 2 + width]
                octets = sum(word << (depth * power) for power, word in enumerate(offset))
                _repeat(entries, words, starts, (octets // (depth // 8), length), count)
                position += 2 + width
            else:
                position = _segment(entries, words, position)
    except IndexError:
        raise _damaged() from None
    return np.asarray(entries[:count], np.int64)


def _segment(entries: list[int], words: list[int], position: int) -> int:
    """Append a discrete or linear segment, and return the start of the next one."""
    kind, length = words[position], words[position + 1]
    if not length:
        raise _damaged()
    if kind == _DISCRETE:
        entries += words[position + 2 : position + 2 + length]
        return position + 2 + length
    if kind != _LINEAR or not entries:
        raise _damaged()
    last = words[position + 2]
    entries += np.rint(np.linspace(entries[-1], last, length + 1)[1:]).astype(int).tolist()
    return position + 3


def _repeat(
    entries: list[int], words: list[int], starts: set[int], segments: tuple[int, int], count: int
) -> None:
    """Append earlier segments again (an indirect segment): a number of them from the first on."""
    position, repetitions = segments
    for _ in range(repetitions):
        if len(entries) >= count:
            break
        if position not in starts or words[position] == _INDIRECT:
            raise _damaged()
        position = _segment(entries, words, position)


def _damaged() -> ImageRejected:
    return ImageRejected(
        RejectReason.UNREADABLE,
        "The DICOM file's colour table is damaged or missing.",
        hint="Export the picture as RGB.",
    )
