"""Decoding of OCT volumes in the current process; untrusted files are decoded in workers."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from triage.errors import ImageRejected, RejectReason
from triage.hashing import hash_file
from triage.imaging.decode import read_bytes, refusal_of
from triage.imaging.dicom.support import require_dicom
from triage.imaging.shown_name import shown_name
from triage.oct_imaging.claims import file_name_claim, finish
from triage.oct_imaging.dicom_class import dicom_class
from triage.oct_imaging.dicom_files import dicom_files
from triage.oct_imaging.draft import Draft
from triage.oct_imaging.grey import picture_kind
from triage.oct_imaging.images import read_folder, read_stack
from triage.oct_imaging.intensity import to_bytes_within
from triage.oct_imaging.limits import VolumeLimits
from triage.oct_imaging.npz import read_npz
from triage.oct_imaging.vendors import identify_vendor, read_vendor
from triage.oct_imaging.volume import Flag, OctVolume
from triage.regular_file import OutsideRootError, check_below, open_regular

_HEAD = 2**16
_OPHTHALMIC_TOMOGRAPHY = "1.2.840.10008.5.1.4.1.1.77.1.5.4"
"""UID of Ophthalmic Tomography Image Storage (PS3.4 B.5)."""


def decode_volume(path: Path, limits: VolumeLimits, *, root: str | Path | None = None) -> OctVolume:
    """Read one OCT volume of one eye in this process; see `triage.decoding.read_volume`.

    Raises
    ------
    ImageRejected
        If the file is invalid. The message names the file without its folder and
        quotes nothing from within it. Running out of memory counts as the file's fault.
    """
    try:
        if root is not None:
            check_below(path, root)
        draft = _read_draft(path, limits)
        # Nobody else holds the samples, so they need not be kept beside their 8 bits.
        draft.bscans = to_bytes_within(draft.bscans)
        file_name_claim(draft, path)
        return finish(draft)
    except ImageRejected as refusal:
        reason, what, hint = refusal.reason, refusal.what, refusal.hint
    except OutsideRootError as error:
        outside = refusal_of(error)
        reason, what, hint = outside.reason, outside.what, outside.hint
    except MemoryError:
        reason, hint = RejectReason.TOO_LARGE, "Export fewer or smaller B-scans."
        what = "Reading the volume needs more memory than there is."
    except Exception:
        # Decoders and vendors' libraries raise nearly anything on hostile bytes, and their
        # messages may quote the header, which may name a patient.
        reason, what = RejectReason.UNREADABLE, "The OCT data is damaged."
        hint = "Copy or export the scan again."
    sha256 = _content_hash(path, limits, reason)
    raise ImageRejected(reason, what, where=shown_name(path), hint=hint, sha256=sha256)


def _content_hash(path: Path, limits: VolumeLimits, reason: RejectReason) -> str | None:
    """Hash of a refused file; None for a folder and for a file refused unread."""
    if reason in (RejectReason.MISSING, RejectReason.TOO_LARGE, RejectReason.OUTSIDE_ROOT):
        return None
    try:
        return hash_file(path) if path.stat().st_size <= limits.max_bytes else None
    except (OSError, ValueError):
        return None


def _read_draft(path: Path, limits: VolumeLimits) -> Draft:
    if path.is_dir():
        vendor = identify_vendor(b"", path)
        if vendor:
            return read_vendor(vendor, path, limits)
        files = dicom_files(path, limits)
        return _read_dicom_folder(files, limits) if files else read_folder(path, limits)
    head = _read_head(path, limits)
    if dicom_class(head) is not None:
        return _read_dicom_file(path, limits)
    if head.startswith(b"PK\x03\x04"):
        return read_npz(path, limits)
    if kind := picture_kind(head):
        return read_stack(read_bytes(path, limits.pictures), kind, limits)
    if vendor := identify_vendor(head, path):
        return read_vendor(vendor, path, limits)
    raise ImageRejected(
        RejectReason.UNKNOWN_FORMAT,
        "The content is not in a supported OCT format, whatever its name.",
        hint="Export the scan as DICOM, or as pictures with a sidecar.",
    )


def _read_dicom_folder(files: dict[Path, str], limits: VolumeLimits) -> Draft:
    require_dicom("oct")
    from triage.oct_imaging.dicom_folder import read_dicom_folder

    return read_dicom_folder(files, limits)


def _read_dicom_file(path: Path, limits: VolumeLimits) -> Draft:
    require_dicom("oct")
    from triage.oct_imaging.dicom_reader import read_opt

    draft = read_opt(read_bytes(path, limits.pictures), limits)
    if draft.lacks_images(files=1):
        draft.flags.append(Flag.BSCANS_MISSING)
    return draft


def is_volume(path: Path) -> bool:
    """Return whether a file or folder is read as a volume rather than as a photograph.

    A single picture is a photograph here; `read_volume` reads it as a volume of one B-scan.
    """
    try:
        if path.is_dir():
            return True
        head = _read_head(path, VolumeLimits(max_bytes=sys.maxsize))
        if (name := dicom_class(head)) is not None:
            return name == _OPHTHALMIC_TOMOGRAPHY
        if picture_kind(head):
            return False
        return head.startswith(b"PK\x03\x04") or identify_vendor(head, path) is not None
    except (ImageRejected, ValueError, OSError):
        return False


def _read_head(path: Path, limits: VolumeLimits) -> bytes:
    """Return a regular file's first bytes, after checking its size."""
    try:
        with open_regular(path) as stream:
            limits.check_bytes(os.fstat(stream.fileno()).st_size)
            head = stream.read(_HEAD)
    except (OSError, ValueError) as error:
        raise refusal_of(error) from None
    if not head:
        raise ImageRejected(
            RejectReason.EMPTY, "The file is empty.", hint="Copy or export the file again."
        )
    return head
