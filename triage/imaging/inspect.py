"""What a file is, or why it is refused: the function behind `triage inspect`."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from triage.errors import ImageRejected, RejectReason
from triage.hashing import hash_bytes
from triage.imaging.dicom import dicom_header
from triage.imaging.header import Header
from triage.imaging.limits import DEFAULT_LIMITS, Limits
from triage.imaging.quality import Quality, assess_quality, quality_problem
from triage.imaging.raster import raster_header
from triage.imaging.read import decode_bytes, identify, read_bytes, shown_name


class FileReport(BaseModel):
    """What may be told about a file; no patient data.

    Parameters
    ----------
    file : str
        Its name, without folders.
    bytes : int or None
        Its size; None if it is not there.
    sha256 : str or None
        Hash of its content, if it was read.
    kind : str or None
        'jpeg', 'png', 'tiff' or 'dicom'.
    width, height, frames, channels, bits : int or None
        As stored.
    transfer_syntax, sop_class : str or None
        For DICOM.
    device : str or None
        Manufacturer and model only.
    readable : bool
        Whether the system takes the file as a photograph.
    reason : RejectReason or None
        Why it does not.
    message : str
        One sentence for people.
    quality : Quality or None
        Of the first frame.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str
    bytes: int | None = None
    sha256: str | None = None
    kind: str | None = None
    width: int | None = None
    height: int | None = None
    frames: int | None = None
    channels: int | None = None
    bits: int | None = None
    transfer_syntax: str | None = None
    sop_class: str | None = None
    device: str | None = None
    readable: bool
    reason: RejectReason | None = None
    message: str
    quality: Quality | None = None


def inspect_file(path: Path, limits: Limits = DEFAULT_LIMITS) -> FileReport:
    """Say what a file is, or why it is refused; never raises for a bad file.

    Parameters
    ----------
    path : Path
        Any file, or none.
    limits : Limits
        Bounds that hold before decoding.

    Returns
    -------
    FileReport
        Of a refused file as much as its header tells.
    """
    known: dict[str, object] = {"file": shown_name(path)}
    with suppress(OSError, ValueError):
        known["bytes"] = path.stat().st_size
    try:
        data = read_bytes(path, limits)
        known["sha256"] = hash_bytes(data)
        known["kind"] = kind = identify(data)
        known |= asdict(_header(data, kind, limits))
        picture = decode_bytes(data, limits, photographs_only=True)
    except ImageRejected as refusal:
        message = f"{refusal.what} {refusal.mend}" if refusal.mend else refusal.what
        return FileReport.model_validate(
            known | {"readable": False, "reason": refusal.reason, "message": message}
        )
    quality = assess_quality(picture.frames[0])
    message = quality_problem(quality) or "The file can be read."
    return FileReport.model_validate(
        known | {"readable": True, "message": message, "quality": quality}
    )


def _header(data: bytes, kind: str, limits: Limits) -> Header:
    """Return what the header tells; nothing, where it is damaged."""
    try:
        if kind == "dicom":
            return dicom_header(data, limits)
        return raster_header(data, kind, limits)
    except Exception:
        # Why it is damaged is for the decoder to say, with a reason.
        return Header()
