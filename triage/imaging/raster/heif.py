"""HEIC files by libheif (pi-heif) and AVIF files by Pillow: the primary still picture."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from io import BytesIO
from typing import Any, Literal

import numpy as np
import pi_heif
from numpy.typing import NDArray
from PIL import AvifImagePlugin, Image

from triage.errors import ImageRejected, RejectReason
from triage.imaging.colour import row_blocks
from triage.imaging.limits import Limits
from triage.imaging.raster.code_points import coded_profile
from triage.imaging.raster.exif import Metadata, metadata_of
from triage.imaging.raster.heif_tiles import check_tile_sizes, has_bad_tile, may_miss_tiles
from triage.imaging.raster.iso_boxes import Meta, incomplete, read_meta
from triage.imaging.raster.raster_formats import brands
from triage.imaging.raster.samples import Block, Layout, Page

# Options of the libraries are of the whole process. A second thread would only take memory.
pi_heif.options.DECODE_THREADS = 1
pi_heif.options.THUMBNAILS = False
pi_heif.options.DEPTH_IMAGES = False
pi_heif.options.AUX_IMAGES = False
AvifImagePlugin.DEFAULT_MAX_THREADS = 1

AVIF_MAX_PIXELS = 32_000_000
"""Decoding takes 9 bytes a pixel of the usual kind and up to 17 of 10-bit AVIF."""

_SEQUENCES = frozenset({b"hevc", b"hevx", b"hevm", b"hevs", b"msf1"})


def read_heif(data: bytes, limits: Limits) -> list[Page]:
    """Read the header of a HEIC or other HEIF file.

    Parameters
    ----------
    data : bytes
        Of several pictures only the primary one is read.
    limits : Limits
        Checked on every picture and tile in the file.

    Returns
    -------
    list of Page
        One page. libheif turns it upright by the file's own properties; the orientation in EXIF
        repeats them and is not applied again.

    Raises
    ------
    ImageRejected
        `UNSUPPORTED_ENCODING` for image sequences and other codecs than HEVC, `TRUNCATED` or
        `UNREADABLE` for damage; and what the limits refuse.
    """
    if brands(data)[0] in _SEQUENCES:
        raise _sequence()
    meta = _check_boxes(data, limits)
    try:
        file = pi_heif.open_heif(data, convert_hdr_to_8bit=True)
        picture = file[file.primary_index]
        width, height = picture.size
    except (ValueError, IndexError, RuntimeError, OSError, SyntaxError, EOFError) as error:
        raise _refusal(str(error)) from None
    limits.check_geometry(height, width)
    layout = _layout(picture.mode)
    profile = picture.info.get("icc_profile")
    if profile is None and "nclx_profile" in picture.info:
        named = picture.info["nclx_profile"]
        profile = coded_profile((named["color_primaries"], named["transfer_characteristics"]))
    return [
        Page(
            height=height,
            width=width,
            layout=layout,
            blocks=lambda: _heif_blocks(picture, height, width, data, meta),
            profile=profile,
            device=_exif_of(picture.info.get("exif")).device,
            channels=len(picture.mode),
            bits=int(picture.info.get("bit_depth", 8)),
        )
    ]


def _heif_blocks(picture: Any, height: int, width: int, data: bytes, meta: Meta) -> Iterator[Block]:
    try:
        content, stride = picture.data, picture.stride
    except (ValueError, RuntimeError, OSError, SyntaxError, EOFError) as error:
        raise _refusal(str(error)) from None
    channels = len(picture.mode)
    if picture.size != (width, height) or len(content) < stride * height:
        raise _refusal("")
    rows = np.frombuffer(content, np.uint8).reshape(-1, stride)[:height, : width * channels]
    pixels: NDArray[np.uint8] = rows.reshape(height, width, channels)
    if may_miss_tiles(meta, pixels) and has_bad_tile(data, meta):
        raise _refusal("")
    yield (slice(0, height), slice(0, width)), pixels


def _layout(mode: str) -> Layout:
    """Layout that Pillow's name of a mode means."""
    if mode in ("L", "LA"):
        return Layout("grey", alpha="straight" if mode == "LA" else None)
    if mode in ("RGB", "RGBA", "RGBa"):
        alpha: Literal["straight", "premultiplied"] = (
            "premultiplied" if mode == "RGBa" else "straight"
        )
        return Layout("rgb", alpha=None if mode == "RGB" else alpha)
    raise _refusal("unsupported")


