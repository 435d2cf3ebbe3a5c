"""DICOM pixel data to RGB frames, one named decoder for each encoding.

pydicom would try every decoder that is installed; naming one makes pixels
reproducible and the attack surface small.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.processing import convert_color_space

from triage.errors import ImageRejected, RejectReason
from triage.imaging import jpeg12
from triage.imaging.codestream import check_codestream, check_rle
from triage.imaging.image_pixel import GREY, LUMA_CHROMA, PALETTE, ImagePixel
from triage.imaging.tone import colour_table, grey_table, palette_table

_DECODERS = {
    uid.ImplicitVRLittleEndian: "",
    uid.ExplicitVRLittleEndian: "",
    uid.ExplicitVRBigEndian: "",
    uid.DeflatedExplicitVRLittleEndian: "",
    uid.RLELossless: "pydicom",
    uid.JPEGBaseline8Bit: "pillow",
    uid.JPEGExtended12Bit: "pillow",
    uid.JPEGLossless: "gdcm",
    uid.JPEGLosslessSV1: "gdcm",
    uid.JPEGLSLossless: "pyjpegls",
    uid.JPEGLSNearLossless: "pyjpegls",
    uid.JPEG2000Lossless: "pylibjpeg",
    uid.JPEG2000: "pylibjpeg",
    uid.HTJ2KLossless: "pylibjpeg",
    uid.HTJ2KLosslessRPCL: "pylibjpeg",
    uid.HTJ2K: "pylibjpeg",
}
_BLOCK_PIXELS = 2**20  # converted at a time, so that intermediates stay small

_Stored = NDArray[np.integer]
_RGB = NDArray[np.uint8]


def check_pixel_data(dataset: Dataset, pixel: ImagePixel) -> None:
    """Compare the pixel data with the header before a decoder sees it.

    Raises
    ------
    ImageRejected
        `UNSUPPORTED_ENCODING`, `TRUNCATED` or `UNREADABLE`.
    """
    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax not in _DECODERS:
        raise ImageRejected(
            RejectReason.UNSUPPORTED_ENCODING, "The DICOM file's compression is not supported."
        )
    if not syntax.is_encapsulated:
        if len(dataset.PixelData) < pixel.native_bytes:
            raise ImageRejected(
                RejectReason.TRUNCATED, "There is less pixel data than the header announces."
            )
        return
    count = 0
    for frame in islice(_encapsulated_frames(dataset, pixel.frames), pixel.frames):
        if syntax == uid.RLELossless:
            planes = pixel.samples * pixel.allocated // 8
            check_rle(frame, pixel.rows, pixel.columns, planes)
        else:
            check_codestream(frame, pixel.rows, pixel.columns, pixel.samples)
        count += 1
    _check_count(count, pixel.frames)


def decode(dataset: Dataset, pixel: ImagePixel) -> _RGB:
    """Decode checked pixel data.

    Returns
    -------
    uint8 array [F, H, W, 3]
        RGB.

    Raises
    ------
    ImageRejected
        If a frame is missing or has another size.
    """
    frames = np.empty((pixel.frames, pixel.rows, pixel.columns, 3), np.uint8)
    for index, (stored, photometric) in enumerate(stored_frames(dataset, pixel)):
        convert = _conversion(dataset, pixel, photometric)
        step = max(1, _BLOCK_PIXELS // pixel.columns)
        for row in range(0, pixel.rows, step):
            frames[index, row : row + step] = convert(stored[row : row + step])
    return frames


def stored_frames(dataset: Dataset, pixel: ImagePixel) -> Iterator[tuple[_Stored, str]]:
    """Decode checked pixel data one frame at a time, values as stored.

    Yields
    ------
    frame : integer array [H, W] or [H, W, 3]
    photometric : str
        Its photometric interpretation after decoding.

    Raises
    ------
    ImageRejected
        If a frame is missing or has another size.
    """
    syntax = dataset.file_meta.TransferSyntaxUID
    plugin = _DECODERS[syntax]
    if syntax == uid.JPEGExtended12Bit and pixel.stored > 8:
        plugin = jpeg12.PLUGIN
    decoded = get_decoder(syntax).iter_array(
        dataset, raw=True, decoding_plugin=plugin, allow_excess_frames=False
    )
    count = 0
    for stored, properties in islice(decoded, pixel.frames):
        if stored.shape[:2] != (pixel.rows, pixel.columns):
            raise ImageRejected(RejectReason.UNREADABLE, "A frame has not the announced size.")
        yield stored, str(properties["photometric_interpretation"])
        count += 1
    _check_count(count, pixel.frames)


def _encapsulated_frames(dataset: Dataset, frames: int) -> Iterator[bytes]:
    offsets = None
    if "ExtendedOffsetTable" in dataset and "ExtendedOffsetTableLengths" in dataset:
        offsets = (dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths)
    return generate_frames(dataset.PixelData, number_of_frames=frames, extended_offsets=offsets)


def _check_count(count: int, announced: int) -> None:
    if count < announced:
        raise ImageRejected(RejectReason.TRUNCATED, "There are fewer frames than announced.")


def _conversion(dataset: Dataset, pixel: ImagePixel, photometric: str) -> Callable[[_Stored], _RGB]:
    """Return the function from stored rows to RGB rows [h, W, 3] or grey rows [h, W, 1]."""
    if photometric in LUMA_CHROMA:
        return lambda stored: convert_color_space(stored, photometric, "RGB", per_frame=False)
    if photometric in GREY:
        table = grey_table(dataset, pixel.stored, pixel.signed)[:, None]
    elif photometric == PALETTE:
        table = palette_table(dataset, pixel.stored)
    else:
        table = colour_table(pixel.stored)
    smallest = -(2 ** (pixel.stored - 1)) if pixel.signed else 0
    shift, last = max(0, pixel.stored - 16), len(table) - 1
    # Compressed values outside the stored bits saturate; of native ones pydicom drops the bits.
    return lambda stored: table[np.clip((stored.astype(np.int64) - smallest) >> shift, 0, last)]
