"""Every fragment of compressed pixel data is used once, whatever the offset tables say."""

from __future__ import annotations

import struct
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from pydicom import uid

from tests.imaging.samples import dicom_dataset, fragmented, jpeg_2000, jpeg_ls, picture, rle
from triage.errors import ImageRejected, RejectReason
from triage.imaging.dicom import encapsulated_frames
from triage.imaging.dicom.read import read_dicom
from triage.imaging.limits import DEFAULT_LIMITS

SOURCE = np.stack([picture(20, 30, seed=5 * seed) for seed in range(3)])
CODESTREAMS = [jpeg_2000(frame) + b"\0" * (len(jpeg_2000(frame)) % 2) for frame in SOURCE]


def offsets(fragments: list[bytes]) -> list[int]:
    return np.cumsum([0] + [8 + len(fragment) for fragment in fragments[:-1]]).tolist()


def split(codestream: bytes, parts: int) -> list[bytes]:
    bounds = np.linspace(0, len(codestream) // 2, parts + 1).astype(int) * 2
    return [codestream[first:last] for first, last in pairwise(bounds)]


def read(
    fragments: list[bytes],
    frames: int = 3,
    *,
    syntax: uid.UID = uid.JPEG2000Lossless,
    extended: list[int] | None = None,
    **options: Any,
) -> np.ndarray:
    data = dicom_dataset(SOURCE[:1].repeat(frames, 0))
    if extended is not None:
        data.ExtendedOffsetTable = struct.pack(f"<{len(extended)}Q", *extended)
        data.ExtendedOffsetTableLengths = bytes(8 * len(extended))
    content = fragmented(data, fragments, syntax, **options)
    return read_dicom(content, DEFAULT_LIMITS, photographs_only=True)[0]


def refused(*arguments: Any, **options: Any) -> RejectReason:
    with pytest.raises(ImageRejected) as refusal:
        read(*arguments, **options)
    return refusal.value.reason


def test_one_fragment_for_each_frame_whatever_the_table_says() -> None:
    starts = offsets(CODESTREAMS)
    for table in (None, starts, [0, 0, 0], starts[::-1], [4, 8], [0, starts[1]], [*starts, 9999]):
        np.testing.assert_array_equal(read(CODESTREAMS, table=table), SOURCE)
        np.testing.assert_array_equal(read(CODESTREAMS, table=table, end=False), SOURCE)


@pytest.mark.parametrize("parts", [2, 5])
def test_several_fragments_for_each_frame(parts: int) -> None:
    fragments = [piece for codestream in CODESTREAMS for piece in split(codestream, parts)]
    starts = offsets(fragments)[::parts]
    # by where codestreams begin, if the table is missing or cannot be right
    for table in (None, starts, [0, starts[1], starts[1]], [0, starts[2], starts[1]], [0, 2, 4]):
        np.testing.assert_array_equal(read(fragments, table=table), SOURCE)
    np.testing.assert_array_equal(read(fragments, extended=starts), SOURCE)
    np.testing.assert_array_equal(read(fragments[:parts], 1), SOURCE[:1])


def test_empty_fragments_are_left_out() -> None:
    first, second, third = CODESTREAMS
    np.testing.assert_array_equal(read([first, b"", second, third, b""]), SOURCE)


def test_wrong_numbers_of_frames() -> None:
    assert refused(CODESTREAMS, 4) is RejectReason.TRUNCATED
    assert refused(CODESTREAMS, 2) is RejectReason.INCONSISTENT
    assert refused(CODESTREAMS, 1) is RejectReason.INCONSISTENT
    # a table that leaves a frame out
    starts = offsets(CODESTREAMS)
    assert refused(CODESTREAMS, 2, table=[0, starts[2]]) is RejectReason.INCONSISTENT
    halves = [piece for codestream in CODESTREAMS[:2] for piece in split(codestream, 2)]
    assert refused(halves, 3) is RejectReason.TRUNCATED
    assert refused([], 1) is RejectReason.TRUNCATED


def test_a_frame_shown_twice_is_not_read() -> None:
    """The table's two entries name one frame, and there is another."""
    fragments = [*split(CODESTREAMS[0], 2), *split(CODESTREAMS[1], 2)]
    np.testing.assert_array_equal(read(fragments, 2, table=[0, 0]), SOURCE[:2])


def test_rle_frames_are_told_by_number_or_table_only() -> None:
    frames = [rle(frame) for frame in SOURCE]
    frames = [frame + b"\0" * (len(frame) % 2) for frame in frames]
    syntax = uid.RLELossless
    np.testing.assert_array_equal(read(frames, syntax=syntax), SOURCE)
    halves = [piece for frame in frames for piece in split(frame, 2)]
    starts = offsets(halves)[::2]
    np.testing.assert_array_equal(read(halves, syntax=syntax, table=starts), SOURCE)
    assert refused(halves, syntax=syntax) is RejectReason.INCONSISTENT
    assert refused(frames, 2, syntax=syntax) is RejectReason.INCONSISTENT


def test_a_codestream_of_another_kind_than_the_transfer_syntax_says() -> None:
    codestreams = [jpeg_ls(frame) for frame in SOURCE]
    codestreams = [stream + b"\0" * (len(stream) % 2) for stream in codestreams]
    np.testing.assert_array_equal(read(codestreams, syntax=uid.JPEGBaseline8Bit), SOURCE)
    assert refused([b"neither nor!"] * 3) is RejectReason.UNREADABLE


def test_the_offset_table_may_be_missing_altogether() -> None:
    data = dicom_dataset(SOURCE)
    content = fragmented(data, CODESTREAMS, uid.JPEG2000Lossless)
    empty = struct.pack("<HHL", 0xFFFE, 0xE000, 0)
    start = content.index(empty)
    content = content[:start] + content[start + 8 :]
    frames, *_ = read_dicom(content, DEFAULT_LIMITS, photographs_only=True)
    np.testing.assert_array_equal(frames, SOURCE)


def test_what_is_no_item_is_refused() -> None:
    data = dicom_dataset(SOURCE)
    content = fragmented(data, CODESTREAMS, uid.JPEG2000Lossless)
    place = content.index(CODESTREAMS[1]) - 8
    damaged = content[:place] + b"\0\0\0\0" + content[place + 4 :]
    for broken, reason in (
        (damaged, RejectReason.UNREADABLE),
        (content[:-12], RejectReason.TRUNCATED),
        (content[: place + 5], RejectReason.TRUNCATED),
    ):
        with pytest.raises(ImageRejected) as refusal:
            read_dicom(broken, DEFAULT_LIMITS, photographs_only=True)
        assert refusal.value.reason is reason


def test_a_delimiter_within_a_codestream_does_not_end_it() -> None:
    delimiter = struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)
    comment = b"\xff\x64" + struct.pack(">HH", 4 + len(delimiter), 0) + delimiter
    codestreams = []
    for stream in CODESTREAMS:
        place = stream.index(b"\xff\x90\0\x0a")
        codestreams.append(stream[:place] + comment + stream[place:])
    np.testing.assert_array_equal(read(codestreams), SOURCE)


def test_the_number_of_fragments_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encapsulated_frames, "MAX_FRAGMENTS", 50)
    fragments = split(CODESTREAMS[0], 60)
    assert refused(fragments, 1) is RejectReason.TOO_MUCH_WORK
