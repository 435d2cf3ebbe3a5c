"""Decoding of 8-bit JPEG (ITU-T T.81) with a check that the data are complete.

libjpeg replaces missing data by grey and only warns. The decoder used here, libjpeg-turbo through
simplejpeg, reports the warning, so that a stream which was truncated and closed again is refused.
`jpeg_markers` checks beforehand that all required scans are present and limits their number: the
work of a progressive stream is proportional to its scans, not to its size.
"""

from __future__ import annotations

import re
import struct
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from triage.codecs.jpeg_entropy import with_more_entropy
from triage.codecs.jpeg_markers import (
    END_OF_IMAGE,
    JFIF,
    START,
    JpegStream,
    Stored,
    jpeg_cut,
    jpeg_damaged,
    plain_header,
    read_jpeg_markers,
)
from triage.errors import ImageRejected, RejectReason

# Beginnings of libjpeg's warnings (jerror.h) after which all samples are still there. Cameras pad a
# scan by a few bytes; thousands of bytes too many are what is left behind damage.
_HARMLESS = re.compile(
    r"Corrupt JPEG data: \d{1,3} extraneous bytes|Invalid SOS parameters|Unknown Adobe color|"
    r"Warning: unknown JFIF|Inconsistent progression|Corrupt JPEG data: bad ICC"
)


def decode_jpeg(
    data: bytes, stream: JpegStream | None = None, *, stored: Stored | None = None
) -> NDArray[np.uint8]:
    """Decode an 8-bit JPEG (Huffman or arithmetic coding, sequential or progressive).

    Parameters
    ----------
    data : bytes
    stream : JpegStream, optional
        Result of `read_jpeg_markers`, so that it need not be read again.
    stored : {'rgb', 'ycc'}, optional
        The stored colours according to the container, such as a DICOM header. It counts only
        where the stream leaves it open (`JpegStream.stored_colour`); without either, the stream is
        YCbCr, as JFIF states.

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
    check_jpeg_kind(stream)
    if not stream.complete:
        raise jpeg_cut()
    if stored is not None and len(stream.components) == 3 and stream.stored_colour is None:
        data = _with_colour(data, stored)
    if not stream.ended:
        data = _closed(data)
    if len(stream.components) == 4:
        return _inks_to_rgb(_by_turbo(data, stream))
    return _by_turbo(data, stream)


def check_jpeg_kind(stream: JpegStream) -> None:
    """Refuse a kind of JPEG that `decode_jpeg` does not decode.

    Raises
    ------
    ImageRejected
        `UNSUPPORTED_ENCODING` for other than 8 bits, 2 components or lossless coding.
    """
    known = stream.sequential or stream.progressive
    if not known or stream.precision != 8 or len(stream.components) not in (1, 3, 4):
        raise ImageRejected(
            RejectReason.UNSUPPORTED_ENCODING,
            "This kind of JPEG (lossless, not 8 bits, or of two channels) is not read here.",
            hint="Export the picture as an ordinary JPEG or PNG.",
        )


def decode_inks(data: bytes, stream: JpegStream) -> NDArray[np.uint8]:
    """Decode an 8-bit JPEG of four components; its colour profile may describe its inks.

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
        raise jpeg_cut()
    return _by_turbo(data if stream.ended else _closed(data), stream)


def _closed(data: bytes) -> bytes:
    """Append an end-of-image marker to a stream without one.

    With the marker appended, the decoder reports whether more than the marker was missing. But
    trailing zeros, as in interrupted copies, are valid data to it.
    """
    if data.endswith(bytes(16)):
        raise jpeg_cut()
    return data + END_OF_IMAGE


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
        try:
            pixels = simplejpeg.decode_jpeg(data, colours)
        except ValueError as error:
            if not _HARMLESS.match(str(error)):
                raise
            # TurboJPEG stops at any complaint about a header, and names the first only: missing
            # data may be behind it.
            data = plain_header(data, stream)
            pixels = _complete(data, colours)
    except ValueError as error:
        message = str(error)
        if "subsampling" in message:  # TurboJPEG has no format for unusual sampling
            return _by_pillow(data, stream)
        raise (jpeg_cut() if "remature end" in message else jpeg_damaged()) from None
    if colours == "CMYK":
        np.subtract(255, pixels, out=pixels)
    return np.asarray(pixels[..., 0] if colours == "GRAY" else pixels)


def _complete(data: bytes, colours: str) -> NDArray[np.uint8]:
    """Decode a stream despite harmless warnings about its scans, if no data are missing.

    Raises
    ------
    ValueError
        The decoder's complaint.
    ImageRejected
        `TRUNCATED` where samples are missing.
    """
    import simplejpeg

    try:
        return np.asarray(simplejpeg.decode_jpeg(data, colours))
    except ValueError as error:
        if not _HARMLESS.match(str(error)):
            raise
    # The first complaint only again.
    pixels = np.asarray(simplejpeg.decode_jpeg(data, colours, strict=False))
    more = simplejpeg.decode_jpeg(with_more_entropy(data), colours, strict=False)
    if not np.array_equal(pixels, more):
        raise jpeg_cut()
    return pixels


def _by_pillow(data: bytes, stream: JpegStream) -> NDArray[np.uint8]:
    """Decode formats that the strict decoder does not support."""
    from PIL import Image

    if not stream.progressive and stream.scans == 1:
        # Without an end, Pillow reports missing data instead of filling in; the padding is less
        # than what a decoder reads ahead.
        data = data[: data.rindex(END_OF_IMAGE)] + bytes(8)
    found: list[NDArray[np.uint8]] = []
    try:
        for content in (data, with_more_entropy(data)):
            with Image.open(BytesIO(content), formats=("JPEG",)) as image:
                mode = {1: "L", 3: "RGB", 4: "CMYK"}[len(stream.components)]
                found.append(np.asarray(image.convert(mode)))
    except (OSError, SyntaxError) as error:
        raise (jpeg_cut() if "truncated" in str(error) else jpeg_damaged()) from None
    if not np.array_equal(found[0], found[1]):
        raise jpeg_cut()
    return found[0]


def _with_colour(data: bytes, stored: Stored) -> bytes:
    """Write the stored colour space into a stream, in a marker that decoders read.

    libjpeg (jdapimin.c, default_decompress_parms) decodes a stream with a JFIF segment as YCbCr
    and otherwise uses the Adobe segment.
    """
    adobe = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00" + bytes([stored == "ycc"])
    rest = data[2:]
    if rest[:2] == bytes([0xFF, JFIF]) and rest[4:9] == b"JFIF\0":
        (length,) = struct.unpack_from(">H", rest, 2)
        rest = rest[2 + length :]
    return START + adobe + rest
