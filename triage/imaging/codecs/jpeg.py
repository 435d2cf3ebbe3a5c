"""JPEG (ITU-T T.81): what a stream says of itself, and 8-bit pixels that are known to be complete.

libjpeg replaces missing data by grey and only warns. The decoder used here, libjpeg-turbo through
simplejpeg, reports the warning, so that a stream which was cut and closed again is refused. Which
scans must be there is counted before, and so is how many there are: the work of a progressive
stream is proportional to its scans, and its size is not.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from triage.errors import ImageRejected, RejectReason
from triage.imaging.codecs.jpeg_entropy import with_more_entropy

START = b"\xff\xd8"
MAX_SEGMENTS = 10_000
"""A segment has at most 64 KiB, and cameras write some dozens."""
_END_OF_IMAGE = b"\xff\xd9"
MAX_SCANS = 100
"""Encoders write at most about 20; libjpeg-turbo's own programs offer a limit of the same kind."""

# T.81 table B.1: start-of-frame markers; T.87 (JPEG-LS) adds 0xF7.
_START_OF_FRAME = frozenset({*range(0xC0, 0xD0), 0xF7}) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_SEQUENTIAL_DCT = frozenset({0xC0, 0xC1, 0xC5, 0xC9, 0xCD})
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a segment
_END, _SCAN, _JFIF, _ADOBE = 0xD9, 0xDA, 0xE0, 0xEE
_FILL = re.compile(rb"\xff{1,1024}(?!\xff)")  # fill bytes; some decoders take them one by one
_NEXT_MARKER = re.compile(rb"\xff+[^\x00\xd0-\xd7\xff]")
# T.87 A.1: in JPEG-LS a byte that follows 0xFF has its first bit stuffed, and is below 0x80.
_JPEG_LS = 0xF7
_NEXT_MARKER_LS = re.compile(rb"\xff+[\x80-\xcf\xd8-\xfe]")
_COEFFICIENTS = 64
_RGB_COMPONENTS = (0x52, 0x47, 0x42)  # component identifiers 'R', 'G', 'B', as libjpeg reads them

# Beginnings of libjpeg's warnings (jerror.h) after which all samples are still there. Cameras pad a
# scan by a few bytes; thousands of bytes too many are what is left behind damage.
_HARMLESS = re.compile(
    r"Corrupt JPEG data: \d{1,3} extraneous bytes|Invalid SOS parameters|Unknown Adobe color|"
    r"Warning: unknown JFIF|Inconsistent progression|Corrupt JPEG data: bad ICC"
)

Stored = Literal["rgb", "ycc"]


@dataclass(frozen=True)
class JpegStream:
    """What the markers of a JPEG stream say.

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
    jfif : bool
        Whether there is a JFIF APP0 segment.
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
    jfif: bool

    @property
    def progressive(self) -> bool:
        """Whether coefficients come in several passes."""
        return self.process in _PROGRESSIVE

    @property
    def stored_colour(self) -> Stored | None:
        """Which colours the stream itself says that it stores; None where it leaves it open.

        Only luminance and chrominance are ever sampled differently. A JFIF segment says nothing:
        DICOM encoders write it in front of untransformed RGB too, and dcmtk believes the header.
        """
        if len(self.components) != 3:
            return None
        if self.adobe_transform is not None:
            return "ycc" if self.adobe_transform else "rgb"
        if self.components == _RGB_COMPONENTS:
            return "rgb"
        return "ycc" if len(set(self.sampling)) > 1 else None


def read_jpeg_markers(data: bytes) -> JpegStream:
    """Walk the markers of a JPEG stream to its end, without decoding anything.

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
        raise _cut() from None


