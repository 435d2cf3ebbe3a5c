"""Decoding of one compressed DICOM frame: the codestream gives its kind, the header its size.

The kind of a codestream is determined from its content, not from the transfer syntax, which is
wrong in some files. Only RLE cannot be recognised by its content. Attributes that describe the
pixels before or after compression, such as PlanarConfiguration, are ignored.
"""

from __future__ import annotations

import numpy as np

from triage.codecs.jpeg import decode_jpeg
from triage.codecs.jpeg2000 import JP2_START, decode_jpeg2000, read_jpeg2000
from triage.codecs.jpeg2000 import START as JPEG2000_START
from triage.codecs.jpeg_markers import START as JPEG_START
from triage.codecs.jpeg_markers import Stored, read_jpeg_markers
from triage.errors import ImageRejected, RejectReason
from triage.imaging.dicom.coded_frame import CodedFrame
from triage.imaging.dicom.image_pixel import LUMA_CHROMA, ImagePixel
from triage.imaging.dicom.rle import decode_rle

_LOSSLESS, _JPEG_LS = 0xC3, 0xF7  # start-of-frame markers


def decode_frame(
    data: memoryview, pixel: ImagePixel, *, rle: bool, first: bool = True
) -> CodedFrame:
    """Decode one compressed frame.

    Parameters
    ----------
    data : memoryview
        Its codestream.
    pixel : ImagePixel
        Rows, columns and samples must be those of the codestream. The photometric interpretation
        gives the colours if the codestream does not.
    rle : bool
        Whether the transfer syntax is RLE.
    first : bool
        Whether it is the first frame of the object; of others, which have the same size, less is
        checked.

    Raises
    ------
    ImageRejected
        `UNREADABLE` for a damaged frame and one of another size, `TRUNCATED` for one that is not
        complete, `UNSUPPORTED_ENCODING`, `INCONSISTENT`.
    """
    if rle:
        return _rle(data, pixel)
    start = bytes(data[:12])
    if start.startswith(JPEG_START):
        return _jpeg(bytes(data), pixel)
    if start.startswith((JPEG2000_START, JP2_START)):
        return _jpeg2000(data, pixel, first)
    raise ImageRejected(
        RejectReason.UNREADABLE,
        "A compressed frame is damaged.",
        hint="Copy or export the file again.",
    )


def _rle(data: memoryview, pixel: ImagePixel) -> CodedFrame:
    if pixel.allocated == 1 and pixel.samples == 1:
        # The octets of single bits are compressed, and each frame begins with one.
        count = pixel.rows * pixel.columns
        octets = decode_rle(data, 1, (count + 7) // 8, 1)
        bits = np.unpackbits(octets[0].astype(np.uint8, copy=False), bitorder="little")[:count]
        return CodedFrame(bits.reshape(pixel.rows, pixel.columns), 1, whole_cells=True)
    words = decode_rle(data, pixel.rows, pixel.columns, pixel.samples)
    precision = 8 * words.dtype.itemsize
    if pixel.stored > precision:
        raise ImageRejected(
            RejectReason.INCONSISTENT,
            "The compressed frame has fewer bits than the header states.",
            hint="Export the picture again.",
        )
    return CodedFrame(words, precision, whole_cells=True)


def _jpeg(data: bytes, pixel: ImagePixel) -> CodedFrame:
    stream = read_jpeg_markers(data)
    _check_size(pixel, stream.rows, stream.columns, len(stream.components))
    bits = stream.precision
    if stream.process == _JPEG_LS:
        from triage.codecs.jpeg_ls import decode_jpeg_ls

        words, lossless = decode_jpeg_ls(data, stream)
        return CodedFrame(words, bits, whole_cells=lossless)
    if stream.process == _LOSSLESS or bits != 8:
        from triage.codecs.jpeg_by_gdcm import decode_by_gdcm

        lossless = stream.process == _LOSSLESS
        if not lossless and pixel.stored <= 12:
            bits = 12  # the discrete cosine transform has no other precision beyond 8 bits
        words = decode_by_gdcm(data, stream, bits)
        return CodedFrame(words, bits, whole_cells=lossless, fixed_precision=not lossless)
    # The stream's own statement wins over the header's; dcmtk and libjpeg agree where it has none.
    stored: Stored = "rgb" if pixel.photometric == "RGB" else "ycc"
    words = decode_jpeg(data, stream, stored=stored if pixel.samples == 3 else None)
    return CodedFrame(words, 8, fixed_precision=True, rgb=pixel.samples == 3)


def _jpeg2000(data: memoryview, pixel: ImagePixel, first: bool) -> CodedFrame:
    stream = read_jpeg2000(data)
    _check_size(pixel, stream.rows, stream.columns, stream.components)
    # Without a transform, YBR_ICT and YBR_RCT cannot be meant: they are transforms.
    rgb = pixel.samples == 3 and (stream.colour_transform or pixel.photometric not in LUMA_CHROMA)
    words = decode_jpeg2000(stream, check_size=first)
    return CodedFrame(words, stream.precision, rgb=rgb)


def _check_size(pixel: ImagePixel, *size: int) -> None:
    """Refuse a size other than the header's, which has been checked, before decoding."""
    if size != (pixel.rows, pixel.columns, pixel.samples):
        raise ImageRejected(
            RejectReason.UNREADABLE,
            f"The compressed frame is {size[0]} x {size[1]} x {size[2]}, "
            f"the header states {pixel.rows} x {pixel.columns} x {pixel.samples}.",
            hint="Export the picture again.",
        )
