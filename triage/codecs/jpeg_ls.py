"""JPEG-LS (ITU-T T.87) by CharLS, which refuses truncated streams and trailing data."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from triage.codecs.jpeg_markers import JpegStream
from triage.errors import ImageRejected, RejectReason

PROCESS = 0xF7
_END_OF_IMAGE = b"\xff\xd9"
_BY_PLANE = 0  # interleave mode: one scan for each component


def decode_jpeg_ls(data: bytes, stream: JpegStream) -> tuple[NDArray[np.unsignedinteger], bool]:
    """Decode a JPEG-LS stream; the stream states how components are interleaved.

    Parameters
    ----------
    data : bytes
    stream : JpegStream
        Result of `read_jpeg_markers`.

    Returns
    -------
    pixels : uint8 or uint16 array [H, W] or [H, W, 3]
    lossless : bool
        Whether samples are exact.

    Raises
    ------
    ImageRejected
        `UNREADABLE` for a stream that is damaged or not complete.
    """
    import jpeg_ls

    if not stream.ended:
        # Without the marker CharLS searches beyond the data.
        data += _END_OF_IMAGE
    try:
        content, header = jpeg_ls.decode_buffer(data)
    except RuntimeError:
        raise _damaged() from None
    samples = len(stream.components)
    shape = (stream.rows, stream.columns)
    kind = "<u1" if stream.precision <= 8 else "<u2"
    pixels: NDArray[np.unsignedinteger] = np.frombuffer(content, kind)
    if pixels.size != stream.rows * stream.columns * samples:
        raise _damaged()
    if samples == 1:
        pixels = pixels.reshape(shape)
    elif header["interleave_mode"] == _BY_PLANE:
        pixels = np.moveaxis(pixels.reshape(samples, *shape), 0, 2)
    else:
        pixels = pixels.reshape(*shape, samples)
    return pixels, header["allowed_lossy_error"] == 0


def _damaged() -> ImageRejected:
    return ImageRejected(
        RejectReason.UNREADABLE,
        "The JPEG-LS data is damaged or not complete.",
        hint="Copy or export the file again.",
    )
