"""Claims of an Ophthalmic Tomography header on eye, scale, order and device.

Functional groups (PS3.3 C.7.6.16) have precedence over the attributes of older objects. Only the
elements named here are read, within sequences too.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from triage.errors import ImageRejected, RejectReason
from triage.oct_imaging import dicom_places
from triage.oct_imaging.dicom_elements import distinct, items, numbers, text_of, whole_number
from triage.oct_imaging.dicom_places import PLACE_KEYWORDS, Places, frame_places
from triage.oct_imaging.draft import Draft, Part
from triage.oct_imaging.volume import Flag

_COUNT_KEYWORDS = ("ImagesInAcquisition", "NumberOfSeriesRelatedInstances")
KEYWORDS = (
    "ImageLaterality",
    "Laterality",
    "PixelSpacing",
    "SpacingBetweenSlices",
    "ConcatenationUID",
    "InConcatenationNumber",
    "InConcatenationTotalNumber",
    "ConcatenationFrameOffsetNumber",
    *_COUNT_KEYWORDS,
    *PLACE_KEYWORDS,
)
STEP_SOURCE = "ImagePositionPatient (0020,0032)"
_BOTH = {"B", "BOTH", "OU"}


def note_claims(dataset: Dataset, frames: int, draft: Draft) -> None:
    """Add a header's claims and positions to a draft.

    Raises
    ------
    ImageRejected
        `BOTH_EYES` if frames are of different eyes, `INCONSISTENT` if the header does not
        describe each frame.
    """
    described = items(dataset, "PerFrameFunctionalGroupsSequence")
    if described and len(described) != frames:
        raise ImageRejected(
            RejectReason.INCONSISTENT,
            f"The header announces {frames} B-scans and describes {len(described)}.",
            hint="Export the scan again.",
        )
    shared = items(dataset, "SharedFunctionalGroupsSequence")[:1]
    _note_laterality(dataset, [*described, *shared], draft)
    note_places(frame_places(dataset, frames), draft)
    _note_spacing(dataset, [*shared, *described], draft)
    draft.claim("manufacturer", dataset.get("Manufacturer"), "Manufacturer (0008,0070)")
    draft.claim("model", dataset.get("ManufacturerModelName"), "ManufacturerModelName (0008,1090)")
    draft.part = part_of(dataset)
    draft.announced = announced_by(dataset)


def note_places(places: Places, draft: Draft) -> None:
    """Add the positions of the frames to a draft, and their spacing if it is given in mm."""
    draft.positions = dicom_places.positions_of(places)
    for step in dicom_places.steps_in_mm(places):
        draft.claim("bscan_spacing", f"{step:.6g}", STEP_SOURCE)
    if dicom_places.stack_has_gap(places):
        draft.flags.append(Flag.BSCANS_MISSING)


def part_of(dataset: Dataset) -> Part | None:
    """Part of a concatenation (PS3.3 C.7.6.16.2.2.4) that an object is; None if it is none."""
    part = Part(
        text_of(dataset.get("ConcatenationUID")),
        number=whole_number(dataset, "InConcatenationNumber"),
        total=whole_number(dataset, "InConcatenationTotalNumber") or None,  # 0 is no statement
        offset=whole_number(dataset, "ConcatenationFrameOffsetNumber"),
    )
    return None if part == Part("", None, None, None) else part


def announced_by(dataset: Dataset) -> frozenset[int]:
    """Numbers of images that a header states: of the acquisition and of the series."""
    counts = (whole_number(dataset, keyword) or 0 for keyword in _COUNT_KEYWORDS)
    return frozenset(count for count in counts if count > 0)


def _note_laterality(dataset: Dataset, groups: list[Dataset], draft: Draft) -> None:
    of_frames = distinct(groups, "FrameAnatomySequence", "FrameLaterality")
    sources = {
        "FrameLaterality (0020,9072)": of_frames,
        "ImageLaterality (0020,0062)": [text_of(dataset.get("ImageLaterality"))],
        "Laterality (0020,0060)": [text_of(dataset.get("Laterality"))],
    }
    for source, values in sources.items():
        said = {value.upper() for value in values}
        if said & _BOTH or {"R", "L"} <= said:
            raise ImageRejected(
                RejectReason.BOTH_EYES,
                "The file holds B-scans of both eyes.",
                hint="Export each eye as a file of its own.",
            )
        for value in values:
            draft.claim("laterality", value, source)


def _note_spacing(dataset: Dataset, groups: list[Dataset], draft: Draft) -> None:
    """Add a claim on the spacing of samples.

    SliceThickness (0018,0050) is not used: it is the thickness of a slice, not the spacing.
    """
    # Pixel Measures (C.7.6.16.2.1): distance between rows, then between columns.
    spacing = distinct(groups, "PixelMeasuresSequence", "PixelSpacing")
    top = text_of(dataset.get("PixelSpacing"))
    for text in [*spacing, top]:
        if text.count("\\") != 1:
            continue  # of another number of values nobody knows which axis each is of
        rows, columns = text.split("\\")
        draft.claim("depth_spacing", rows, "PixelSpacing (0028,0030)")
        draft.claim("column_spacing", columns, "PixelSpacing (0028,0030)")
    between = distinct(groups, "PixelMeasuresSequence", "SpacingBetweenSlices")
    for text in [*between, text_of(dataset.get("SpacingBetweenSlices"))]:
        draft.claim("bscan_spacing", text, "SpacingBetweenSlices (0018,0088)")


def localizer_lines(dataset: Dataset, localizer: str) -> NDArray[np.float32] | None:
    """Return start and end (x, y) of each frame on one fundus image.

    Parameters
    ----------
    dataset : pydicom.dataset.Dataset
        Of the volume.
    localizer : str
        The picture's SOP Instance UID.

    Returns
    -------
    float32 array [S, 2, 2] or None
        In pixels; None unless every frame is located on that very picture.
    """
    described = items(dataset, "PerFrameFunctionalGroupsSequence")
    places = frame_places(dataset, len(described)) if described else []
    return dicom_places.localizer_lines(places, localizer)


def pixel_side(dataset: Dataset) -> float | None:
    """Return mm per pixel of a picture; None unless its pixels are square, of plausible size."""
    sides = numbers(dataset.get("PixelSpacing"))
    side = sides[0] if len(sides) == 2 and len(set(sides)) == 1 else 0.0
    return side if 1e-4 <= side <= 1 else None
