"""Files of one DICOM series that are parts of one volume, and their order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.uid import OphthalmicTomographyImageStorage

from triage.errors import ImageRejected, RejectReason
from triage.hashing import hash_bytes
from triage.imaging.decode import read_bytes
from triage.imaging.dicom.image_pixel import geometry
from triage.imaging.dicom.part10 import parse_part10
from triage.oct_imaging.bscan_order import distances_across, spatial_order
from triage.oct_imaging.dicom_claims import KEYWORDS, announced_by, part_of
from triage.oct_imaging.dicom_elements import text_of, whole_number
from triage.oct_imaging.dicom_places import FramePlace, frame_places, positions_of
from triage.oct_imaging.draft import Part
from triage.oct_imaging.limits import VolumeLimits

FEW_FRAMES = 16
"""An object of more frames is a volume of its own, unless it states that it is a part of one."""
_SAME_PLACE = 1e-3  # of the usual step
_KEYWORDS = (
    *KEYWORDS,
    "SOPInstanceUID",
    "SeriesInstanceUID",
    "InstanceNumber",
)


@dataclass(frozen=True)
class Instance:
    """Position of one file in a volume, from its header; not part of the result.

    Parameters
    ----------
    path : Path
    sha256 : str
        Of the file.
    sop_class, sop_instance, series : str
        UIDs, '' where missing.
    number : int or None
        InstanceNumber.
    part : Part or None
        Place in a concatenation.
    frames : int
    places : tuple of FramePlace
        One for each frame.
    announced : int
        The largest number of images that the header states, 0 if it states none.
    """

    path: Path
    sha256: str
    sop_class: str
    sop_instance: str
    series: str
    number: int | None
    part: Part | None
    frames: int
    places: tuple[FramePlace, ...]
    announced: int

    @classmethod
    def read(cls, path: Path, limits: VolumeLimits, folder: Path) -> Instance:
        """Read a file's header; its pixels are dropped.

        Raises
        ------
        ImageRejected
            If the file cannot be read or parsed.
        """
        data = read_bytes(path, limits.pictures, root=folder)
        dataset = parse_part10(data, limits.pictures, _KEYWORDS)
        is_volume = dataset.get("SOPClassUID") == OphthalmicTomographyImageStorage
        frames = 1
        if is_volume:
            frames, rows, columns = geometry(dataset)
            limits.check_shape(frames, rows, columns)
        return cls(
            path=path,
            sha256=hash_bytes(data),
            sop_class=text_of(dataset.get("SOPClassUID")),
            sop_instance=text_of(dataset.get("SOPInstanceUID")),
            series=text_of(dataset.get("SeriesInstanceUID")),
            number=whole_number(dataset, "InstanceNumber"),
            part=part_of(dataset),
            frames=frames,
            places=tuple(frame_places(dataset, frames)) if is_volume else (),
            announced=max(announced_by(dataset), default=0),
        )


@dataclass(frozen=True)
class FrameOrder:
    """Files of one volume and the positions of their frames.

    Parameters
    ----------
    instances : tuple of Instance
    targets : int array [S]
        Index in the volume of each frame, frames file by file.
    contradicted : bool
        Whether positions contradict the numbers of the files.
    numbers_leave_out : bool
        Whether the files' instance numbers leave some out.
    """

    instances: tuple[Instance, ...]
    targets: NDArray[np.intp]
    contradicted: bool = False
    numbers_leave_out: bool = False

    @classmethod
    def of_one(cls, instance: Instance) -> FrameOrder:
        """Order of a volume in one file."""
        return cls((instance,), np.arange(instance.frames))

    @property
    def places(self) -> list[FramePlace]:
        """Positions of the frames in the order of the volume."""
        given = [place for instance in self.instances for place in instance.places]
        return [given[index] for index in np.argsort(self.targets)]


def one_volume(instances: Sequence[Instance], others: Sequence[Instance]) -> FrameOrder:
    """Sort the files of one volume.

    Parameters
    ----------
    instances : sequence of Instance
        At least two different Ophthalmic Tomography objects.
    others : sequence of Instance
        The folder's other images, which may have numbers of the same series.

    Raises
    ------
    ImageRejected
        `INCONSISTENT` for several volumes, or if nothing states their order; `TRUNCATED` if
        a header states that there are more files.
    """
    in_concatenation = [instance for instance in instances if _is_part(instance)]
    if in_concatenation:
        concatenations = {one.part.concatenation for one in in_concatenation if one.part}
        others_in_folder = len(instances) - len(in_concatenation)
        if len(concatenations) + others_in_folder > 1:
            raise _several(len(concatenations) + others_in_folder)
        return _by_concatenation(instances)
    series = {instance.series or instance.sha256 for instance in instances}
    if len(series) > 1:
        raise _several(len(series))
    frames = sum(instance.frames for instance in instances)
    announced = max(instance.announced for instance in instances)
    if announced > frames + len(others):
        raise _incomplete(len(instances), announced)
    return _by_place_or_number(instances, others)


def _is_part(instance: Instance) -> bool:
    """Whether a file states that it is a part of a concatenation."""
    part = instance.part
    return part is not None and (bool(part.concatenation) or part.number is not None)


def _by_concatenation(instances: Sequence[Instance]) -> FrameOrder:
    """Order the parts of one concatenation by number; refuse an incomplete one."""
    parts = {instance: instance.part for instance in instances if instance.part is not None}
    numbers = [part.number for part in parts.values()]
    totals = {part.total for part in parts.values() if part.total is not None}
    present = {number for number in numbers if number is not None}
    if None in numbers or len(present) < len(numbers) or min(present) < 1 or len(totals) > 1:
        raise ImageRejected(
            RejectReason.INCONSISTENT,
            "The numbers of the volume's parts contradict each other.",
            hint="Export the scan again into an empty folder.",
        )
    expected = max(present | totals)
    if len(present) < expected:
        raise _incomplete(len(present), expected)
    ordered = sorted(parts, key=lambda instance: parts[instance].number or 0)
    before = 0
    for instance in ordered:
        offset = parts[instance].offset
        if offset is not None and offset != before:
            raise ImageRejected(
                RejectReason.TRUNCATED if offset > before else RejectReason.INCONSISTENT,
                "The volume's parts do not hold the frames that their headers state.",
                hint="Copy or export the scan again into an empty folder.",
            )
        before += instance.frames
    return FrameOrder(tuple(ordered), np.arange(before))


def _by_place_or_number(instances: Sequence[Instance], others: Sequence[Instance]) -> FrameOrder:
    """Order files by the positions of their frames, else by their numbers."""
    numbers = [instance.number for instance in instances if instance.number is not None]
    numbered = len(set(numbers)) == len(instances)
    # Whatever the files are called, the same files give the same volume.
    ordered = sorted(instances, key=lambda one: (one.number if numbered else 0, one.sha256))
    places = [place for instance in ordered for place in instance.places]
    positions = positions_of(places)
    across = None if positions is None else distances_across(positions)
    if positions is None or across is None:
        if not numbered:
            raise ImageRejected(
                RejectReason.INCONSISTENT,
                f"The folder holds {len(instances)} volumes or parts of one, and nothing states in "
                "what order.",
                hint="Give each file, or a folder for each volume, on its own.",
            )
        if max(instance.frames for instance in instances) > FEW_FRAMES:
            raise _several(len(instances))
        order = None
    else:
        _check_apart(across, [instance.frames for instance in ordered])
        order = spatial_order(positions) if numbered else np.argsort(across, kind="stable")
    targets = np.arange(len(places))
    if order is not None:
        targets[order] = np.arange(len(places))
    series = {instance.series for instance in instances}
    numbers += [other.number for other in others if other.number and other.series in series]
    return FrameOrder(
        tuple(ordered),
        targets,
        contradicted=numbered and order is not None,
        numbers_leave_out=numbered and _leave_out(set(numbers)),
    )


def _check_apart(across: NDArray[np.float64], frames: list[int]) -> None:
    """Refuse files at the same position or with overlapping extents."""
    steps = np.diff(np.sort(across))
    if steps.min() <= _SAME_PLACE * np.median(steps):
        raise _several(len(frames))
    ends = np.cumsum([0, *frames])
    extents = sorted(
        (across[start:end].min(), across[start:end].max()) for start, end in pairwise(ends)
    )
    several = any(count > 1 for count in frames)
    if several and any(first[1] > second[0] for first, second in pairwise(extents)):
        raise _several(len(frames))


def _leave_out(numbers: set[int]) -> bool:
    """Return whether numbers that start at 0 or 1 have gaps."""
    return max(numbers) - min(numbers) >= len(numbers) or min(numbers) > 1


def _several(count: int) -> ImageRejected:
    return ImageRejected(
        RejectReason.INCONSISTENT,
        f"The folder holds {count} volumes.",
        hint="Give each file, or a folder for each, on its own.",
    )


def _incomplete(there: int, expected: int) -> ImageRejected:
    return ImageRejected(
        RejectReason.TRUNCATED,
        f"{there} of the volume's {expected} parts are there.",
        hint="Copy or export all files of the scan into the folder.",
    )
