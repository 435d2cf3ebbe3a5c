"""The way in for OCT: a file or folder becomes a volume or a typed refusal."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

from pydicom.uid import OphthalmicTomographyImageStorage

from triage.errors import ImageRejected, RejectReason
from triage.imaging.oct.claims import file_name_claim, finish
from triage.imaging.oct.dicom import read_opt, storage_class
from triage.imaging.oct.dicom_folder import dicom_files, read_dicom_folder
from triage.imaging.oct.draft import Draft
from triage.imaging.oct.grey import picture_kind
from triage.imaging.oct.images import read_folder, read_stack
from triage.imaging.oct.limits import DEFAULT_VOLUME_LIMITS, VolumeLimits
from triage.imaging.oct.npz import read_npz
from triage.imaging.oct.vendors import identify_vendor, read_vendor
from triage.imaging.oct.volume import OctVolume
from triage.imaging.read import read_bytes, shown_name

_HEAD = 2**16


def read_volume(path: Path, limits: VolumeLimits = DEFAULT_VOLUME_LIMITS) -> OctVolume:
    """Read one OCT volume of one eye.

    Parameters
    ----------
    path : Path
        A DICOM Ophthalmic Tomography file, a vendor's file or export folder, an `.npz` stack, a
        folder of B-scan pictures with a sidecar, a folder of DICOM files (one volume, one picture
        of the fundus), or a single grey picture. Content tells which of these it is; the name
        only adds a claim on the eye, if it holds OD or OS.
    limits : VolumeLimits
        Bounds that hold before decoding.

    Returns
    -------
    OctVolume
        With claims and flags; nothing that identifies a person.

    Raises
    ------
    ImageRejected
        Whatever is wrong with the file. The message names the file without its folder and
        quotes nothing from within it. Running out of memory counts as the file's fault.
    """
    try:
        draft = _read_draft(path, limits)
        file_name_claim(draft, path)
        return finish(draft)
    except ImageRejected as refusal:
        reason, what, mend = refusal.reason, refusal.what, refusal.mend
    except MemoryError:
        reason, mend = RejectReason.TOO_LARGE, "Export fewer or smaller B-scans."
        what = "Reading the volume needs more memory than there is."
    except Exception:
        # Decoders and vendors' libraries raise nearly anything on hostile bytes, and their
        # messages may quote the header, which may name a patient.
        reason, what, mend = RejectReason.UNREADABLE, "The OCT data is damaged.", None
    raise ImageRejected(reason, what, where=shown_name(path), mend=mend)


def _read_draft(path: Path, limits: VolumeLimits) -> Draft:
    if path.is_dir():
        vendor = identify_vendor(b"", path)
        if vendor:
            return read_vendor(vendor, path, limits)
        files = dicom_files(path, limits)
        return read_dicom_folder(files, limits) if files else read_folder(path, limits)
    head = _read_head(path, limits)
    if head[128:132] == b"DICM":
        return read_opt(read_bytes(path, limits.pictures), limits)
    if head.startswith(b"PK\x03\x04"):
        return read_npz(path, limits)
    if kind := picture_kind(head):
        return read_stack(read_bytes(path, limits.pictures), kind, limits)
    if vendor := identify_vendor(head, path):
        return read_vendor(vendor, path, limits)
    raise ImageRejected(
        RejectReason.UNKNOWN_FORMAT,
        "The content is no OCT format that is read, whatever the name says.",
        mend="Export the scan as DICOM, or as pictures with a sidecar.",
    )


def is_volume(path: Path) -> bool:
    """Say whether a file or folder is offered as a volume rather than as a photograph.

    A single picture is a photograph here: only who asks for a volume gets one of one B-scan.
    """
    try:
        if path.is_dir():
            return True
        head = _read_head(path, VolumeLimits(max_bytes=sys.maxsize))
        if head[128:132] == b"DICM":
            return storage_class(head) == OphthalmicTomographyImageStorage
        if picture_kind(head):
            return False
        return head.startswith(b"PK\x03\x04") or identify_vendor(head, path) is not None
    except (ImageRejected, ValueError, OSError):
        return False


def _read_head(path: Path, limits: VolumeLimits) -> bytes:
    """Return a regular file's first bytes, after checking its size."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise ImageRejected(
                RejectReason.MISSING, "This is neither a regular file nor a folder."
            )
        limits.check_bytes(status.st_size)
        with path.open("rb") as stream:
            head = stream.read(_HEAD)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        raise ImageRejected(
            RejectReason.MISSING, "There is no such file.", mend="Check the name and folder."
        ) from None
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else "unknown error"
        raise ImageRejected(
            RejectReason.UNREADABLE, f"The file cannot be opened ({reason})."
        ) from None
    if not head:
        raise ImageRejected(RejectReason.EMPTY, "The file is empty.")
    return head
