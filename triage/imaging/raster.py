"""JPEG, PNG and TIFF to RGB, by Pillow.

Embedded ICC profiles are ignored: samples are taken as sRGB, as they were for
the data the models learned from. The colours of a wide-gamut photograph come
out slightly pale; in return no colour-management engine parses untrusted
profiles.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from PIL.ExifTags import Base as Exif
from PIL.Image import Transpose

from triage.errors import ImageRejected, RejectReason
from triage.imaging.header import Header, device_name
from triage.imaging.limits import Limits

# Our own limits are stricter than the size from which Pillow warns, and a refused file needs
# no second complaint; what else Pillow warns of (damaged EXIF) may quote the file.
warnings.filterwarnings("ignore", module=r"PIL(\.|$)")

PILLOW_FORMATS = {"jpeg": "JPEG", "png": "PNG", "tiff": "TIFF", "bmp": "BMP"}

# EXIF 2.32, 4.6.4, tag 0x0112: where the zeroth row and column of the stored picture lie.
_UPRIGHT = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
_BITS_PER_SAMPLE, _TILE_WIDTH, _TILE_HEIGHT, _SUBFILE_TYPE = 258, 322, 323, 254


def read_raster(data: bytes, kind: str, limits: Limits) -> NDArray[np.uint8]:
    """Decode a JPEG, PNG or TIFF.

    Parameters
    ----------
    data : bytes
        The file.
    kind : str
        'jpeg', 'png' or 'tiff'.
    limits : Limits
        Bounds checked on the headers of every page before one is decoded.

    Returns
    -------
    uint8 array [F, H, W, 3]
        RGB, upright; transparency over white. Pages of a TIFF are frames,
        its reduced-resolution pages (previews) are left out. 16-bit samples
        are scaled by 255 / 65535 (grey) or lose their low byte (colour).

    Raises
    ------
    ImageRejected
        For anything that cannot become such an array.
    """
    with opened(data, kind) as image:
        pages = checked_pages(image, kind, limits)
        frames: NDArray[np.uint8] | None = None
        for index, page in enumerate(pages):
            image.seek(page)
            frame = _decode_page(image)
            if frames is None:
                frames = np.empty((len(pages), *frame.shape), np.uint8)
            if frame.shape != frames.shape[1:]:
                raise ImageRejected(
                    RejectReason.UNSUPPORTED_ENCODING, "The pages of the file differ in size."
                )
            frames[index] = frame
    if frames is None:
        raise ImageRejected(RejectReason.NO_PIXELS, "The file holds no full-resolution page.")
    return frames


def raster_header(data: bytes, kind: str, limits: Limits) -> Header:
    """Read the header of a JPEG, PNG or TIFF without decoding pixels.

    Raises
    ------
    ImageRejected
        If the header cannot be read.
    """
    with opened(data, kind) as image:
        exif = _exif(image)
        return Header(
            width=image.width,
            height=image.height,
            frames=sum(1 for _ in _page_indices(image, limits.max_frames)) if kind == "tiff" else 1,
            channels=len(image.getbands()),
            bits=_bits(image),
            device=device_name(exif.get(Exif.Make), exif.get(Exif.Model)),
        )


@contextmanager
def opened(data: bytes, kind: str) -> Iterator[Image.Image]:
    """Open a file by one Pillow plugin and turn what it raises into refusals."""
    try:
        with Image.open(BytesIO(data), formats=(PILLOW_FORMATS[kind],)) as image:
            yield image
    except UnidentifiedImageError:
        raise ImageRejected(
            RejectReason.UNREADABLE, f"The file begins as a {kind} but has no valid header."
        ) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ImageRejected(
            RejectReason.TOO_MANY_PIXELS, "The picture has more pixels than are ever read."
        ) from None
    except OSError as error:
        if "truncated" in str(error).lower():
            raise ImageRejected(
                RejectReason.TRUNCATED, "The file ends before its picture does."
            ) from None
        raise ImageRejected(RejectReason.UNREADABLE, "The picture data is damaged.") from None


def checked_pages(image: Image.Image, kind: str, limits: Limits) -> list[int]:
    """List the pages to decode, after checking the limits on all of them."""
    if kind == "png" and getattr(image, "is_animated", False):
        raise ImageRejected(RejectReason.UNSUPPORTED_ENCODING, "The picture is animated.")
    if kind != "tiff":
        limits.check_geometry(image.height, image.width)
        return [0]
    pages = []
    for index in _page_indices(image, limits.max_frames + 1):
        limits.check_frames(index + 1)
        limits.check_geometry(image.height, image.width)
        tags = image.tag_v2  # type: ignore[attr-defined]
        # A tile is decoded whole, however little of it the picture uses.
        limits.check_geometry(tags.get(_TILE_HEIGHT, 1), tags.get(_TILE_WIDTH, 1))
        if not tags.get(_SUBFILE_TYPE, 0) & 1:
            pages.append(index)
            limits.check_geometry(image.height, image.width, len(pages))
    return pages


def _page_indices(image: Image.Image, most: int) -> Iterator[int]:
    """Step through at most `most` pages of a TIFF, reading headers only."""
    for index in range(most):
        try:
            image.seek(index)
        except EOFError:
            return
        yield index


def _decode_page(image: Image.Image) -> NDArray[np.uint8]:
    """Decode the page the image stands at: RGB, upright, [H, W, 3]."""
    image.load()
    # Pillow turns a TIFF upright while loading it, and then no longer reports an orientation.
    turn = _UPRIGHT.get(_exif(image).get(Exif.Orientation, 1))
    rgb = _to_rgb(image)
    return np.asarray(rgb if turn is None else rgb.transpose(turn))


def _to_rgb(image: Image.Image) -> Image.Image:
    """Convert any 8- or 16-bit mode to RGB, transparency over white."""
    if image.mode.startswith("I;16"):
        full_scale = float(2 ** _bits(image) - 1)
        grey = np.asarray(image).astype(np.float32)
        grey *= 255.0 / full_scale
        image = Image.fromarray(np.clip(np.rint(grey, out=grey), 0, 255, out=grey).astype(np.uint8))
    if image.mode in ("I", "F", "LAB", "HSV"):
        raise ImageRejected(
            RejectReason.UNSUPPORTED_ENCODING,
            "The samples have no defined brightness range or colour space (32-bit, real, LAB).",
            mend="Export the picture as 8- or 16-bit grey or RGB.",
        )
    if "transparency" in image.info or image.mode in ("RGBA", "RGBa", "LA", "La", "PA"):
        image = image.convert("RGBA")
        canvas = Image.new("RGB", image.size, "white")
        canvas.paste(image, mask=image.getchannel("A"))
        return canvas
    return image.convert("RGB")


def _bits(image: Image.Image) -> int:
    """Return the stored bits of one sample."""
    if image.format == "TIFF":
        return int(image.tag_v2.get(_BITS_PER_SAMPLE, (1,))[0])  # type: ignore[attr-defined]
    if image.mode == "1":
        return 1
    return 16 if image.mode.startswith("I") else 8


def _exif(image: Image.Image) -> Image.Exif:
    """Return the EXIF tags; none if the block is damaged, for the pixels may still be whole."""
    try:
        return image.getexif()
    except Exception:
        return Image.Exif()
