"""Positions of the frames of a DICOM OCT object: on the fundus, in space, in the stack."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from triage.oct_imaging.dicom_elements import items, macro, numbers, text_of

PLACE_KEYWORDS = (
    "ImagePositionPatient",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
)
_UNEVEN = 0.1  # of the usual step


@dataclass(frozen=True)
class FramePlace:
    """Position of one frame, as stated by its header.

    Parameters
    ----------
    corner : tuple of float
        ImagePositionPatient: upper left corner (x, y, z) in mm; () where it is not given.
    line : tuple of float
        Start and end (x, y, x, y) on a picture of the fundus in pixels; () where not given.
    localizer : str
        SOP Instance UID of that picture, '' where not given.
    stack : float or None
        InStackPositionNumber.
    """

    corner: tuple[float, ...] = ()
    line: tuple[float, ...] = ()
    localizer: str = ""
    stack: float | None = None


Places = Sequence[FramePlace]


def frame_places(dataset: Dataset, frames: int) -> list[FramePlace]:
    """Read the positions of an object's frames.

    Parameters
    ----------
    dataset : pydicom.dataset.Dataset
        With the elements of `PLACE_KEYWORDS`.
    frames : int

    Returns
    -------
    list of FramePlace
        One for each frame; without any statement where the header does not describe each frame.
    """
    described = items(dataset, "PerFrameFunctionalGroupsSequence")
    groups = described or items(dataset, "SharedFunctionalGroupsSequence")[:1]
    if len(groups) != frames:
        groups = [Dataset() for _ in range(frames)]
    places = [_place(group) for group in groups]
    corner = tuple(numbers(dataset.get("ImagePositionPatient")))
    if frames == 1 and not places[0].corner and len(corner) == 3:
        # single-frame objects need no functional groups
        places[0] = FramePlace(corner, places[0].line, places[0].localizer, places[0].stack)
    return places


def _place(group: Dataset) -> FramePlace:
    location = macro(group, "OphthalmicFrameLocationSequence")
    corner = numbers(macro(group, "PlanePositionSequence").get("ImagePositionPatient"))
    stack = numbers(macro(group, "FrameContentSequence").get("InStackPositionNumber"))
    return FramePlace(
        corner=tuple(corner) if len(corner) == 3 else (),
        line=_line(numbers(location.get("ReferenceCoordinates"))),
        localizer=text_of(location.get("ReferencedSOPInstanceUID")),
        stack=stack[0] if len(stack) == 1 else None,
    )


def _line(coordinates: list[float]) -> tuple[float, ...]:
    """Ophthalmic Frame Location (PS3.3 C.8.17.10): pairs of row and column, turned to (x, y).

    Only the first pair and the last are used; a curved scan has more.
    """
    if len(coordinates) < 4 or len(coordinates) % 2:
        return ()
    (top, left), (bottom, right) = coordinates[:2], coordinates[-2:]
    return left, top, right, bottom


def positions_of(places: Places) -> NDArray[np.float64] | None:
    """Start and end of each frame as (x, y) [S, 2, 2]: on the fundus, in space, or in the stack.

    None if no kind of position is given for every frame, or all positions are equal.
    """
    if all(place.line for place in places):
        return np.asarray([place.line for place in places]).reshape(-1, 2, 2)
    corners = _corners(places)
    if corners is not None and np.ptp(corners, axis=0).max() > 0:
        return _as_lines(_across(corners))
    stack = _stack(places)
    return None if stack is None else _as_lines(stack)


def localizer_lines(places: Places, localizer: str) -> NDArray[np.float32] | None:
    """Start and end (x, y) of each frame on one fundus image.

    Parameters
    ----------
    places : sequence of FramePlace
    localizer : str
        The picture's SOP Instance UID.

    Returns
    -------
    float32 array [S, 2, 2] or None
        In pixels; None unless every frame is located, and none on another picture.
    """
    named = {place.localizer for place in places if place.localizer}
    if named != {localizer} or not all(place.line for place in places):
        return None
    return np.asarray([place.line for place in places], np.float32).reshape(-1, 2, 2)


def steps_in_mm(places: Places) -> list[float]:
    """Distance between neighbouring frames by their positions in space.

    Returns
    -------
    list of float
        One number; the smallest and the largest where it varies; none if positions state
        nothing.
    """
    corners = _corners(places)
    if corners is None or len(corners) < 2:
        return []
    steps = np.diff(np.sort(_across(corners)))
    usual = float(np.median(steps))
    if not usual > 0:
        return []
    if np.abs(steps - usual).max() <= _UNEVEN * usual:
        return [usual]
    return [float(steps.min()), float(steps.max())]


def stack_has_gap(places: Places) -> bool:
    """Return whether the frames' numbers in their stack have gaps."""
    stack = _stack(places)
    return stack is not None and bool((np.diff(np.unique(stack)) > 1).any())


def _corners(places: Places) -> NDArray[np.float64] | None:
    given = [place.corner for place in places]
    return np.asarray(given) if given and all(given) else None


def _stack(places: Places) -> NDArray[np.float64] | None:
    given = [place.stack for place in places]
    return None if not given or None in given else np.asarray(given, np.float64)


def _across(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance of each position along the direction in which the positions differ."""
    centred = corners - corners.mean(axis=0)
    axis = np.linalg.svd(centred, full_matrices=False)[2][0]
    # The sign of a singular vector is arbitrary.
    return np.asarray(centred @ (axis * np.sign(axis[np.abs(axis).argmax()])))


def _as_lines(across: NDArray[np.float64]) -> NDArray[np.float64]:
    """Parallel lines of length one at these distances."""
    ends = np.stack([np.zeros_like(across), np.ones_like(across)], axis=1)
    return np.stack([ends, np.stack([across, across], axis=1)], axis=2)
