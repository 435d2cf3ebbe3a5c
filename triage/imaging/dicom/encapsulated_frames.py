"""Fragments of compressed pixel data (PS3.5 A.4) joined to one codestream per frame.

Fragments are assigned to frames by their number, by the offset table, or by the starts of
codestreams. Offset tables are often wrong, so a table is used only if it is consistent, and every
fragment is used exactly once.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from triage.errors import ImageRejected, RejectReason

MAX_FRAGMENTS = 1_000_000
STARTS = (b"\xff\xd8\xff", b"\xff\x4f\xff\x51", b"\x00\x00\x00\x0cjP  ")
"""Beginnings of JPEG and JPEG-LS, of JPEG 2000, and of JPEG 2000 in a JP2 file."""

_ITEM = (0xFFFE, 0xE000)
_DELIMITER = (0xFFFE, 0xE0DD)
_HEADER = struct.Struct("<HHL")
_MEND = "Export the picture again."


@dataclass(frozen=True)
class Fragments:
    """Fragments of compressed pixel data, without the empty ones.

    Parameters
    ----------
    pieces : tuple of memoryview
    offsets : tuple of int
        Where the header of each begins, in bytes from that of the first.
    table : tuple of int
        The basic offset table.
    """

    pieces: tuple[memoryview, ...]
    offsets: tuple[int, ...]
    table: tuple[int, ...]


def read_fragments(value: memoryview) -> Fragments:
    """Split pixel data into its fragments.

    Parameters
    ----------
    value : memoryview
        From the first item, the offset table, on. What follows the delimiter is ignored; it may
        be missing where the last fragment ends with the data.

    Raises
    ------
    ImageRejected
        `TRUNCATED`, `UNREADABLE` for anything but items, `TOO_MUCH_WORK` for more fragments than
        `MAX_FRAGMENTS`.
    """
    pieces: list[memoryview] = []
    offsets: list[int] = []
    table: tuple[int, ...] = ()
    position = count = first = 0
    while position < len(value):
        if position + 8 > len(value):
            raise _cut()
        group, element, length = _HEADER.unpack_from(value, position)
        if (group, element) == _DELIMITER:
            break
        if (group, element) != _ITEM:
            raise ImageRejected(
                RejectReason.UNREADABLE,
                "The compressed pixel data is no list of items.",
                hint="Copy or export the file again.",
            )
        if position + 8 + length > len(value):
            raise _cut()
        piece = value[position + 8 : position + 8 + length]
        if count == 0 and not _begins_codestream(piece):
            table = struct.unpack(f"<{length // 4}L", piece[: length // 4 * 4])
            first = position + 8 + length
        elif length:
            pieces.append(piece)
            offsets.append(position - first)
        position += 8 + length
        count += 1
        if count > MAX_FRAGMENTS:
            raise ImageRejected(
                RejectReason.TOO_MUCH_WORK,
                f"The pixel data has more than {MAX_FRAGMENTS} fragments.",
                hint=_MEND,
            )
    return Fragments(tuple(pieces), tuple(offsets), table)


def frame_codestreams(
    fragments: Fragments,
    frames: int,
    *,
    extended: Sequence[int] = (),
    marked: bool = True,
) -> Iterator[memoryview]:
    """Join fragments to one codestream for each frame.

    Parameters
    ----------
    fragments : Fragments
    frames : int
        As the header announces.
    extended : sequence of int
        The extended offset table (PS3.3 C.7.6.3), if there is one.
    marked : bool
        Whether codestreams can be recognised by their first bytes; those of RLE cannot.

    Yields
    ------
    memoryview

    Raises
    ------
    ImageRejected
        `TRUNCATED` if there are fewer frames than announced, `INCONSISTENT` if there are more or
        nothing states which fragments belong together.
    """
    for first, last in _bounds(fragments, frames, extended, marked):
        pieces = fragments.pieces[first:last]
        yield pieces[0] if len(pieces) == 1 else memoryview(b"".join(pieces))


def _bounds(
    fragments: Fragments, frames: int, extended: Sequence[int], marked: bool
) -> list[tuple[int, int]]:
    """Return the first fragment of each frame and the one after its last."""
    count = len(fragments.pieces)
    begins = [marked and _begins_codestream(piece) for piece in fragments.pieces]
    starts = [index for index, begin in enumerate(begins) if begin]
    if count < frames:
        raise ImageRejected(
            RejectReason.TRUNCATED,
            "There are fewer frames than the header announces.",
            hint="Copy or export the file again.",
        )
    if len(starts) > frames:
        raise _surplus()
    if count == frames:
        return [(index, index + 1) for index in range(count)]
    for table in (extended, fragments.table):
        if len(table) == frames and (found := _indices(table, fragments.offsets)):
            return list(pairwise([*found, count]))
    if len(starts) == frames and starts[0] == 0:
        return list(pairwise([*starts, count]))
    if frames == 1 and (marked or not any(map(_begins_rle, fragments.pieces[1:]))):
        return [(0, count)]
    if marked and len(starts) < frames:
        raise ImageRejected(
            RejectReason.TRUNCATED,
            "Fewer frames begin in the pixel data than the header announces.",
            hint="Copy or export the file again.",
        )
    raise _surplus()


def _begins_codestream(piece: memoryview) -> bool:
    return bytes(piece[:12]).startswith(STARTS)


def _begins_rle(piece: memoryview) -> bool:
    """Whether a fragment begins with an RLE header (PS3.5 G.5): a segment count, then 64."""
    if len(piece) < 64:
        return False
    segments, offset = struct.unpack_from("<2L", piece)
    return bool(1 <= segments <= 15 and offset == 64)


def _indices(table: Sequence[int], offsets: Sequence[int]) -> list[int]:
    """Return the fragments that an offset table points to; empty if the table is inconsistent."""
    if table[0] != 0 or any(first >= second for first, second in pairwise(table)):
        return []
    index_of = {offset: index for index, offset in enumerate(offsets)}
    indices = [index_of.get(offset, -1) for offset in table]
    return indices if indices[0] == 0 and min(indices) == 0 else []


def _surplus() -> ImageRejected:
    return ImageRejected(
        RejectReason.INCONSISTENT,
        "The pixel data holds more frames than the header announces.",
        hint=_MEND,
    )


def _cut() -> ImageRejected:
    return ImageRejected(
        RejectReason.TRUNCATED,
        "The pixel data ends within a fragment.",
        hint="Copy or export the file again.",
    )
