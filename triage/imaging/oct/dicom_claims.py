"""What an Ophthalmic Tomography header says of eye, scale, order and device.

Functional groups (PS3.3 C.7.6.16) come first, then the attributes of older objects. Only the
elements named here are looked at, within sequences too.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence

from triage.errors import ImageRejected, RejectReason
from triage.imaging.oct.draft import Draft

KEYWORDS = (
    "ImageLaterality",
    "Laterality",
    "PixelSpacing",
    "SliceThickness",
    "SpacingBetweenSlices",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
)
_BOTH = {"B", "BOTH", "OU"}


def note_claims(dataset: Dataset, frames: int, draft: Draft) -> None:
    """Add a header's statements and positions to a draft.

    Raises
    ------
    ImageRejected
        `BOTH_EYES` if frames are of different eyes, `INCONSISTENT` if the header does not
        describe each frame.
    """
    described = _items(dataset, "PerFrameFunctionalGroupsSequence")
    if described and len(described) != frames:
        raise ImageRejected(
            RejectReason.INCONSISTENT,
            f"The header announces {frames} B-scans and describes {len(described)}.",
            mend="Export the scan again.",
        )
    shared = _items(dataset, "SharedFunctionalGroupsSequence")[:1]
    groups = described or shared
    _note_laterality(dataset, [*described, *shared], draft)
    if len(groups) == frames:
        draft.positions = _positions(groups)
        _note_steps(_image_positions(groups), draft)
    _note_spacing(dataset, [*shared, *described], draft)
    draft.claim("manufacturer", dataset.get("Manufacturer"), "Manufacturer (0008,0070)")
    draft.claim("model", dataset.get("ManufacturerModelName"), "ManufacturerModelName (0008,1090)")


def _note_laterality(dataset: Dataset, groups: list[Dataset], draft: Draft) -> None:
    of_frames = _distinct(groups, "FrameAnatomySequence", "FrameLaterality")
    sources = {
        "FrameLaterality (0020,9072)": of_frames,
        "ImageLaterality (0020,0062)": [_text(dataset.get("ImageLaterality"))],
        "Laterality (0020,0060)": [_text(dataset.get("Laterality"))],
    }
    for source, values in sources.items():
        said = {value.upper() for value in values}
        if said & _BOTH or {"R", "L"} <= said:
            raise ImageRejected(
                RejectReason.BOTH_EYES,
                "The file holds B-scans of both eyes.",
                mend="Export each eye as a file of its own.",
            )
        for value in values:
            draft.claim("laterality", value, source)


def _note_spacing(dataset: Dataset, groups: list[Dataset], draft: Draft) -> None:
    # Pixel Measures (C.7.6.16.2.1): distance between rows, then between columns.
    spacing = _distinct(groups, "PixelMeasuresSequence", "PixelSpacing")
    top = _text(dataset.get("PixelSpacing"))
    for text in [*spacing, *([top] if top else [])]:
        rows, _, columns = text.partition("\\")
        draft.claim("depth_spacing", rows, "PixelSpacing (0028,0030)")
        draft.claim("column_spacing", columns, "PixelSpacing (0028,0030)")
    between = _distinct(groups, "PixelMeasuresSequence", "SpacingBetweenSlices")
    for text in [*between, _text(dataset.get("SpacingBetweenSlices"))]:
        draft.claim("bscan_spacing", text, "SpacingBetweenSlices (0018,0088)")
    if "bscan_spacing" in draft.claims:
        return
    # A thickness is no distance; here it is the step to the next where nothing else says one.
    thickness = _distinct(groups, "PixelMeasuresSequence", "SliceThickness")
    for text in [*thickness, _text(dataset.get("SliceThickness"))]:
        draft.claim("bscan_spacing", text, "SliceThickness (0018,0050)")


def _note_steps(places: NDArray[np.float64] | None, draft: Draft) -> None:
    """Claim the distance between neighbouring frames' positions; two claims if it varies."""
    if places is None or len(places) < 2:
        return
    steps = np.diff(np.sort(_across(places)))
    usual = float(np.median(steps))
    if not usual > 0:
        return
    even = np.abs(steps - usual).max() <= 0.1 * usual
    for step in [usual] if even else [steps.min(), steps.max()]:
        draft.claim("bscan_spacing", f"{step:.6g}", "ImagePositionPatient (0020,0032)")


