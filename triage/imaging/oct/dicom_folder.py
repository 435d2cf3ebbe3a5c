"""A folder of DICOM files: one volume and, where it is there, its picture of the fundus."""

from __future__ import annotations

from pathlib import Path

from pydicom import uid

from triage.errors import ImageRejected, RejectReason
from triage.hashing import hash_bytes, hash_json
from triage.imaging.oct.dicom import FUNDUS_CLASSES, read_opt, storage_class
from triage.imaging.oct.draft import Draft
from triage.imaging.oct.images import folder_files
from triage.imaging.oct.limits import VolumeLimits
from triage.imaging.read import read_bytes

_HEAD = 2048


def dicom_files(folder: Path, limits: VolumeLimits) -> dict[Path, str]:
    """Return a folder's DICOM files with the SOP class each names."""
    found = {}
    for path in folder_files(folder, limits).values():
        with path.open("rb") as stream:
            head = stream.read(_HEAD)
        if head[128:132] == b"DICM":
            found[path] = storage_class(head)
    return found


def read_dicom_folder(files: dict[Path, str], limits: VolumeLimits) -> Draft:
    """Read the one volume among a folder's DICOM files.

    Parameters
    ----------
    files : dict
        As `dicom_files` returned them.
    limits : VolumeLimits

    Returns
    -------
    Draft
        With a localizer, if one picture of the fundus is there and the B-scans are located on it.

    Raises
    ------
    ImageRejected
        `WRONG_MODALITY` without a volume, `INCONSISTENT` with several, and whatever is wrong
        with the files.
    """
    volumes = [path for path, name in files.items() if name == uid.OphthalmicTomographyImageStorage]
    if not volumes:
        raise ImageRejected(
            RejectReason.WRONG_MODALITY,
            "None of the folder's DICOM files is an Ophthalmic Tomography object.",
        )
    if len(volumes) > 1:
        raise ImageRejected(
            RejectReason.INCONSISTENT,
            f"The folder holds {len(volumes)} volumes.",
            mend="Give each file, or a folder for each, on its own.",
        )
    data = read_bytes(volumes[0], limits.pictures)
    pictures = [path for path, name in files.items() if name in FUNDUS_CLASSES]
    fundus = read_bytes(pictures[0], limits.pictures) if len(pictures) == 1 else None
    draft = read_opt(data, limits, fundus)
    if fundus is not None:
        draft.sha256 = hash_json([hash_bytes(data), hash_bytes(fundus)])
    return draft
