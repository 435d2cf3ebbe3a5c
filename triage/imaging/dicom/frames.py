"""DICOM pixel data to RGB frames."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from functools import cache

import numpy as np
from numpy.typing import NDArray
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.pixels.processing import convert_color_space

from triage.errors import ImageRejected, RejectReason
from triage.imaging.colour import row_blocks
from triage.imaging.dicom.coded_frame import CodedFrame, StoredFrame, stored_frame
from triage.imaging.dicom.compressed_frames import decode_frame
from triage.imaging.dicom.encapsulated_frames import frame_codestreams, read_fragments
from triage.imaging.dicom.image_pixel import GREY, LUMA_CHROMA, PALETTE, ImagePixel
from triage.imaging.dicom.native_pixels import NativePixels
from triage.imaging.dicom.palette import palette_table
from triage.imaging.dicom.tone import colour_table, grey_table

_NATIVE = frozenset(
    {
        uid.ImplicitVRLittleEndian,
        uid.ExplicitVRLittleEndian,
        uid.ExplicitVRBigEndian,
        uid.DeflatedExplicitVRLittleEndian,
    }
)
# JPEG (T.81) with the retired transfer syntaxes, whose streams identify themselves.
_JPEG = frozenset(uid.UID(f"1.2.840.10008.1.2.4.{number}") for number in (*range(50, 59), 70))
_ENCAPSULATED = _JPEG | {
    uid.RLELossless,
    uid.JPEGLSLossless,
    uid.JPEGLSNearLossless,
    uid.JPEG2000Lossless,
    uid.JPEG2000,
    uid.HTJ2KLossless,
    uid.HTJ2KLosslessRPCL,
    uid.HTJ2K,
}

_Stored = NDArray[np.integer]
_RGB = NDArray[np.uint8]


def decode(dataset: Dataset, pixel: ImagePixel) -> _RGB:
    """Decode pixel data.

    Returns
    -------
    uint8 array [F, H, W, 3]
        RGB.

    Raises
    ------
    ImageRejected
        See `stored_frames`; `UNREADABLE` for a damaged palette or window.
    """
    conversion = cache(lambda *kind: _conversion(dataset, *kind))
    frames = np.empty((0, pixel.rows, pixel.columns, 3), np.uint8)
    for index, frame in enumerate(stored_frames(dataset, pixel)):
        octets = frame.values.dtype == np.uint8
        convert = conversion(frame.photometric, frame.bits, frame.signed, octets)
        if convert is None and pixel.frames == 1:
            return np.ascontiguousarray(frame.values, np.uint8)[None]
        if not index:
            frames = np.empty((pixel.frames, pixel.rows, pixel.columns, 3), np.uint8)
        for rows in row_blocks(pixel.rows, pixel.columns):
            values = frame.values[rows]
            frames[index, rows] = values if convert is None else convert(values)
    return frames


def stored_frames(dataset: Dataset, pixel: ImagePixel) -> Iterator[StoredFrame]:
    """Decode pixel data one frame at a time, values as stored.

    Parameters
    ----------
    dataset : pydicom.dataset.Dataset
        As `parse_part10` returns it.
    pixel : ImagePixel
        Its frames, rows and columns must have been checked against limits.

    Yields
    ------
    StoredFrame

    Raises
    ------
    ImageRejected
        `TRUNCATED` if frames, or samples of one, are missing, `INCONSISTENT` if there are more
        than announced, `UNSUPPORTED_ENCODING` for an unknown compression, `UNREADABLE` for damaged
        data and frames of another size.
    """
    for coded in _coded_frames(dataset, pixel):
        if pixel.photometric in LUMA_CHROMA and not coded.rgb and coded.precision != 8:
            raise ImageRejected(
                RejectReason.UNSUPPORTED_ENCODING,
                "Luminance and chrominance of other than 8 bits are not read.",
                hint="Export the picture as RGB.",
            )
        yield stored_frame(coded, pixel)


def _coded_frames(dataset: Dataset, pixel: ImagePixel) -> Iterator[CodedFrame]:
    syntax = dataset.file_meta.TransferSyntaxUID
    element = dataset["PixelData"]
    value = memoryview(element.value)
    if syntax in _NATIVE and not element.is_undefined_length:
        native = NativePixels(value, pixel, not syntax.is_little_endian, element.VR == "OW")
        for index in range(pixel.frames):
            yield CodedFrame(native.frame(index), pixel.allocated, whole_cells=True)
        return
    if syntax not in _ENCAPSULATED:
        raise ImageRejected(
            RejectReason.UNSUPPORTED_ENCODING,
            "The DICOM file's compression is not supported.",
            hint="Export the picture in another transfer syntax.",
        )
    rle = syntax == uid.RLELossless
    codestreams = frame_codestreams(
        read_fragments(value), pixel.frames, extended=_extended_offsets(dataset), marked=not rle
    )
    for index, codestream in enumerate(codestreams):
        yield decode_frame(codestream, pixel, rle=rle, first=index == 0)


def _extended_offsets(dataset: Dataset) -> tuple[int, ...]:
    """Read the extended offset table (PS3.3 C.7.6.3.1.8), empty where there is none."""
    table = dataset.get("ExtendedOffsetTable")
    if not isinstance(table, bytes):
        return ()
    return struct.unpack(f"<{len(table) // 8}Q", table[: len(table) // 8 * 8])


def _conversion(
    dataset: Dataset, photometric: str, bits: int, signed: bool, octets: bool
) -> Callable[[_Stored], _RGB] | None:
    """Return the function from stored rows to RGB rows [h, W, 3] or grey rows [h, W, 1].

    None means that samples are 8-bit RGB already.
    """
    if photometric in LUMA_CHROMA:
        return lambda stored: convert_color_space(stored, photometric, "RGB", per_frame=False)
    if photometric in GREY:
        table = grey_table(dataset, bits, signed)[:, None]
    elif photometric == PALETTE:
        table = palette_table(dataset, bits)
    elif bits == 8 and octets:
        return None
    else:
        table = colour_table(bits)
    smallest = -(2 ** (bits - 1)) if signed else 0
    shift, last = max(0, bits - 16), len(table) - 1
    # Of lossy coding, values may lie beyond the stored bits.
    return lambda stored: table[np.clip((stored.astype(np.int64) - smallest) >> shift, 0, last)]
