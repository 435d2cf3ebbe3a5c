"""Samples of less than a byte, and of 12 bits, packed into rows of whole bytes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from triage.errors import ImageRejected, RejectReason

PACKED_BITS = (1, 2, 4, 8, 12, 16)
"""Bits of a sample that can be unpacked; 16 in the byte order given."""


def row_bytes(samples: int, bits: int) -> int:
    """Number of bytes of a row of samples."""
    return -(-samples * bits // 8)


def unpack_rows(
    rows: NDArray[np.uint8], samples: int, bits: int, order: str = ">"
) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """Unpack rows of samples; the first sample is in the highest bits of the first byte.

    Parameters
    ----------
    rows : uint8 array [H, B]
        At least `row_bytes(samples, bits)` bytes each.
    samples : int
        Samples of a row.
    bits : int
        One of `PACKED_BITS`.
    order : {'<', '>'}
        Byte order of 16-bit samples.

    Returns
    -------
    uint8 or uint16 array [H, samples]

    Raises
    ------
    ImageRejected
        `UNSUPPORTED_ENCODING` for another number of bits.
    """
    if bits == 8:
        return rows[:, :samples]
    if bits == 1:
        return np.unpackbits(rows, axis=1, count=samples)
    if bits in (2, 4):
        shifts = np.arange(8 - bits, -1, -bits, dtype=np.uint8)
        split = (rows[:, :, None] >> shifts) & np.uint8(2**bits - 1)
        return split.reshape(len(rows), -1)[:, :samples]
    if bits == 16:
        words = np.ascontiguousarray(rows[:, : 2 * samples]).view(f"{order}u2")
        return words.astype(np.uint16, copy=False)
    if bits == 12:
        triples = np.zeros((len(rows), -(-samples // 2), 3), np.uint16)
        used = row_bytes(samples, bits)
        triples.reshape(len(rows), -1)[:, :used] = rows[:, :used]
        first = triples[..., 0] << 4 | triples[..., 1] >> 4
        second = (triples[..., 1] & 15) << 8 | triples[..., 2]
        return np.stack([first, second], axis=-1).reshape(len(rows), -1)[:, :samples]
    raise ImageRejected(
        RejectReason.UNSUPPORTED_ENCODING,
        "The samples have an unusual number of bits.",
        hint="Export the picture with 8 or 16 bits a sample.",
    )
