"""Pictures in a Topcon file: compressed B-scans and the fundus photograph.

The first B-scan is placed at the upper edge of the scanned box, as in eyepy.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from triage.codecs.jpeg import decode_jpeg
from triage.codecs.jpeg2000 import decode_jpeg2000, read_jpeg2000
from triage.codecs.jpeg_markers import START, read_jpeg_markers
from triage.errors import ImageRejected
from triage.oct_imaging.limits import VolumeLimits
from triage.oct_imaging.vendors.source import Source, damaged, is_scale, unsupported
from triage.oct_imaging.volume import Localizer

# Where the content of each named chunk lies: (offset, size).
Chunks = dict[str, list[tuple[int, int]]]


def decoded(data: bytes, size: tuple[int, int]) -> NDArray[Any]:
    """Decode one picture to grey [h, w], 8 or 16 bits; its size is checked first.

    Parameters
    ----------
    data : bytes
        JPEG or JPEG 2000.
    size : (int, int)
        Width and height that the file's header gives.

    Raises
    ------
    ImageRejected
        `UNREADABLE`, `TRUNCATED` where samples are missing, and as `triage.codecs.jpeg` and
        `triage.codecs.jpeg2000`.
    """
    if not data.startswith(START):
        return _jpeg2000(data, size)
    stream = read_jpeg_markers(data)
    if (stream.columns, stream.rows) != size:
        raise _other_size()
    pixels = decode_jpeg(data, stream)
    return pixels if pixels.ndim == 2 else np.asarray(Image.fromarray(pixels).convert("L"))


def _jpeg2000(data: bytes, size: tuple[int, int]) -> NDArray[Any]:
    stream = read_jpeg2000(data)
    if (stream.columns, stream.rows) != size:
        raise _other_size()
    if stream.signed or not 8 <= stream.precision <= 16:
        raise unsupported("A picture in the file is not of 8 to 16 bits.", "Export it as DICOM.")
    pixels = decode_jpeg2000(stream)
    if pixels.ndim == 2:
        return pixels
    if pixels.shape[2] < 3 or pixels.dtype != np.uint8:
        return np.ascontiguousarray(pixels[..., 0])
    return np.asarray(Image.fromarray(np.ascontiguousarray(pixels[..., :3])).convert("L"))


def _other_size() -> ImageRejected:
    return damaged("A picture in the file has another size than the header states.")


def fundus_localizer(
    source: Source,
    chunks: Chunks,
    limits: VolumeLimits,
    count: int,
    extent: tuple[float, float] | None,
) -> Localizer | None:
    """Fundus photograph in grey, with its scale, and with the B-scans if it is registered.

    Parameters
    ----------
    count : int
        B-scans of the volume.
    extent : (float, float) or None
        Width and height of the scanned box in mm; None unless the scan is a raster.
    """
    pixels = _fundus(source, chunks, limits)
    if pixels is None:
        return None
    if extent is None or "@REGIST_INFO" not in chunks:
        return Localizer(pixels)
    left, top, right, bottom = source.unpack("<4I", chunks["@REGIST_INFO"][0][0] + 9)
    if not (left < right <= pixels.shape[1] and top < bottom <= pixels.shape[0]):
        return Localizer(pixels)
    lines = np.empty((count, 2, 2), np.float32)
    lines[:, 0, 0], lines[:, 1, 0] = left, right
    lines[..., 1] = np.linspace(top, bottom, count)[:, None]
    scale, scale_down = extent[0] / (right - left), extent[1] / (bottom - top)
    square = is_scale(scale) and abs(scale - scale_down) <= 0.02 * scale
    return Localizer(pixels, scale if square else None, lines)


def _fundus(source: Source, chunks: Chunks, limits: VolumeLimits) -> NDArray[np.uint8] | None:
    """Fundus photograph in grey; None if there is none that can be read."""
    if "@IMG_FUNDUS" in chunks:
        at, _ = chunks["@IMG_FUNDUS"][0]
        width, height, _, _, _, size = source.unpack("<4I4sI", at)
        limits.check_shape(1, height, width)
        photograph = decoded(source.read(at + 24, size), (width, height))
        return photograph if photograph.dtype == np.uint8 else None
    if "@IMG_OBS" in chunks:
        at, _ = chunks["@IMG_OBS"][0]
        width, height, _, _, _, size = source.unpack("<4IBI", at)
        limits.check_shape(1, height, width)
        if size == 3 * width * height:
            blue_green_red = source.array(at + 21, np.uint8, size).reshape(height, width, 3)
            return np.asarray(Image.fromarray(blue_green_red[..., ::-1]).convert("L"))
    return None
