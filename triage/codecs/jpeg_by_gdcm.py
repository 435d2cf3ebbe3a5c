"""JPEG processes that only GDCM decodes: lossless (T.81 process 14) and 12-bit DCT.

GDCM fills in missing data and fails only at the second error of its libjpeg; an error in the header
even ends the process. So GDCM receives only what decoding needs, with a run of ones appended to the
entropy-coded data. In a complete stream these remain unread, which is the one error. No Huffman
code is a run of ones (T.81 annex C), so if data are missing, the decoder meets several invalid
codes or, if they are missing from an earlier segment, an early end in addition.
"""

from __future__ import annotations

import re

import gdcm
import numpy as np
from numpy.typing import NDArray

from triage.codecs.jpeg_markers import JpegStream
from triage.codecs.sample_limit import check_samples
from triage.errors import ImageRejected, RejectReason

# GDCM writes what it thinks of a file straight to standard error.
gdcm.Trace.DebugOff()
gdcm.Trace.WarningOff()
gdcm.Trace.ErrorOff()

LOSSLESS = 0xC3
_DCT = frozenset({0xC0, 0xC1, 0xC2})
_SYNTAXES = {True: "1.2.840.10008.1.2.4.70", False: "1.2.840.10008.1.2.4.51"}
_START, _END = b"\xff\xd8", b"\xff\xd9"
_SCAN_HEADER, _LAST = 0xDA, 0xD9
_DESCRIPTIVE = frozenset({*range(0xE0, 0xF0), 0xFE})  # application segments and comments
_END_OF_SCAN = re.compile(rb"\xff+[^\x00\xd0-\xd7\xff]")
_ALL_COEFFICIENTS = b"\x00\x3f\x00"
_ONES = b"\xff\x00" * 24


def decode_by_gdcm(data: bytes, stream: JpegStream, bits: int) -> NDArray[np.unsignedinteger]:
    """Decode a lossless or 12-bit JPEG to its stored colours.

    Parameters
    ----------
    data : bytes
    stream : JpegStream
        Result of `read_jpeg_markers`.
    bits : int
        Bits of a sample: the precision of the stream, except of 12-bit DCT that GDCM encoded,
        which calls its precision 16.

    Returns
    -------
    uint8 or uint16 array [H, W] or [H, W, 3]

    Raises
    ------
    ImageRejected
        `TRUNCATED` where samples are missing, whatever markers follow, and for damaged data;
        `UNSUPPORTED_ENCODING` for arithmetic coding, 2 components or subsampled colour;
        `TOO_MANY_PIXELS` for more than `MAX_SAMPLES` samples.
    """
    lossless = stream.process == LOSSLESS
    known = lossless or stream.process in _DCT
    if not known or len(stream.components) not in (1, 3) or (
        len(stream.components) == 3 and (not lossless or len(set(stream.sampling)) > 1)
    ):  # fmt: skip
        raise ImageRejected(
            RejectReason.UNSUPPORTED_ENCODING,
            "This kind of JPEG (12-bit colour, arithmetic or hierarchical coding) is not read.",
            hint="Export the picture in another transfer syntax.",
        )
    check_samples(stream.rows, stream.columns, len(stream.components))
    pixels = _decode(_needed(data, stream) + _ONES + _END, stream, bits)
    if pixels is None or not stream.complete:
        raise ImageRejected(
            RejectReason.TRUNCATED,
            "The JPEG data is damaged or ends before its picture does.",
            hint="Copy or export the file again.",
        )
    return pixels


def _decode(data: bytes, stream: JpegStream, bits: int) -> NDArray[np.unsignedinteger] | None:
    """Decode a stream, None if GDCM fails."""
    samples = len(stream.components)
    fragment = gdcm.Fragment()
    fragment.SetByteStringValue(data)
    fragments = gdcm.SequenceOfFragments.New()
    fragments.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetValue(fragments.__ref__())
    image = gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((stream.columns, stream.rows, 1))
    image.SetDataElement(element)
    # 'RGB' keeps GDCM from converting colours.
    name = "RGB" if samples == 3 else "MONOCHROME2"
    colours = gdcm.PhotometricInterpretation.GetPIType(name)
    image.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(colours))
    if samples == 3:
        image.SetPlanarConfiguration(0)
    syntax = gdcm.TransferSyntax.GetTSType(_SYNTAXES[stream.process == LOSSLESS])
    image.SetTransferSyntax(gdcm.TransferSyntax(syntax))
    allocated = 8 if bits <= 8 else 16
    image.SetPixelFormat(gdcm.PixelFormat(samples, allocated, bits, bits - 1, 0))
    text = image.GetBuffer()
    if text is None:
        return None
    # GDCM hands bytes over as text with surrogates.
    content = text.encode("utf-8", "surrogateescape")
    shape = (stream.rows, stream.columns, 3)[: 3 if samples == 3 else 2]
    pixels: NDArray[np.unsignedinteger] = np.frombuffer(content, f"<u{allocated // 8}")
    return pixels.reshape(shape) if pixels.size == np.prod(shape) else None


def _needed(data: bytes, stream: JpegStream) -> bytes:
    """Return a stream without descriptive segments and without its end-of-image marker.

    Decoders disagree on a sequential scan that does not name all coefficients and in fact codes
    all of them; here such a scan is rewritten to name them.
    """
    pieces, position = [_START], 2
    while position + 4 <= len(data):
        marker = data[position + 1]
        if data[position] != 0xFF or marker in (0x01, 0xFF):
            position += 1
            continue
        if marker == _LAST:
            break
        end = position + 2 + int.from_bytes(data[position + 2 : position + 4], "big")
        segment = data[position:end]
        if marker == _SCAN_HEADER:
            if stream.sequential:
                segment = segment[:-3] + _ALL_COEFFICIENTS
            found = _END_OF_SCAN.search(data, end)
            start, end = end, len(data) if found is None else found.start()
            segment += data[start:end]
        if marker not in _DESCRIPTIVE:
            pieces.append(segment)
        position = end
    return b"".join(pieces)
