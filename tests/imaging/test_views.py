"""The views of a picture, against pixels picked one by one."""

from __future__ import annotations

import math

import numpy as np
import pytest

from triage.imaging.views import CROP, Views, views_of


def numbered(height: int, width: int) -> np.ndarray:
    """A frame whose first two channels say the row and the column of each pixel."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows, columns, np.zeros_like(rows)], axis=2).astype(np.uint8)


@pytest.mark.parametrize("views", Views)
def test_there_are_as_many_as_is_said(views: Views) -> None:
    assert len(views_of(numbered(40, 60), views)) == views.n_views
    assert Views.WHOLE.n_views == 1


def test_the_whole_is_the_frame() -> None:
    frame = numbered(5, 7)
    (found,) = views_of(frame, Views.WHOLE)
    assert np.array_equal(found, frame)


def test_the_frame_comes_first_and_is_not_changed() -> None:
    frame = numbered(40, 60)
    before = frame.copy()
    whole, *_ = views_of(frame, Views.CROPS)
    assert np.array_equal(whole, before)
    assert np.array_equal(frame, before)


def test_the_mirror_image_changes_left_and_right_only() -> None:
    _, mirrored, _, _ = views_of(numbered(40, 60), Views.CROPS)
    assert mirrored.shape == (40, 60, 3)
    for row, column in ((0, 0), (0, 59), (39, 0), (17, 23)):
        assert mirrored[row, column].tolist() == [row, 59 - column, 0]


def test_the_crops_are_opposite_corners_that_overlap() -> None:
    _, _, upper, lower = views_of(numbered(40, 60), Views.CROPS)
    assert upper.shape == lower.shape == (30, 45, 3)
    assert upper[0, 0].tolist() == [0, 0, 0]
    assert upper[-1, -1].tolist() == [29, 44, 0]
    assert lower[0, 0].tolist() == [10, 15, 0]
    assert lower[-1, -1].tolist() == [39, 59, 0]


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (2, 3), (7, 5), (31, 33)])
def test_odd_sizes(size: tuple[int, int]) -> None:
    """Every crop has at least a pixel, three quarters of a side to the nearest, and its corner."""
    frame = numbered(*size)
    _, mirrored, upper, lower = views_of(frame, Views.CROPS)
    assert np.array_equal(mirrored, np.fliplr(frame))
    assert upper.shape == lower.shape
    for side, kept in zip(size, upper.shape[:2], strict=True):
        assert kept >= 1
        assert abs(kept - CROP * side) <= 0.5
        assert kept <= max(1, math.ceil(CROP * side))
    assert np.array_equal(upper[0, 0], frame[0, 0])
    assert np.array_equal(lower[-1, -1], frame[-1, -1])


def test_grey_frames_and_many_channels() -> None:
    for channels in (1, 4):
        frame = np.arange(8 * 8 * channels, dtype=np.uint8).reshape(8, 8, channels)
        sizes = [view.shape for view in views_of(frame, Views.CROPS)]
        assert sizes == [(8, 8, channels)] * 2 + [(6, 6, channels)] * 2
