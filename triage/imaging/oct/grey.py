"""Grey pictures at the depth they are stored in, by Pillow.

Photographs go through `triage.imaging.raster`, which makes 8-bit colour of everything; a B-scan
may have 16 bits or real numbers, and must be no colour picture.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from triage.errors import ImageRejected, RejectReason
from triage.imaging.oct.limits import VolumeLimits
from triage.imaging.raster import checked_pages, opened
from triage.imaging.read import RASTER_MAGIC

_COLOURED = 24  # levels between a pixel's channels: more than JPEG makes of a grey picture
_COLOURED_SHARE = 0.01


def picture_kind(head: bytes) -> str | None:
    """Tell a picture's format by its first bytes: 'jpeg', 'png', 'tiff', 'bmp' or None."""
    if head.startswith(b"BM") and head[6:10] == bytes(4):
        return "bmp"
    return next((kind for magic, kind in RASTER_MAGIC.items() if head.startswith(magic)), None)


def read_grey(
    data: bytes, kind: str, limits: VolumeLimits, *, colour: bool = False
) -> NDArray[Any]:
    """Decode the pages of a grey picture.

    Parameters
    ----------
    data : bytes
        The file.
    kind : str
        See `picture_kind`.
    limits : VolumeLimits
        Bounds checked on the headers of every page before one is decoded.
    colour : bool
        Turn colour into luma, for a localizer; otherwise colour is refused.

    Returns
    -------
    uint8, uint16 or float32 array [F, H, W]
        As stored, transparency left out.

    Raises
    ------
    ImageRejected
        `WRONG_MODALITY` for a colour picture, `INCONSISTENT` for pages that differ, and whatever
        else is wrong with the file.
    """
    with opened(data, kind) as image:
        pages = checked_pages(image, kind, limits.pictures)
        stack: NDArray[Any] | None = None
        for index, page in enumerate(pages):
            image.seek(page)
            limits.check_shape(len(pages), image.height, image.width)
            image.load()
            frame = _grey(image, colour=colour)
            if stack is None:
                stack = np.empty((len(pages), *frame.shape), frame.dtype)
            if frame.shape != stack.shape[1:] or frame.dtype != stack.dtype:
                raise ImageRejected(
                    RejectReason.INCONSISTENT, "The pages of the file differ in size or depth."
                )
            stack[index] = frame
    if stack is None:
        raise ImageRejected(RejectReason.NO_PIXELS, "The file holds no full-resolution page.")
    return stack


def _grey(image: Image.Image, *, colour: bool) -> NDArray[Any]:
    if image.mode.startswith("I;16"):
        return np.asarray(image).astype(np.uint16)
    if image.mode in ("I", "F"):
        samples = np.asarray(image)
        whole = image.mode == "I" and samples.min() >= 0 and samples.max() < 2**16
        return samples.astype(np.uint16 if whole else np.float32)
    if image.mode in ("1", "L", "LA", "La"):
        return np.asarray(image.convert("L"))
    rgb = np.asarray(image.convert("RGB"))
    if colour:
        return np.asarray(image.convert("RGB").convert("L"))
    if np.mean(np.ptp(rgb, axis=2) > _COLOURED) > _COLOURED_SHARE:
        raise ImageRejected(
            RejectReason.WRONG_MODALITY,
            "This is a colour picture; B-scans of an OCT are grey.",
            mend="Give the scan itself, exported without colours, or read it as a photograph.",
        )
    return rgb[..., 1].copy()
