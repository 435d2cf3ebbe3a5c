"""DICOM files of a folder; does not need pydicom."""

from __future__ import annotations

from pathlib import Path

from triage.imaging.decode import refusal_of
from triage.oct_imaging.dicom_class import dicom_class
from triage.oct_imaging.folder import folder_files
from triage.oct_imaging.limits import VolumeLimits
from triage.regular_file import open_regular

_HEAD = 2**16


def dicom_files(folder: Path, limits: VolumeLimits) -> dict[Path, str]:
    """Return a folder's DICOM files with the SOP class of each, '' if it states none."""
    found = {}
    for path in folder_files(folder, limits).values():
        try:
            with open_regular(path, root=folder) as stream:
                head = stream.read(_HEAD)
        except OSError as error:
            raise refusal_of(error) from None
        if (name := dicom_class(head)) is not None:
            found[path] = name
    return found
