"""Compressed frames that end early are refused, whatever is done to make them look complete."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from pydicom import uid

from tests.imaging.samples import (
    dicom_dataset,
    encapsulated,
    encode,
    file_bytes,
    htj2k,
    jpeg_2000,
    jpeg_ls,
    lossless_jpeg,
    picture,
    rle,
)
from triage.codecs.jpeg import decode_jpeg
from triage.codecs.jpeg2000 import read_jpeg2000
from triage.codecs.jpeg2000_packets import blocks_fit
from triage.codecs.jpeg_by_gdcm import decode_by_gdcm
from triage.codecs.jpeg_markers import read_jpeg_markers
from triage.errors import ImageRejected, RejectReason
from triage.imaging.dicom.read import read_dicom
from triage.imaging.limits import DEFAULT_LIMITS

RIGHT = {RejectReason.TRUNCATED, RejectReason.UNREADABLE}
NOISE = np.random.default_rng(0).integers(0, 60, (48, 72, 3), np.uint8)
COLOUR = np.clip(picture(48, 72).astype(int) + NOISE - 30, 0, 255).astype(np.uint8)
GREY = np.ascontiguousarray(COLOUR[..., 0])
END = b"\xff\xd9"


def twelve_bit_jpeg() -> bytes:
    imagecodecs = pytest.importorskip("imagecodecs")
    return imagecodecs.jpeg8_encode(GREY.astype(np.uint16) * 16, level=90, bitspersample=12)


JPEGS: dict[str, tuple[uid.UID, int, Callable[[], bytes]]] = {
    "baseline": (uid.JPEGBaseline8Bit, 3, lambda: encode(COLOUR, "jpeg", quality=90)),
    "progressive": (
        uid.UID("1.2.840.10008.1.2.4.55"),
        3,
        lambda: encode(COLOUR, "jpeg", quality=90, progressive=True),
    ),
    "lossless": (uid.JPEGLosslessSV1, 1, lambda: lossless_jpeg(GREY)),
    "lossless, colour": (uid.JPEGLosslessSV1, 3, lambda: lossless_jpeg(COLOUR)),
    "lossless, one value": (
        uid.JPEGLosslessSV1,
        1,
        lambda: lossless_jpeg(np.full((48, 72), 9, np.uint8)),
    ),
    "12 bits": (uid.JPEGExtended12Bit, 1, twelve_bit_jpeg),
    "jpeg-ls": (uid.JPEGLSLossless, 1, lambda: jpeg_ls(GREY)),
    "jpeg-ls by plane": (uid.JPEGLSLossless, 3, lambda: jpeg_ls(COLOUR, 0)),
    "jpeg-ls by line": (uid.JPEGLSLossless, 3, lambda: jpeg_ls(COLOUR, 1)),
    "jpeg-ls by sample": (uid.JPEGLSNearLossless, 3, lambda: jpeg_ls(COLOUR, 2, error=2)),
}
JPEG_2000: dict[str, tuple[int, Callable[[], bytes]]] = {
    "one tile": (3, lambda: jpeg_2000(COLOUR)),
    "grey": (1, lambda: jpeg_2000(GREY)),
    "tiles": (3, lambda: jpeg_2000(COLOUR, tile_size=(32, 32))),
    "layers": (3, lambda: jpeg_2000(COLOUR, irreversible=True, quality_layers=[40, 10, 2])),
    "precincts": (3, lambda: jpeg_2000(COLOUR, precinct_size=(32, 32), progression="RPCL")),
    "by component": (3, lambda: jpeg_2000(COLOUR, progression="CPRL", num_resolutions=3)),
    "high throughput": (3, lambda: htj2k(COLOUR)),
}


def dicom(
    frame: bytes, syntax: uid.UID, samples: int, shape: tuple[int, int] = (48, 72), **elements: Any
) -> bytes:
    stored = np.zeros((*shape, 3) if samples == 3 else shape, np.uint8)
    photometric = "RGB" if samples == 3 else "MONOCHROME2"
    return encapsulated(dicom_dataset(stored, photometric=photometric, **elements), [frame], syntax)


def read(content: bytes) -> np.ndarray:
    return read_dicom(content, DEFAULT_LIMITS, photographs_only=True)[0]


def check_refused_or_whole(content: bytes, whole: np.ndarray) -> None:
    """Only a cut that leaves all samples, within what padding bits can do, may be read."""
    try:
        found = read(content)
    except ImageRejected as refusal:
        assert refusal.reason in RIGHT  # noqa: PT017
    else:
        assert (found != whole).mean() < 0.001


@pytest.mark.parametrize("name", JPEGS)
def test_cut_jpegs(name: str) -> None:
    syntax, samples, make = JPEGS[name]
    frame = make()
    elements = {"bits": 12, "BitsAllocated": 16} if name == "12 bits" else {}
    whole = read(dicom(frame, syntax, samples, **elements))
    scan = frame.index(b"\xff\xda") + 12
    # Other bytes in place of those that are missing, as many, would be damage of another kind.
    closings = (b"", END, b"\0" * 16 + END, b"\x55" * 16 + END)
    for cut in np.linspace(scan, len(frame) - 40, 25).astype(int):
        for closing in closings:
            check_refused_or_whole(dicom(frame[:cut] + closing, syntax, samples, **elements), whole)


def test_a_middle_segment_that_is_cut() -> None:
    """Restart markers let a decoder go on after data that are missing."""
    frame = encode(GREY, "jpeg", quality=90, restart_marker_rows=1)
    scan = frame.index(b"\xff\xda") + 10
    markers = [found.start() for found in re.finditer(rb"\xff[\xd0-\xd7]", frame[scan:])]
    assert len(markers) == 5
    whole = decode_jpeg(frame)
    np.testing.assert_array_equal(decode_by_gdcm(frame, read_jpeg_markers(frame), 8), whole)
    for start, end in pairwise(scan + marker for marker in markers):
        for broken in (frame[:start] + frame[end:], frame[: start + 40] + frame[end:]):
            stream = read_jpeg_markers(broken)
            for decode in (decode_jpeg, lambda data, stream: decode_by_gdcm(data, stream, 8)):
                with pytest.raises(ImageRejected) as refusal:
                    decode(broken, stream)
                assert refusal.value.reason in RIGHT


@pytest.mark.parametrize("name", ["baseline", "lossless", "12 bits", "jpeg-ls"])
def test_jpegs_of_fewer_rows_than_promised(name: str) -> None:
    syntax, samples, make = JPEGS[name]
    frame = bytearray(make())
    start = next(frame.index(bytes([0xFF, m])) for m in (0xC0, 0xC1, 0xC3, 0xF7)
                 if bytes([0xFF, m]) in frame)  # fmt: skip
    assert frame[start + 5 : start + 7] == struct.pack(">H", 48)
    frame[start + 5 : start + 7] = struct.pack(">H", 96)
    elements = {"bits": 12, "BitsAllocated": 16} if name == "12 bits" else {}
    with pytest.raises(ImageRejected) as refusal:
        read(dicom(bytes(frame), syntax, samples, (96, 72), **elements))
    assert refusal.value.reason in RIGHT


def with_length(frame: bytes, cut: int) -> bytes:
    """A codestream cut within its last tile-part, which says that it is no longer."""
    parts = read_jpeg2000(frame).tile_parts
    start = frame.rindex(b"\xff\x90\0\x0a" + struct.pack(">H", parts[-1][0]))
    return frame[: start + 6] + struct.pack(">L", cut - start) + frame[start + 10 : cut] + END


@pytest.mark.parametrize("name", JPEG_2000)
def test_cut_jpeg_2000(name: str) -> None:
    samples, make = JPEG_2000[name]
    frame = make()
    whole = read(dicom(frame, uid.JPEG2000, samples))
    tile = frame.rindex(b"\xff\x93") + 2
    places = {*np.linspace(tile, len(frame) - 6, 40).astype(int), *range(tile, tile + 40)}
    for cut in sorted(places):
        for content in (frame[:cut], frame[:cut] + END, with_length(frame, cut)):
            try:
                found = read(dicom(content, uid.JPEG2000, samples))
            except ImageRejected as refusal:
                assert refusal.reason in RIGHT  # noqa: PT017
            else:
                # what is cut off may not have been needed, but then nothing changes
                np.testing.assert_array_equal(found, whole)


def test_missing_tiles_and_more_rows_than_tiles() -> None:
    frame = jpeg_2000(COLOUR, tile_size=(32, 32))
    stream = read_jpeg2000(frame)
    assert len(stream.tile_parts) == 6
    first = frame.index(b"\xff\x90\0\x0a")
    for missing in range(6):
        parts = [part for index, part in stream.tile_parts if index != missing]
        content = frame[:first] + b"".join(parts) + END
        with pytest.raises(ImageRejected) as refusal:
            read(dicom(content, uid.JPEG2000, 3))
        assert refusal.value.reason is RejectReason.TRUNCATED
    for whole in (jpeg_2000(COLOUR), htj2k(COLOUR)):
        taller = whole[:12] + struct.pack(">L", 96) + whole[16:]
        with pytest.raises(ImageRejected) as refusal:
            read(dicom(taller, uid.JPEG2000, 3, (96, 72)))
        assert refusal.value.reason in RIGHT


@pytest.mark.parametrize("name", ["one tile", "grey", "by component"])
def test_headers_of_another_size_than_the_blocks(name: str) -> None:
    """Rows of picture and tile both changed: all tiles are there, and OpenJPEG shows noise."""
    samples, make = JPEG_2000[name]
    frame = make()
    for rows in (24, 40, 72, 96):
        number = struct.pack(">L", rows)
        other = frame[:12] + number + frame[16:28] + number + frame[32:]
        with pytest.raises(ImageRejected) as refusal:
            read(dicom(other, uid.JPEG2000, samples, (rows, 72)))
        assert refusal.value.reason in RIGHT


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"irreversible": True, "quality_layers": [30]},
        {"irreversible": True, "quality_layers": [60, 20, 5]},
        {"codeblock_size": (16, 16), "progression": "RLCP"},
        {"codeblock_size": (64, 32), "progression": "PCRL"},
        {"precinct_size": (64, 64), "progression": "RPCL"},
        {"tile_size": (40, 24)},
        {"mct": 0, "num_resolutions": 1},
    ],
)
def test_blocks_of_whole_jpeg_2000_fit(options: dict[str, Any]) -> None:
    for shape in ((1, 1), (5, 130), (31, 33), (48, 72), (150, 201)):
        noise = np.random.default_rng(6).integers(0, 256, (*shape, 3), np.uint8)
        for source in (picture(*shape), noise, np.full((*shape, 3), 7, np.uint8)):
            stream = read_jpeg2000(jpeg_2000(source, **options))
            parts = [part for index, part in stream.tile_parts if index == 0]
            assert blocks_fit(stream.header, bytes(parts[0]), whole=len(parts) == 1)


def test_jpeg_2000_without_end_or_with_padding_is_whole() -> None:
    frame = jpeg_2000(COLOUR)
    assert frame.endswith(END)
    for content in (frame[:-2], frame + b"\0", frame + b"\0" * 7):
        np.testing.assert_array_equal(read(dicom(content, uid.JPEG2000, 3))[0], COLOUR)
    jp2 = encode(COLOUR, "jpeg2000")
    np.testing.assert_array_equal(read(dicom(jp2, uid.JPEG2000, 3))[0], COLOUR)


def test_cut_rle() -> None:
    frame = rle(COLOUR)
    whole = read(dicom(frame, uid.RLELossless, 3))
    for cut in range(64, len(frame) - 3, 97):
        check_refused_or_whole(dicom(frame[:cut], uid.RLELossless, 3), whole)
    (_, first, second, third) = struct.unpack_from("<4L", frame)
    shorter = frame[: second - 4] + frame[second:]
    offsets = struct.pack("<4L", 3, first, second - 4, third - 4)
    with pytest.raises(ImageRejected):
        read(dicom(offsets + shorter[16:], uid.RLELossless, 3))


@pytest.mark.parametrize("syntax", [uid.ExplicitVRLittleEndian, uid.DeflatedExplicitVRLittleEndian])
def test_cut_native(syntax: uid.UID) -> None:
    content = file_bytes(dicom_dataset(COLOUR, syntax=syntax))
    for cut in np.linspace(600, len(content) - 4, 15).astype(int):
        with pytest.raises(ImageRejected) as refusal:
            read(content[:cut])
        assert refusal.value.reason in {*RIGHT, RejectReason.NO_PIXELS}
    data = dicom_dataset(COLOUR, syntax=syntax)
    for more, fine in (
        (b"\0\0", True),
        (b"\1" * 72 * 3, False),
        (bytes(72 * 3), True),  # padding
        (bytes(COLOUR.nbytes), False),
    ):
        data.PixelData = COLOUR.tobytes() + more
        if fine:
            np.testing.assert_array_equal(read(file_bytes(data))[0], COLOUR)
            continue
        with pytest.raises(ImageRejected) as refusal:
            read(file_bytes(data))
        assert refusal.value.reason is RejectReason.INCONSISTENT