def localizer_lines(dataset: Dataset, localizer: str) -> NDArray[np.float32] | None:
    """Return start and end (x, y) of each frame on one picture of the fundus.

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
    groups = _items(dataset, "PerFrameFunctionalGroupsSequence")
    named = _distinct(groups, "OphthalmicFrameLocationSequence", "ReferencedSOPInstanceUID")
    lines = _lines(groups) if named == [localizer] else None
    return None if lines is None else lines.astype(np.float32)


def pixel_side(dataset: Dataset) -> float | None:
    """Return mm per pixel of a picture, None unless it gives square pixels of plausible size."""
    sides = set(_numbers(dataset.get("PixelSpacing")))
    side = sides.pop() if len(sides) == 1 else 0.0
    return side if 1e-4 <= side <= 1 else None


def _lines(groups: list[Dataset]) -> NDArray[np.float64] | None:
    """Ophthalmic Frame Location (C.8.17.10): pairs of row and column, turned to (x, y)."""
    lines = [
        _numbers(_macro(group, "OphthalmicFrameLocationSequence").get("ReferenceCoordinates"))
        for group in groups
    ]
    if not lines or not all(len(line) >= 4 and len(line) % 2 == 0 for line in lines):
        return None
    # the first pair and the last, for a curved scan has more
    pairs = np.asarray([[*line[:2], *line[-2:]] for line in lines])
    return pairs.reshape(-1, 2, 2)[..., ::-1]


def _positions(groups: list[Dataset]) -> NDArray[np.float64] | None:
    """Start and end of each frame as (x, y): on the localizer, in space, or in the stack."""
    if (lines := _lines(groups)) is not None:
        return lines
    places = _image_positions(groups)
    if places is not None and np.ptp(places, axis=0).max() > 0:
        return _as_lines(_across(places))
    stack = [
        _numbers(_macro(group, "FrameContentSequence").get("InStackPositionNumber"))
        for group in groups
    ]
    return _as_lines(np.asarray(stack)[:, 0]) if all(len(place) == 1 for place in stack) else None


def _image_positions(groups: list[Dataset]) -> NDArray[np.float64] | None:
    """Upper left corner of each frame in mm [S, 3], None unless all say so."""
    places = [
        _numbers(_macro(group, "PlanePositionSequence").get("ImagePositionPatient"))
        for group in groups
    ]
    return np.asarray(places) if all(len(place) == 3 for place in places) else None


def _across(places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance of each place along the direction in which they lie apart."""
    centred = places - places.mean(axis=0)
    return np.asarray(centred @ np.linalg.svd(centred, full_matrices=False)[2][0])


def _as_lines(across: NDArray[np.float64]) -> NDArray[np.float64]:
    """Parallel lines of length one at these distances."""
    ends = np.stack([np.zeros_like(across), np.ones_like(across)], axis=1)
    return np.stack([ends, np.stack([across, across], axis=1)], axis=2)


def _distinct(groups: Iterable[Dataset], macro: str, keyword: str) -> list[str]:
    """What functional groups say of one attribute, each value once."""
    said = (_text(_macro(group, macro).get(keyword)) for group in groups)
    return list(dict.fromkeys(text for text in said if text))


def _macro(group: Dataset, keyword: str) -> Dataset:
    return next(iter(_items(group, keyword)), Dataset())


def _items(dataset: Dataset, keyword: str) -> list[Dataset]:
    value = dataset.get(keyword)
    return list(value) if isinstance(value, Sequence) else []


def _text(value: object) -> str:
    if isinstance(value, MultiValue):
        return "\\".join(str(part) for part in value)
    return "" if value is None else str(value).strip()


def _numbers(value: object) -> list[float]:
    """Finite numbers of an element; none, unless all are."""
    parts = value if isinstance(value, MultiValue | list) else [value]
    try:
        numbers = [float(str(part)) for part in parts]
    except ValueError:
        return []
    return numbers if all(np.isfinite(numbers)) else []
