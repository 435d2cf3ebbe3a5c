"""Grey pictures at their stored depth.

`triage.imaging.raster.read`, which reads photographs, converts everything to 8-bit colour; a B-scan
may have 16 bits or real numbers, and a colour picture is refused.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from triage.errors import ImageRejected, RejectReason
from triage.imaging.raster.raster_formats import raster_kind
from triage.imaging.raster.read import read_pages
from triage.imaging.raster.samples import Page, page_to_grey, page_to_rgb
from triage.oct_imaging.limits import VolumeLimits

_KINDS = frozenset({"jpeg", "png", "tiff", "bmp"})
_COLOURED = 24  # levels between a pixel's channels: more than JPEG makes of a grey picture
_COLOURED_SHARE = 0.01


def picture_kind(head: bytes) -> str | None:
    """Identify a picture's format by its first bytes; None if it is not used for B-scans."""
    kind = raster_kind(head)
    return kind if kind in _KINDS else None


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
        Upright and as stored, 0 black, transparency left out. Integers of more than 16 bits or with
        a sign are uint16 where all lie between 0 and 65535, else float32. Less than 8 bits are
        scaled to 8.

    Raises
    ------
    ImageRejected
        `WRONG_MODALITY` for a colour picture, `INCONSISTENT` for pages that differ, and whatever
        else is wrong with the file.
    """
    pages = read_pages(data, kind, limits.pictures)
    stack: NDArray[Any] | None = None
    for index, page in enumerate(pages):
        limits.check_shape(len(pages), page.height, page.width)
        # B-scans are not photographs: the exporting program's profile does not apply to them
        frame = _grey(replace(page, profile=None), colour=colour)
        if stack is None:
            stack = np.empty((len(pages), *frame.shape), frame.dtype)
        if frame.shape != stack.shape[1:] or frame.dtype != stack.dtype:
            raise ImageRejected(
                RejectReason.INCONSISTENT,
                "The pages of the file differ in size or depth.",
                hint="Export the B-scans of one volume with one size and depth.",
            )
        stack[index] = frame
    assert stack is not None  # there is at least one page
    return stack


def _grey(page: Page, *, colour: bool) -> NDArray[Any]:
    if page.layout.space == "grey":
        return page_to_grey(page)
    rgb, _ = page_to_rgb(page)
    if colour:
        return np.asarray(Image.fromarray(rgb).convert("L"))
    if np.mean(np.ptp(rgb, axis=2) > _COLOURED) > _COLOURED_SHARE:
        raise ImageRejected(
            RejectReason.WRONG_MODALITY,
            "This is a colour picture; B-scans of an OCT are grey.",
            hint="Give the scan itself, exported without colours, or read it as a photograph.",
        )
    return rgb[..., 1].copy()
