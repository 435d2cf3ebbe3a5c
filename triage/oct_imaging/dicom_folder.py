"""A folder of DICOM files: one volume in one or several files, and its fundus image."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import uid

from triage.errors import ImageRejected, RejectReason
from triage.hashing import hash_bytes, hash_json
from triage.imaging.decode import read_bytes
from triage.oct_imaging import dicom_places
from triage.oct_imaging.dicom_claims import note_places
from triage.oct_imaging.dicom_instances import FrameOrder, Instance, one_volume
from triage.oct_imaging.dicom_merge import merge_claims
from triage.oct_imaging.dicom_reader import FUNDUS_CLASSES, read_opt
from triage.oct_imaging.draft import Draft
from triage.oct_imaging.limits import VolumeLimits
from triage.oct_imaging.volume import Flag, Localizer

_VOLUME = str(uid.OphthalmicTomographyImageStorage)


def read_dicom_folder(files: dict[Path, str], limits: VolumeLimits) -> Draft:
    """Read the single volume among a folder's DICOM files.

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
        `WRONG_MODALITY` without a volume, `INCONSISTENT` with several or where files of one do
        not go together, `TRUNCATED` if a header states that there are more files, and whatever
        is wrong with the files.
    """
    volumes, pictures = _sorted_out(files, limits)
    if not volumes:
        raise ImageRejected(
            RejectReason.WRONG_MODALITY,
            "None of the folder's DICOM files is an Ophthalmic Tomography object.",
            hint="Give the folder of an OCT volume.",
        )
    fundus = _fundus(pictures, limits)
    if len(volumes) == 1:
        path = volumes[0]
        draft = read_opt(read_bytes(path, limits.pictures, root=path.parent), limits, fundus)
        if draft.lacks_images(files=1):  # else no other header need be read
            volume = Instance.read(path, limits, path.parent)
            _flag_missing(draft, [volume], _readable(pictures, limits))
    else:
        instances = _different(volumes, limits)
        others = [Instance.read(path, limits, path.parent) for path in pictures]
        draft = _read_series(instances, others, limits, fundus)
    if fundus is not None:
        draft.sha256 = hash_json([draft.sha256, hash_bytes(fundus)])
    return draft


def _sorted_out(files: dict[Path, str], limits: VolumeLimits) -> tuple[list[Path], list[Path]]:
    """Paths of the volumes and paths of the fundus images."""
    classes = {
        path: name or Instance.read(path, limits, path.parent).sop_class
        for path, name in files.items()
    }
    volumes = [path for path, name in classes.items() if name == _VOLUME]
    return volumes, [path for path, name in classes.items() if name in FUNDUS_CLASSES]


def _fundus(pictures: list[Path], limits: VolumeLimits) -> bytes | None:
    """Bytes of the only fundus image; None if there is none or more than one."""
    if len(pictures) != 1:
        return None
    return read_bytes(pictures[0], limits.pictures, root=pictures[0].parent)


def _readable(pictures: list[Path], limits: VolumeLimits) -> list[Instance]:
    """Read the headers of pictures; unreadable ones are left out."""
    found = []
    for path in pictures:
        with suppress(ImageRejected):
            found.append(Instance.read(path, limits, path.parent))
    return found


def _flag_missing(draft: Draft, volumes: Sequence[Instance], others: Iterable[Instance]) -> None:
    """Flag a volume whose headers state more images than its series has in the folder."""
    series = {volume.series for volume in volumes}
    pictures = {one.sop_instance or one.sha256 for one in others if one.series in series}
    if draft.lacks_images(len(volumes), len(pictures)):
        draft.flags.append(Flag.BSCANS_MISSING)


def _different(paths: list[Path], limits: VolumeLimits) -> list[Instance]:
    """Read the headers of files, identical copies once."""
    found: dict[str, Instance] = {}
    frames = 0
    for path in paths:
        instance = Instance.read(path, limits, path.parent)
        if instance.sha256 in found:
            continue
        found[instance.sha256] = instance
        frames += instance.frames
        limits.check_shape(frames, 1, 1)
    return list(found.values())


def _read_series(
    instances: list[Instance], others: list[Instance], limits: VolumeLimits, fundus: bytes | None
) -> Draft:
    """Read the files of one volume."""
    first_of: dict[str, Instance] = {}
    for instance in instances:
        first_of.setdefault(instance.sop_instance or instance.sha256, instance)
    distinct = list(first_of.values())
    order = FrameOrder.of_one(distinct[0]) if len(distinct) == 1 else one_volume(distinct, others)
    parts = _Parts(order, limits)
    for instance in order.instances:
        parts.add(instance, fundus if not parts.drafts else None)
    for instance in instances:
        if instance not in order.instances:
            parts.check_copy(instance)
    draft = parts.draft()
    _flag_missing(draft, order.instances, others)
    return draft


class _Parts:
    """Files of one volume, decoded one after another into one array."""

    def __init__(self, order: FrameOrder, limits: VolumeLimits) -> None:
        self.order, self.limits = order, limits
        self.drafts: list[Draft] = []
        self.bscans: NDArray[Any] = np.empty(0, np.uint8)
        self.targets: dict[str, NDArray[np.intp]] = {}

    def add(self, instance: Instance, fundus: bytes | None) -> None:
        """Decode a file and write its frames to their positions."""
        draft = self._read(instance, fundus)
        start = sum(len(targets) for targets in self.targets.values())
        targets = self.order.targets[start : start + instance.frames]
        if not self.drafts:  # the size is now verified
            shape = (len(self.order.targets), *draft.bscans.shape[1:])
            self.limits.check_shape(*shape)
            self.bscans = np.empty(shape, draft.bscans.dtype)
        if draft.bscans.shape[1:] != self.bscans.shape[1:] or draft.bscans.dtype != (
            self.bscans.dtype
        ):
            raise ImageRejected(
                RejectReason.INCONSISTENT,
                "The files of the series differ in the size or depth of their B-scans.",
                hint="Give a folder with the files of one volume only.",
            )
        self.bscans[targets] = draft.bscans
        self.targets[instance.sop_instance or instance.sha256] = targets
        draft.bscans = np.empty(0, np.uint8)
        self.drafts.append(draft)

    def check_copy(self, instance: Instance) -> None:
        """Refuse a file with the identifier of another file and other pixels."""
        draft = self._read(instance, None)
        targets = self.targets[instance.sop_instance]
        if draft.bscans.shape != (len(targets), *self.bscans.shape[1:]) or not np.array_equal(
            draft.bscans, self.bscans[targets]
        ):
            raise ImageRejected(
                RejectReason.INCONSISTENT,
                "Two files of the folder have the same SOP Instance UID and different pixels.",
                hint="Export the scan again into an empty folder.",
            )

    def draft(self) -> Draft:
        """The volume with the claims of all its files."""
        hashes = sorted(instance.sha256 for instance in self.order.instances)
        found = Draft(
            bscans=self.bscans,
            kind="dicom",
            sha256=hashes[0] if len(hashes) == 1 else hash_json(hashes),
        )
        places = self.order.places
        note_places(places, found)
        merge_claims(self.drafts, found)
        found.announced = frozenset().union(*(draft.announced for draft in self.drafts))
        if self.order.contradicted:
            found.flags.append(Flag.ORDER_CONFLICT)
        if self.order.numbers_leave_out:
            found.flags.append(Flag.BSCANS_MISSING)
        found.localizer = _located(self.drafts[0].localizer, places)
        if len(self.drafts) == 1:
            found.part = self.drafts[0].part
        return found

    def _read(self, instance: Instance, fundus: bytes | None) -> Draft:
        data = read_bytes(instance.path, self.limits.pictures, root=instance.path.parent)
        if hash_bytes(data) != instance.sha256:
            raise ImageRejected(
                RejectReason.INCONSISTENT,
                "A file of the folder changed while it was read.",
                hint="Wait until the export is complete and try again.",
            )
        draft = read_opt(data, self.limits, fundus)
        if len(draft.bscans) != instance.frames:
            raise ImageRejected(
                RejectReason.INCONSISTENT,
                "A file does not hold as many B-scans as its header states.",
                hint="Export the scan again.",
            )
        return draft


def _located(
    localizer: Localizer | None, places: Iterable[dicom_places.FramePlace]
) -> Localizer | None:
    """Fundus image with the frames of all files on it; None unless all are on it."""
    places = list(places)
    if localizer is None:
        return None
    # The first file's frames are on the picture, or it would not have been decoded.
    lines = dicom_places.localizer_lines(places, places[0].localizer)
    return None if lines is None else Localizer(localizer.pixels, localizer.spacing, lines)
