"""What a file is, or why it is refused: the function behind `triage inspect`."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from triage.errors import ImageRejected, RejectReason
from triage.hashing import hash_bytes
from triage.imaging.dicom import dicom_header
from triage.imaging.header import Header, device_name
from triage.imaging.limits import DEFAULT_LIMITS, Limits
from triage.imaging.oct.limits import DEFAULT_VOLUME_LIMITS, VolumeLimits
from triage.imaging.oct.read import is_volume, read_volume
from triage.imaging.oct.report import VolumeReport, report_volume, volume_sentences
from triage.imaging.quality import Quality, assess_quality, quality_problem
from triage.imaging.raster import raster_header
from triage.imaging.read import decode_bytes, identify, read_bytes, shown_name


class FileReport(BaseModel):
    """What may be told about a file or an OCT folder; no patient data.

    Parameters
    ----------
    file : str
        Its name, without folders.
    bytes : int or None
        Its size; None if it is not there.
    sha256 : str or None
        Hash of its content, if it was read.
    kind : str or None
        'jpeg', 'png', 'tiff' or 'dicom'; of a volume `OctVolume.kind`.
    width, height, frames, channels, bits : int or None
        As stored; of a volume its columns, rows and B-scans.
    transfer_syntax, sop_class : str or None
        For DICOM.
    device : str or None
        Manufacturer and model only.
    readable : bool
        Whether the system takes the file as a photograph or an OCT volume.
    reason : RejectReason or None
        Why it does not.
    message : str
        One sentence for people.
    quality : Quality or None
        Of a photograph's first frame.
    volume : VolumeReport or None
        Of an OCT volume.
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
    volume: VolumeReport | None = None


def inspect_file(
    path: Path,
    limits: Limits = DEFAULT_LIMITS,
    volume_limits: VolumeLimits = DEFAULT_VOLUME_LIMITS,
) -> FileReport:
    """Say what a file is, or why it is refused; never raises for a bad file.

    Parameters
    ----------
    path : Path
        Any file or folder, or none.
    limits : Limits
        Bounds that hold before decoding a photograph.
    volume_limits : VolumeLimits
        Bounds that hold before decoding a volume.

    Returns
    -------
    FileReport
        Of a refused file as much as its header tells.
    """
    known: dict[str, object] = {"file": shown_name(path)}
    with suppress(OSError, ValueError):
        known["bytes"] = None if path.is_dir() else path.stat().st_size
    try:
        if is_volume(path):
            return _inspect_volume(path, volume_limits, known)
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


def _inspect_volume(path: Path, limits: VolumeLimits, known: dict[str, object]) -> FileReport:
    volume = read_volume(path, limits)
    bscans, rows, columns = volume.bscans.shape
    device = device_name(volume.manufacturer, volume.model)
    found: dict[str, object] = {"frames": bscans, "height": rows, "width": columns, "channels": 1}
    found |= {"kind": volume.kind, "sha256": volume.sha256, "device": device}
    found |= {"readable": True, "message": volume_sentences(volume)}
    return FileReport.model_validate(known | found | {"volume": report_volume(volume)})


def _header(data: bytes, kind: str, limits: Limits) -> Header:
    """Return what the header tells; nothing, where it is damaged."""
    try:
        if kind == "dicom":
            return dicom_header(data, limits)
        return raster_header(data, kind, limits)
    except Exception:
        # Why it is damaged is for the decoder to say, with a reason.
        return Header()
