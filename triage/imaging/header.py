"""Geometry and encoding of a file as stated by its header."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Header:
    """Geometry and encoding of a file; no patient data.

    Parameters
    ----------
    width, height : int or None
        Pixels, as stored: before the EXIF orientation.
    frames : int or None
        Frames or pages.
    channels : int or None
        Samples per pixel.
    bits : int or None
        Stored bits of one sample.
    transfer_syntax, sop_class : str or None
        For DICOM, the standard's plain names.
    device : str or None
        Manufacturer and model.
    """

    width: int | None = None
    height: int | None = None
    frames: int | None = None
    channels: int | None = None
    bits: int | None = None
    transfer_syntax: str | None = None
    sop_class: str | None = None
    device: str | None = None
