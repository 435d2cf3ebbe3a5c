"""Volumes on the networks' grid, and what must be known of each before it is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from triage.array_file import load_arrays
from triage.data.manifest import Case
from triage.errors import ImageRejected, RejectReason
from triage.imaging.shown_name import shown_name
from triage.measurements.localizer import begins_above
from triage.measurements.signal import bscan_signal
from triage.models.oct.scan_grid import labels_to_grid
from triage.models.oct.settings import SegmentationSettings
from triage.models.oct.volume_reader import read_on_grid
from triage.oct_imaging.acquisition import acquisition_features
from triage.oct_imaging.volume import Eye
from triage.progress import Advance
from triage.regular_file import is_below
from triage.vocabulary.tissues import Tissue


@dataclass(frozen=True)
class OpenVolume:
    """A volume that can be read by the networks.

    Parameters
    ----------
    bscans : uint8 array [S, H, W]
        On the networks' grid.
    spacing : tuple of float
        mm between B-scans, rows and columns of that grid.
    laterality : {'R', 'L'} or None
    superior_first : bool
        Whether the first B-scan is the uppermost; taken for granted where no localizer tells.
    acquisition : float64 array [F]
        How it was taken; see `acquisition_features`.
    signal : float32 array [S]
        Signal quality of each B-scan.
    flags : tuple of str
    sha256 : str
    """

    bscans: NDArray[np.uint8]
    spacing: tuple[float, float, float]
    laterality: Eye | None
    superior_first: bool
    acquisition: NDArray[np.float64]
    signal: NDArray[np.float32]
    flags: tuple[str, ...]
    sha256: str


def open_volume(case: Case, settings: SegmentationSettings) -> OpenVolume:
    """Read a case's volume and bring it on the networks' grid.

    Raises
    ------
    ImageRejected
        If the file is refused, holds one B-scan, or does not give its scale: a referral rests on
        sizes in mm, and none is ever assumed.
    """
    path = case.images[0]
    if len(case.images) > 1:
        raise ImageRejected(
            RejectReason.WRONG_MODALITY,
            "The case has several files; a case is one volume.",
            hint="Put the files of one volume into a folder and name that.",
        )
    volume, bscans, spacing = read_on_grid(path, settings.rows, settings.columns, root=case.root)
    return OpenVolume(
        bscans=bscans,
        spacing=spacing,
        laterality=volume.laterality,
        superior_first=begins_above(volume),
        acquisition=acquisition_features(volume),
        signal=bscan_signal(volume.bscans),
        flags=tuple(str(flag) for flag in volume.flags),
        sha256=volume.sha256,
    )


def open_volumes(
    cases: Sequence[Case], settings: SegmentationSettings, progress: Advance | None = None
) -> tuple[list[Case], list[OpenVolume], dict[str, ImageRejected]]:
    """Open many volumes; returns the cases that could be read, their volumes, and the refusals."""
    kept, volumes, rejected = [], [], {}
    for case in cases:
        try:
            volumes.append(open_volume(case, settings))
            kept.append(case)
        except ImageRejected as refusal:
            rejected[case.case_id] = refusal
        if progress is not None:
            progress(1)
    return kept, volumes, rejected


def open_annotation(case: Case, settings: SegmentationSettings) -> NDArray[np.uint8] | None:
    """Read a case's tissue map on the networks' grid, uint8 [S, H, W]; None where it has none.

    Raises
    ------
    ImageRejected
        If the map is missing, damaged, or holds other classes, or its path leads out of the root.
    """
    if case.annotation is None:
        return None
    if case.root is not None and not is_below(case.annotation, case.root):
        raise ImageRejected(
            RejectReason.OUTSIDE_ROOT,
            "The path of the annotation leads out of the folder of the data.",
            where=shown_name(case.annotation),
            hint="Copy the file into the folder.",
        )
    found = load_arrays(case.annotation)
    tissue = found[0].get("tissue") if found else None
    if tissue is None or tissue.dtype != np.uint8 or tissue.ndim != 3:
        raise ImageRejected(
            RejectReason.UNREADABLE,
            "The annotation is missing or damaged.",
            where=shown_name(case.annotation),
        )
    if tissue.max(initial=0) >= len(Tissue):
        raise ImageRejected(
            RejectReason.UNREADABLE,
            "The annotation holds classes that are no tissue.",
            where=shown_name(case.annotation),
        )
    return labels_to_grid(tissue, settings.rows, settings.columns)
