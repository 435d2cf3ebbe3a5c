"""Parser of the markers of a JPEG stream (ITU-T T.81); nothing is decoded."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from triage.errors import ImageRejected, RejectReason

START = b"\xff\xd8"
END_OF_IMAGE = b"\xff\xd9"
MAX_SEGMENTS = 10_000
"""A segment has at most 64 KiB, and cameras write some dozens."""
MAX_JUNK = 64
"""Bytes between segments that belong to none, in all; decoders skip and count them."""
MAX_SCANS = 100
"""Encoders write at most about 20; libjpeg-turbo's own programs offer a limit of the same kind."""

# T.81 table B.1: start-of-frame markers; T.87 (JPEG-LS) adds 0xF7.
_START_OF_FRAME = frozenset({*range(0xC0, 0xD0), 0xF7}) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_SEQUENTIAL_DCT = frozenset({0xC0, 0xC1, 0xC5, 0xC9, 0xCD})
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a segment
_END, _SCAN, JFIF, _ICC, _ADOBE = 0xD9, 0xDA, 0xE0, 0xE2, 0xEE
_ICC_NAME = b"ICC_PROFILE\0"
_JUNK = re.compile(rb"[^\xff]{0,%d}" % MAX_JUNK)
_FILL = re.compile(rb"\xff{1,1024}(?!\xff)")  # fill bytes; some decoders take them one by one
_NEXT_MARKER = re.compile(rb"\xff+[^\x00\xd0-\xd7\xff]")
# T.87 A.1: in JPEG-LS a byte that follows 0xFF has its first bit stuffed, and is below 0x80.
_JPEG_LS = 0xF7
_NEXT_MARKER_LS = re.compile(rb"\xff+[\x80-\xcf\xd8-\xfe]")
_COEFFICIENTS = 64
_RGB_COMPONENTS = (0x52, 0x47, 0x42)  # component identifiers 'R', 'G', 'B', as libjpeg reads them

Stored = Literal["rgb", "ycc"]


@dataclass(frozen=True)
class JpegStream:
    """Content of the markers of a JPEG stream.

    Parameters
    ----------
    process : int
        Second byte of the start-of-frame marker, such as 0xC0 (baseline) or 0xC3 (lossless).
    precision : int
        Bits of a sample.
    rows, columns : int
    components : tuple of int
        Component identifiers.
    sampling : tuple of (int, int)
        Horizontal and vertical sampling factor of each component.
    scans : int
    complete : bool
        Whether the scans cover every component, of a progressive stream every coefficient to its
        last bit.
    ended : bool
        Whether there is an end-of-image marker.
    adobe_transform : int or None
        Colour transform of the Adobe APP14 segment: 0 none, 1 YCbCr, 2 YCCK.
    """

    process: int
    precision: int
    rows: int
    columns: int
    components: tuple[int, ...]
    sampling: tuple[tuple[int, int], ...]
    scans: int
    complete: bool
    ended: bool
    adobe_transform: int | None

    @property
    def sequential(self) -> bool:
        """Whether coefficients are coded in one pass, by the discrete cosine transform."""
        return self.process in _SEQUENTIAL_DCT

    @property
    def progressive(self) -> bool:
        """Whether coefficients are coded in several passes."""
        return self.process in _PROGRESSIVE

    @property
    def stored_colour(self) -> Stored | None:
        """Stored colour space according to the stream; None if it is not stated.

        Only luminance and chrominance are ever sampled differently. A JFIF segment is ignored:
        DICOM encoders write it before untransformed RGB too, and dcmtk uses the DICOM header.
        """
        if len(self.components) != 3:
            return None
        if self.adobe_transform is not None:
            return "ycc" if self.adobe_transform else "rgb"
        if self.components == _RGB_COMPONENTS:
            return "rgb"
        return "ycc" if len(set(self.sampling)) > 1 else None


def read_jpeg_markers(data: bytes) -> JpegStream:
    """Parse the markers of a JPEG stream to its end without decoding.

    Parameters
    ----------
    data : bytes
        From the start-of-image marker; what follows the end-of-image marker is ignored.

    Raises
    ------
    ImageRejected
        `UNREADABLE` for a damaged stream, `TRUNCATED` for one without a scan, `TOO_MUCH_WORK` for
        more than `MAX_SCANS` scans or `MAX_SEGMENTS` segments.
    """
    try:
        return _walk(data)
    except (struct.error, IndexError, ValueError):
        raise jpeg_cut() from None


def _walk(data: bytes) -> JpegStream:
    scans, ended = 0, False
    frame: tuple[int, int, int, int, tuple[int, ...], tuple[tuple[int, int], ...]] | None = None
    adobe: int | None = None
    seen: dict[int, list[int]] = {}  # of each component, the lowest bit seen of each coefficient
    for marker, start, end in _segments(data):
        body = data[start:end]
        if marker == _END:
            ended = True
        elif marker in _START_OF_FRAME:
            if frame is not None:
                raise jpeg_damaged()
            frame = (marker, *_frame_header(body))
            seen = {component: [_COEFFICIENTS] * _COEFFICIENTS for component in frame[4]}
        elif marker == _ADOBE and body[:5] == b"Adobe" and len(body) >= 12:
            adobe = body[11]
        elif marker == _SCAN:
            if frame is None:
                raise jpeg_damaged()
            scans += 1
            if scans > MAX_SCANS:
                raise _too_many("scans", MAX_SCANS)
            _note_scan(body, seen, progressive=frame[0] in _PROGRESSIVE)
    if frame is None:
        raise jpeg_damaged()
    if not scans:
        raise jpeg_cut()
    return JpegStream(
        *frame,
        scans=scans,
        complete=all(bit == 0 for bits in seen.values() for bit in bits),
        ended=ended,
        adobe_transform=adobe,
    )


