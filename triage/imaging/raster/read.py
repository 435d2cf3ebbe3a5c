"""Photographs in any supported raster format to sRGB."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module

import numpy as np
from numpy.typing import NDArray

from triage.errors import ImageRejected, RejectReason
from triage.imaging.header import Header
from triage.imaging.limits import Limits
from triage.imaging.picture import PictureFlag
from triage.imaging.raster.raster_formats import READERS
from triage.imaging.raster.samples import Page, page_to_rgb


def read_raster(
    data: bytes, kind: str, limits: Limits
) -> tuple[NDArray[np.uint8], tuple[PictureFlag, ...]]:
    """Decode a photograph.

    Parameters
    ----------
    data : bytes
        The file.
    kind : str
        See `raster_kinds.raster_kind`.
    limits : Limits
        Bounds checked on the headers of every page before one is decoded.

    Returns
    -------
    frames : uint8 array [F, H, W, 3]
        sRGB, upright; transparency over white. Pages of a TIFF are frames, its pages of reduced
        resolution (previews) are left out. Deeper samples are scaled by 255 / (2^bits - 1) (grey)
        or lose their low bits (colour).
    flags : tuple of PictureFlag

    Raises
    ------
    ImageRejected
        For anything that cannot become such an array, above all where samples are missing.
    """
    pages = read_pages(data, kind, limits)
    frames: NDArray[np.uint8] | None = None
    flags: dict[PictureFlag, None] = {}  # in order, each once
    for index, page in enumerate(pages):
        frame, flag = page_to_rgb(page)
        if flag is not None:
            flags[flag] = None
        if len(pages) == 1:
            return frame[None], tuple(flags)
        if frames is None:
            frames = np.empty((len(pages), *frame.shape), np.uint8)
        if frame.shape != frames.shape[1:]:
            raise ImageRejected(
                RejectReason.UNSUPPORTED_ENCODING,
                "The pages of the file differ in size.",
                hint="Export each page as a file of its own.",
            )
        frames[index] = frame
    assert frames is not None  # there is at least one page
    return frames, tuple(flags)


def raster_header(data: bytes, kind: str, limits: Limits) -> Header:
    """Read the header of a photograph without decoding pixels.

    Only `limits.max_frames` is checked, so that the size of a picture that exceeds the other limits
    can be reported.

    Raises
    ------
    ImageRejected
        If the header cannot be read.
    """
    sizes = ("max_pixels", "max_total_pixels", "max_side", "max_aspect")
    pages = read_pages(data, kind, limits.model_copy(update=dict.fromkeys(sizes, sys.maxsize)))
    first = pages[0]
    return Header(
        width=first.width,
        height=first.height,
        frames=len(pages),
        channels=first.channels,
        bits=first.bits,
        device=first.device,
    )


def read_pages(data: bytes, kind: str, limits: Limits) -> list[Page]:
    """Read the headers of all pictures of a file that are not previews or masks.

    Raises
    ------
    ImageRejected
        If a header cannot be read or is out of bounds; `NO_PIXELS` where there is no picture.
    """
    module, name = READERS[kind]
    reader: Callable[[bytes, Limits], list[Page]] = getattr(import_module(module), name)
    pages = reader(data, limits)
    if not pages:
        raise ImageRejected(
            RejectReason.NO_PIXELS,
            "The file holds no full-resolution page.",
            hint="Export the picture itself, not its preview.",
        )
    return pages