def _exif_of(block: bytes | None) -> Metadata:
    if not block:
        return Metadata()
    image = Image.new("L", (1, 1))
    image.info["exif"] = block
    return metadata_of(image)


def read_avif(data: bytes, limits: Limits) -> list[Page]:
    """Read the header of an AVIF file.

    Parameters
    ----------
    data : bytes
    limits : Limits
        Checked on every picture and tile in the file.

    Returns
    -------
    list of Page
        One page. Pillow reports the file's own orientation properties as EXIF orientation.

    Raises
    ------
    ImageRejected
        `UNSUPPORTED_ENCODING` for an animation, `TRUNCATED` or `UNREADABLE` for damage; and what
        the limits refuse.
    """
    coding = _check_boxes(data, limits).coding
    try:
        image = Image.open(BytesIO(data), formats=("AVIF",))
    except Exception as error:
        raise _refusal(str(error)) from None
    if getattr(image, "n_frames", 1) > 1:
        raise _sequence()
    limits.check_geometry(image.height, image.width)
    if image.height * image.width > AVIF_MAX_PIXELS:
        raise ImageRejected(
            RejectReason.TOO_MANY_PIXELS,
            f"An AVIF of more than {AVIF_MAX_PIXELS} pixels is not read.",
            hint="Export the picture smaller, or as JPEG.",
        )
    known = metadata_of(image)
    return [
        Page(
            height=image.height,
            width=image.width,
            layout=_layout(image.mode),
            blocks=lambda: _avif_blocks(image),
            orientation=known.orientation,
            profile=known.profile or coded_profile(coding),
            device=known.device,
            channels=len(image.mode),
        )
    ]


def _avif_blocks(image: Image.Image) -> Iterator[Block]:
    try:
        image.load()
    except (ValueError, RuntimeError, OSError, SyntaxError, EOFError) as error:
        raise _refusal(str(error)) from None
    for rows in row_blocks(image.height, image.width):
        part = np.asarray(image.crop((0, rows.start, image.width, rows.stop)))
        yield (rows, slice(0, image.width)), part.reshape(*part.shape[:2], -1)


def _check_boxes(data: bytes, limits: Limits) -> Meta:
    """Read the boxes; refuse pictures and tiles that are too large, truncated or overwritten."""
    try:
        found = read_meta(data)
        broken = incomplete(data, found)
    except (struct.error, IndexError):
        raise _refusal("") from None
    for width, height in found.sizes:
        limits.check_pixels(height, width)
    check_tile_sizes(found, limits)
    if broken:
        raise _refusal("truncated")
    return found


def _sequence() -> ImageRejected:
    return ImageRejected(
        RejectReason.UNSUPPORTED_ENCODING,
        "The file holds a film or an animation.",
        hint="Export one picture of it.",
    )


def _refusal(message: str) -> ImageRejected:
    """Convert a library's error, whose text may quote the file, to a refusal."""
    message = message.lower()
    if "end of file" in message or "truncated" in message:
        return ImageRejected(
            RejectReason.TRUNCATED,
            "The file ends before its picture does.",
            hint="Copy or export the file again.",
        )
    if "unsupported" in message:
        return ImageRejected(
            RejectReason.UNSUPPORTED_ENCODING,
            "The file stores its picture in a way that is not read here.",
            hint="Export the picture as JPEG.",
        )
    return ImageRejected(
        RejectReason.UNREADABLE,
        "The picture data is damaged.",
        hint="Copy or export the file again.",
    )