def plain_header(data: bytes, stream: JpegStream) -> bytes:
    """Return the header of a stream without segments that decoders reject or do not need.

    Left out are the segments of the ICC profile, which is read elsewhere, and bytes between
    segments. A JFIF version or Adobe transform that libjpeg does not know is replaced by the one
    that it supposes then (jdapimin.c, default_decompress_parms).

    Parameters
    ----------
    data : bytes
    stream : JpegStream
        Result of `read_jpeg_markers` for it.

    Returns
    -------
    bytes
        The stream, from the first scan on as it is.
    """
    pieces = [START]
    for marker, start, end in _segments(data):
        if marker == _SCAN:
            return b"".join([*pieces, data[start - 4 :]])
        body = bytearray(data[start:end])
        if marker == _ICC and body.startswith(_ICC_NAME):
            continue
        if marker == JFIF and body.startswith(b"JFIF\0") and len(body) > 5:
            body[5] = 1
        if marker == _ADOBE and body.startswith(b"Adobe") and len(body) >= 12:
            supposed = 2 if len(stream.components) == 4 else 1
            body[11] = body[11] if body[11] in (0, supposed) else supposed
        pieces += [bytes([0xFF, marker]), data[start - 2 : start], bytes(body)]
    raise jpeg_cut()


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield the marker of each segment up to the end-of-image marker (B.1.1), start and end.

    These are of its content, without the length. What is coded between a scan header and the next
    marker is skipped, and so are up to `MAX_JUNK` bytes that belong to no segment.
    """
    if data[:2] != START:
        raise jpeg_damaged()
    position, next_marker, junk = 2, _NEXT_MARKER, 0
    for _ in range(MAX_SEGMENTS):
        if position >= len(data):
            return
        skipped = _JUNK.match(data, position)
        junk += len(skipped[0]) if skipped else 0
        fill = _FILL.match(data, skipped.end() if skipped else position)
        if fill is None or junk > MAX_JUNK:
            raise jpeg_damaged()
        marker = data[fill.end()]
        position = fill.end() + 1
        if marker == _END:
            yield marker, position, position
            return
        if marker in _ALONE:
            continue
        (length,) = struct.unpack_from(">H", data, position)
        if length < 2:
            raise jpeg_damaged()
        if position + length > len(data):
            raise jpeg_cut()
        yield marker, position + 2, position + length
        position += length
        if marker == _JPEG_LS:
            next_marker = _NEXT_MARKER_LS
        if marker == _SCAN:
            found = next_marker.search(data, position)
            if found is None:
                return
            position = found.start()
    raise _too_many("segments", MAX_SEGMENTS)


def _frame_header(
    body: bytes,
) -> tuple[int, int, int, tuple[int, ...], tuple[tuple[int, int], ...]]:
    """Read a frame header (T.81 B.2.2): precision, rows, columns, components, sampling."""
    precision, rows, columns, count = struct.unpack_from(">BHHB", body)
    specified = [body[6 + 3 * index : 9 + 3 * index] for index in range(count)]
    if not rows or not columns or not specified or len(specified[-1]) < 3:
        raise jpeg_damaged()
    components = tuple(entry[0] for entry in specified)
    if len(set(components)) < count:
        raise jpeg_damaged()
    return precision, rows, columns, components, tuple((e[1] >> 4, e[1] & 15) for e in specified)


def _note_scan(body: bytes, seen: dict[int, list[int]], *, progressive: bool) -> None:
    """Record the content of a scan header (T.81 B.2.3)."""
    count = body[0]
    first, last, bits = body[1 + 2 * count : 4 + 2 * count]
    # Only progressive scans mean their spectral selection; decoders ignore it in all others.
    covered = range(first, min(last, 63) + 1) if progressive else range(_COEFFICIENTS)
    low = bits & 15 if progressive else 0
    for index in range(count):
        of_component = seen.get(body[1 + 2 * index])
        if of_component is None:
            raise jpeg_damaged()
        for coefficient in covered:
            of_component[coefficient] = low


def _too_many(what: str, most: int) -> ImageRejected:
    return ImageRejected(
        RejectReason.TOO_MUCH_WORK,
        f"The JPEG has more than {most} {what}.",
        hint="Export the picture again as an ordinary JPEG or PNG.",
    )


def jpeg_cut() -> ImageRejected:
    """Return the refusal of a truncated stream."""
    return ImageRejected(
        RejectReason.TRUNCATED,
        "The JPEG data ends before its picture does.",
        hint="Copy or export the file again.",
    )


def jpeg_damaged() -> ImageRejected:
    """Return the refusal of an inconsistent stream."""
    return ImageRejected(
        RejectReason.UNREADABLE,
        "The JPEG data is damaged.",
        hint="Copy or export the file again.",
    )
