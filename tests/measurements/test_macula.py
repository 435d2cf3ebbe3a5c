import numpy as np
import pytest

from tests.measurements.synthetic import macula
from triage.measurements.macula import fovea, middle, radius

SPACING = (0.1, 0.004, 6 / 128)


@pytest.mark.parametrize("offset", [(0.0, 0.0), (0.5, -0.4), (-0.6, 0.6)])
def test_the_pit_is_found(offset):
    _, thickness = macula("L", centre=offset)
    row, col = fovea(thickness.astype(np.float32), 0.1, 6 / 128, np.zeros(thickness.shape, bool))
    place = (row - 30) * 0.1, (col - 63.5) * 6 / 128
    assert np.hypot(place[0] - offset[0], place[1] - offset[1]) < 0.12


def test_a_hole_is_the_fovea_though_it_has_no_thickness():
    thickness = np.full((61, 128), 300, np.float32)
    hole = radius(thickness.shape, 0.1, 6 / 128, (34, 60)) < 0.2
    thickness[hole] = np.nan
    row, col = fovea(thickness, 0.1, 6 / 128, hole)
    assert np.hypot((row - 34) * 0.1, (col - 60) * 6 / 128) < 0.12


def test_equal_thickness_means_the_middle():
    flat = np.full((21, 41), 250, np.float32)
    assert fovea(flat, 0.2, 0.15, np.zeros(flat.shape, bool)) == middle(flat.shape)


def test_nothing_measured_near_the_middle():
    nothing = np.full((61, 128), np.nan, np.float32)
    nothing[:5] = 300
    assert fovea(nothing, 0.1, 6 / 128, np.zeros(nothing.shape, bool)) is None