def _walk(data: bytes) -> JpegStream:
    scans, ended, jfif = 0, False, False
    frame: tuple[int, int, int, int, tuple[int, ...], tuple[tuple[int, int], ...]] | None = None
    adobe: int | None = None
    seen: dict[int, list[int]] = {}  # of each component, the lowest bit seen of each coefficient
    for marker, body in _segments(data):
        if marker == _END:
            ended = True
        elif marker in _START_OF_FRAME:
            if frame is not None:
                raise _damaged()
            frame = (marker, *_frame_header(body))
            seen = {component: [_COEFFICIENTS] * _COEFFICIENTS for component in frame[4]}
        elif marker == _ADOBE and body[:5] == b"Adobe" and len(body) >= 12:
            adobe = body[11]
        elif marker == _JFIF and body[:5] == b"JFIF\0":
            jfif = True
        elif marker == _SCAN:
            if frame is None:
                raise _damaged()
            scans += 1
            if scans > MAX_SCANS:
                raise _too_many("scans", MAX_SCANS)
            _note_scan(body, seen, progressive=frame[0] in _PROGRESSIVE)
    if frame is None:
        raise _damaged()
    if not scans:
        raise _cut()
    return JpegStream(
        *frame,
        scans=scans,
        complete=all(bit == 0 for bits in seen.values() for bit in bits),
        ended=ended,
        adobe_transform=adobe,
        jfif=jfif,
    )


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the marker and the content of each segment up to the end-of-image marker (B.1.1).

    What is coded between a scan header and the next marker is passed over.
    """
    if data[:2] != START:
        raise _damaged()
    position, next_marker = 2, _NEXT_MARKER
    for _ in range(MAX_SEGMENTS):
        if position >= len(data):
            return
        fill = _FILL.match(data, position)
        if fill is None:
            raise _damaged()
        marker = data[fill.end()]
        position = fill.end() + 1
        if marker == _END:
            yield marker, b""
            return
        if marker in _ALONE:
            continue
        (length,) = struct.unpack_from(">H", data, position)
        if length < 2:
            raise _damaged()
        if position + length > len(data):
            raise _cut()
        yield marker, data[position + 2 : position + length]
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
        raise _damaged()
    components = tuple(entry[0] for entry in specified)
    if len(set(components)) < count:
        raise _damaged()
    return precision, rows, columns, components, tuple((e[1] >> 4, e[1] & 15) for e in specified)


def _note_scan(body: bytes, seen: dict[int, list[int]], *, progressive: bool) -> None:
    """Note what a scan header (T.81 B.2.3) announces."""
    count = body[0]
    first, last, bits = body[1 + 2 * count : 4 + 2 * count]
    # Only progressive scans mean their spectral selection; decoders ignore it in all others.
    covered = range(first, min(last, 63) + 1) if progressive else range(_COEFFICIENTS)
    low = bits & 15 if progressive else 0
    for index in range(count):
        of_component = seen.get(body[1 + 2 * index])
        if of_component is None:
            raise _damaged()
        for coefficient in covered:
            of_component[coefficient] = low


def decode_jpeg(
    data: bytes, stream: JpegStream | None = None, *, stored: Stored | None = None
) -> NDArray[np.uint8]:
    """Decode an 8-bit JPEG (Huffman or arithmetic coding, sequential or progressive).

    Parameters
    ----------
    data : bytes
    stream : JpegStream, optional
        What `read_jpeg_markers` returned, so that it need not be read again.
    stored : {'rgb', 'ycc'}, optional
        The colours that the container says are stored, as a DICOM header does. It counts only
        where the stream leaves it open (`JpegStream.stored_colour`); without either, the stream is
        YCbCr, as JFIF says.

    Returns
    -------
    uint8 array [H, W] or [H, W, 3]
        Grey of one component, RGB of three or four.

    Raises
    ------
    ImageRejected
        `TRUNCATED` where samples are missing, whatever markers follow, `UNREADABLE` for damaged
        data, `UNSUPPORTED_ENCODING` for other than 8 bits, 2 components or lossless coding.
    """
    stream = stream or read_jpeg_markers(data)
    known = stream.process in _SEQUENTIAL_DCT or stream.progressive
    if not known or stream.precision != 8 or len(stream.components) not in (1, 3, 4):
        raise ImageRejected(
            RejectReason.UNSUPPORTED_ENCODING,
            "This kind of JPEG (lossless, not 8 bits, or of two channels) is not read here.",
            mend="Export the picture as an ordinary JPEG or PNG.",
        )
    if not stream.complete:
        raise _cut()
    if stored is not None and len(stream.components) == 3 and stream.stored_colour is None:
        data = _with_colour(data, stored)
    if not stream.ended:
        data = _closed(data)
    if len(stream.components) == 4:
        return _inks_to_rgb(_by_turbo(data, stream))
    return _by_turbo(data, stream)


def decode_inks(data: bytes, stream: JpegStream) -> NDArray[np.uint8]:
    """Decode an 8-bit JPEG of four components, whose colour profile may tell more of its inks.

    Returns
    -------
    uint8 array [H, W, 4]
        Cyan, magenta, yellow and black; 255 is full ink. Streams store them inverted, as Adobe's
        programs do and as all decoders suppose.

    Raises
    ------
    ImageRejected
        As `decode_jpeg`.
    """
    if not stream.complete:
        raise _cut()
    return _by_turbo(data if stream.ended else _closed(data), stream)


def _closed(data: bytes) -> bytes:
    """Put an end-of-image marker behind a stream without one.

    Only the marker may be missing, or more: with it, the decoder tells which. But zeros, as copies
    that were broken off end in, are valid data to it.
    """
    if data.endswith(bytes(16)):
        raise _cut()
    return data + _END_OF_IMAGE


def _inks_to_rgb(inks: NDArray[np.uint8]) -> NDArray[np.uint8]:
    from PIL import Image

    result = np.empty((*inks.shape[:2], 3), np.uint8)
    for start in range(0, len(inks), 256):
        rows = slice(start, start + 256)
        result[rows] = Image.fromarray(inks[rows], "CMYK").convert("RGB")
    return result


def _by_turbo(data: bytes, stream: JpegStream) -> NDArray[np.uint8]:
    import simplejpeg

    colours = {1: "GRAY", 3: "RGB", 4: "CMYK"}[len(stream.components)]
    try:
        pixels = simplejpeg.decode_jpeg(data, colours)
    except ValueError as error:
        message = str(error)
        # TurboJPEG has no format for unusual sampling, and stops at a warning about the header.
        if "subsampling" in message or "unknown JFIF" in message:
            return _by_pillow(data, stream)
        if not _HARMLESS.match(message):
            raise (_cut() if "remature end" in message else _damaged()) from None
        # The decoder names its first complaint only, so that missing data may be behind it.
        pixels = simplejpeg.decode_jpeg(data, colours, strict=False)
        more = simplejpeg.decode_jpeg(with_more_entropy(data), colours, strict=False)
        if not np.array_equal(pixels, more):
            raise _cut() from None
        del more
    if colours == "CMYK":
        np.subtract(255, pixels, out=pixels)
    return np.asarray(pixels[..., 0] if colours == "GRAY" else pixels)


def _by_pillow(data: bytes, stream: JpegStream) -> NDArray[np.uint8]:
    """Decode what the strict decoder has no format for."""
    from PIL import Image

    if not stream.progressive and stream.scans == 1:
        # Without an end, Pillow reports missing data instead of filling in; the padding is less
        # than what a decoder reads ahead.
        data = data[: data.rindex(_END_OF_IMAGE)] + bytes(8)
    found: list[NDArray[np.uint8]] = []
    try:
        for content in (data, with_more_entropy(data)):
            with Image.open(BytesIO(content), formats=("JPEG",)) as image:
                mode = {1: "L", 3: "RGB", 4: "CMYK"}[len(stream.components)]
                found.append(np.asarray(image.convert(mode)))
    except (OSError, SyntaxError) as error:
        raise (_cut() if "truncated" in str(error) else _damaged()) from None
    if not np.array_equal(found[0], found[1]):
        raise _cut()
    return found[0]


def _with_colour(data: bytes, stored: Stored) -> bytes:
    """Write into a stream which colours it stores, where decoders look for it.

    libjpeg (jdapimin.c, default_decompress_parms) takes a JFIF segment as YCbCr and otherwise
    believes an Adobe segment.
    """
    adobe = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00" + bytes([stored == "ycc"])
    rest = data[2:]
    if rest[:2] == bytes([0xFF, _JFIF]) and rest[4:9] == b"JFIF\0":
        (length,) = struct.unpack_from(">H", rest, 2)
        rest = rest[2 + length :]
    return START + adobe + rest


def _too_many(what: str, most: int) -> ImageRejected:
    return ImageRejected(
        RejectReason.TOO_MUCH_WORK,
        f"The JPEG has more than {most} {what}.",
        mend="Export the picture again as an ordinary JPEG or PNG.",
    )


def _cut() -> ImageRejected:
    return ImageRejected(
        RejectReason.TRUNCATED,
        "The JPEG data ends before its picture does.",
        mend="Copy or export the file again.",
    )


def _damaged() -> ImageRejected:
    return ImageRejected(
        RejectReason.UNREADABLE,
        "The JPEG data is damaged.",
        mend="Copy or export the file again.",
    )
