import numpy as np
import pytest

from triage.errors import UsageError
from triage.measurements.en_face import projection, square_pixels, thickness_overlay


def test_mean_of_every_column():
    bscans = np.random.default_rng(0).integers(0, 256, (3, 20, 5)).astype(np.uint8)
    assert np.array_equal(projection(bscans), np.rint(bscans.mean(axis=1)))


def test_slab_between_boundaries():
    bscans = np.random.default_rng(1).integers(0, 256, (3, 20, 5)).astype(np.uint8)
    top, bottom = np.full((3, 5), 4, np.float32), np.full((3, 5), 9, np.float32)
    top[1, 2] = np.nan
    found = projection(bscans, top, bottom)
    assert found[0, 0] == np.rint(bscans[0, 4:9, 0].mean())
    assert found[1, 2] == 0
    with pytest.raises(UsageError):
        projection(bscans, top)
    with pytest.raises(UsageError):
        projection(bscans, top[:2], bottom[:2])


def test_square_pixels():
    image = np.array([[0, 10], [100, 110], [200, 210]], np.uint8)
    found = square_pixels(image, bscan=0.2, column=0.05)
    assert found.shape == (9, 2)
    assert found[:, 0] == pytest.approx(np.arange(9) * 25)
    assert square_pixels(image, 0.2, 0.05, superior_first=False)[0, 1] == 210
    assert square_pixels(image[:1], 0.2, 0.05).shape == (1, 2)


def test_unknown_stays_unknown_and_does_not_spread_to_known_bscans():
    image = np.array([[1.0], [np.nan], [3.0]], np.float32)
    found = square_pixels(image, 0.1, 0.05)[:, 0]
    assert np.isnan(found).tolist() == [False, True, True, True, False]


def test_overlay_colours_what_is_known():
    image = np.full((1, 3), 100, np.uint8)
    thickness = np.array([[150, 900, np.nan]], np.float32)
    found = thickness_overlay(image, thickness, opacity=1.0)
    assert found[0, 2].tolist() == [100, 100, 100]
    assert found[0, 0, 2] > found[0, 0, 0]  # thin is blue
    assert found[0, 1, 0] > found[0, 1, 2]  # thick is red
    assert (thickness_overlay(image, thickness, opacity=0.0) == 100).all()
    with pytest.raises(UsageError):
        thickness_overlay(image, thickness[:, :2])
