"""Report on a file: the model of `triage inspect --json`."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from triage.errors import RejectReason
from triage.imaging.quality import Quality
from triage.oct_imaging.volume_report import VolumeReport


class FileReport(BaseModel):
    """Facts about a file or an OCT folder; no patient data.

    Parameters
    ----------
    file : str
        Its name, without folders.
    bytes : int or None
        Its size; None if it is not there.
    sha256 : str or None
        Hash of its content, if it was read.
    kind : str or None
        `Picture.kind`; of a volume `OctVolume.kind`.
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
    flags : tuple of str
        Changes and doubts: `PictureFlag` or, of a volume, `Flag`.
    quality : Quality or None
        Of a photograph's first frame.
    volume : VolumeReport or None
        Of an OCT volume.
    pixels : tuple of str
        Names of the files of pixels that were written.
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
    flags: tuple[str, ...] = ()
    quality: Quality | None = None
    volume: VolumeReport | None = None
    pixels: tuple[str, ...] = ()
