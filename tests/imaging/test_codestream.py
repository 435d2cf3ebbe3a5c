"""Compressed frames must say what the DICOM header says."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from pydicom import uid
from pydicom.encaps import generate_frames

from triage.errors import ImageRejected, RejectReason
from triage.imaging.codestream import check_codestream, check_rle

from .samples import dicom_dataset, encode, picture


def frame_of(syntax: uid.UID) -> bytes:
    data = dicom_dataset(picture())
    data.compress(syntax, picture(), generate_instance_uid=False)
    return next(generate_frames(data.PixelData, number_of_frames=1))


FRAMES = {
    "jpeg": lambda: encode(picture(), "jpeg"),
    "progressive jpeg": lambda: encode(picture(), "jpeg", progressive=True),
    "jpeg-ls": lambda: frame_of(uid.JPEGLSLossless),
    "jpeg 2000": lambda: frame_of(uid.JPEG2000Lossless),
    "jp2": lambda: encode(picture(), "jpeg2000"),
}


@pytest.mark.parametrize("name", FRAMES)
def test_the_size_is_found(name: str) -> None:
    frame = FRAMES[name]()
    check_codestream(frame, 40, 60, 3)
    for wrong in ((41, 60, 3), (40, 59, 3), (40, 60, 1)):
        with pytest.raises(ImageRejected, match="40 x 60 x 3") as refusal:
            check_codestream(frame, *wrong)
        assert refusal.value.reason is RejectReason.UNREADABLE


@pytest.mark.parametrize("name", FRAMES)
def test_cut_headers_are_refused(name: str) -> None:
    frame = FRAMES[name]()
    for length in range(25):
        with pytest.raises(ImageRejected):
            check_codestream(frame[:length], 40, 60, 3)


def test_a_second_frame_header_is_refused() -> None:
    frame = encode(picture(), "jpeg")
    start = frame.index(b"\xff\xc0")
    header = frame[start : start + 2 + struct.unpack(">H", frame[start + 2 : start + 4])[0]]
    with pytest.raises(ImageRejected):
        check_codestream(frame[:start] + header + frame[start:], 40, 60, 3)


def test_a_sequential_scan_must_hold_all_coefficients() -> None:
    frame = bytearray(encode(picture(), "jpeg"))
    scan = frame.index(b"\xff\xda")
    end = scan + 2 + struct.unpack(">H", frame[scan + 2 : scan + 4])[0]
    assert frame[end - 3 : end] == b"\x00\x3f\x00"
    frame[end - 2] = 0
    with pytest.raises(ImageRejected):
        check_codestream(bytes(frame), 40, 60, 3)


def test_boxes_that_lead_nowhere() -> None:
    jp2 = encode(picture(), "jpeg2000")
    without = jp2[: jp2.index(b"jp2c") - 4]
    for tail in (b"", struct.pack(">L4s", 0, b"free"), struct.pack(">L4s", 7, b"free")):
        with pytest.raises(ImageRejected):
            check_codestream(without + tail, 40, 60, 3)


def rle(*segments: bytes) -> bytes:
    offsets = np.cumsum([64] + [len(segment) for segment in segments[:-1]]).tolist()
    padded = (offsets + [0] * 15)[:15]
    return struct.pack("<16L", len(segments), *padded) + b"".join(segments)


def test_rle_expansion_is_bounded() -> None:
    run = bytes([129, 7])  # 128 times the byte 7
    check_rle(rle(run), 8, 16, 1)
    check_rle(rle(bytes([127, *range(128)])), 8, 16, 1)
    check_rle(rle(bytes([128]) * 5 + run), 8, 16, 1)
    check_rle(rle(run * 2), 8, 16, 1)  # padding
    for frame, reason in (
        (rle(run * 100_000), RejectReason.UNREADABLE),
        (rle(run, run), RejectReason.UNREADABLE),
        (rle(bytes([130, 7])), RejectReason.TRUNCATED),
        (rle(bytes([127, 1, 2])), RejectReason.TRUNCATED),
        (rle(run)[:63], RejectReason.TRUNCATED),
    ):
        with pytest.raises(ImageRejected) as refusal:
            check_rle(frame, 8, 16, 1)
        assert refusal.value.reason is reason


def test_rle_of_pydicom_passes() -> None:
    check_rle(frame_of(uid.RLELossless), 40, 60, 3)
