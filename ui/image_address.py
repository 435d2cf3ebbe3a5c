"""Addresses under which the server gives the pictures of a case to a browser."""

from __future__ import annotations

from enum import StrEnum


class PictureSize(StrEnum):
    """How large a picture is sent."""

    THUMBNAIL = "thumbnail"
    """For lists: at most 160 pixels on the longer side."""
    FITTED = "fitted"
    """For the page: at most 1600 pixels on the longer side."""
    NATIVE = "native"
    """Every pixel of the file."""


MAIN_FRAME = "main"
"""In place of a frame's number: the middle B-scan of a volume, else the first frame."""


def image_address(case_id: int, position: int, size: PictureSize, frame: int | None = 0) -> str:
    """Return the address of one picture; it names numbers only, so it identifies no patient.

    Parameters
    ----------
    case_id : int
    position : int
        Of the image in the case, from 0.
    size : PictureSize
    frame : int or None
        Of an image with several frames, from 0; None for the one that stands for all of them.
    """
    return f"/images/{case_id}/{position}/{MAIN_FRAME if frame is None else frame}/{size}"


def frame_addresses(case_id: int, position: int, frame: int) -> dict[str, str]:
    """Return the address of one frame in every size, by the size's name."""
    return {str(size): image_address(case_id, position, size, frame) for size in PictureSize}


def facts_address(case_id: int, position: int) -> str:
    """Return the address of what is known of an image: sizes, frames, notes, why it is not shown.

    See `ui.image_facts`.
    """
    return f"/images/{case_id}/{position}/facts"
