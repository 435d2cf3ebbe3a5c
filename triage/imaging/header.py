"""What a file's header says, as far as it may be told."""

from __future__ import annotations

from dataclasses import dataclass

from triage.imaging.oct.deidentify import device_text


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


def device_name(manufacturer: object, model: object) -> str | None:
    """Join manufacturer and model to one short line fit for any output, None if none is left.

    Both are free text in EXIF and DICOM; what `device_text` takes for a serial number, a date or
    a person's name is left out, as it is of OCT devices.
    """
    parts = [device_text(part) for part in (manufacturer, model) if part is not None]
    return " ".join(part for part in parts if part) or None
