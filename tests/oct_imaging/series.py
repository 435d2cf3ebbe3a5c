"""Small volumes in several DICOM files of one series."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from pydicom.dataset import Dataset

from tests.imaging.samples import file_bytes
from triage.oct_imaging import OctVolume
from triage.oct_imaging.decode import decode_volume
from triage.oct_imaging.limits import VolumeLimits

from .samples import SPACING, groups, opt_dataset, retina

Files = dict[str, Dataset]


def instance(stored: NDArray[Any], number: int | None, **elements: Any) -> Dataset:
    """One file of a series; `number` names it and is its instance number."""
    data = opt_dataset(stored, **({"SeriesInstanceUID": "1.2.5"} | elements))
    data.SOPInstanceUID = f"1.2.3.{number}"
    if number is not None:
        data.InstanceNumber = number
    return data


def located(frames: int, first: float, **keywords: Any) -> dict[str, Any]:
    """Functional groups of frames that lie one step apart."""
    return groups(frames, places=[first + SPACING[0] * n for n in range(frames)], **keywords)


def single_frames(*, places: bool = False, numbers: bool = True, **elements: Any) -> Files:
    """Five files of one B-scan each, named so that their names say nothing of the order."""
    files = {}
    for n, bscan in enumerate(retina()):
        where = located(1, SPACING[0] * n) if places else groups(1)
        data = instance(bscan[None], n + 1, **(where | elements))
        if not numbers:
            del data.InstanceNumber
        files["dbeac"[n]] = data
    return files


def concatenation(cuts: tuple[int, ...] = (2, 4), **elements: Any) -> Files:
    """One volume in parts; the parts are named in the opposite order."""
    bounds = [0, *cuts, 5]
    files = {}
    for number, (start, end) in enumerate(pairwise(bounds), start=1):
        place = {
            "ConcatenationUID": "1.2.9",
            "InConcatenationNumber": number,
            "InConcatenationTotalNumber": len(cuts) + 1,
            "ConcatenationFrameOffsetNumber": start,
        }
        frames = retina()[start:end]
        data = instance(frames, number, **groups(len(frames)), **(place | elements))
        del data.InstanceNumber
        files[f"{9 - number}.dcm"] = data
    return files


def write(folder: Path, files: Files) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(file_bytes(data))
    return folder


def read(folder: Path, files: Files) -> OctVolume:
    return decode_volume(write(folder / "scan", files), VolumeLimits())
