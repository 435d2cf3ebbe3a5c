import numpy as np
import pytest

from tests.measurements.synthetic import macula
from triage.measurements.asymmetry import likely_eye

SPACING = (0.1, 0.004, 6 / 128)


@pytest.mark.parametrize("eye", ["R", "L"])
def test_the_side_of_the_disc_is_thicker(eye):
    _, thickness = macula(eye)
    found, strength = likely_eye(thickness.astype(np.float32), SPACING)
    assert found == eye
    # 8 um a mm over twice the mean distance of the outer quadrants, of about 290 um
    assert 0.08 < strength < 0.15
    other, same = likely_eye(thickness[:, ::-1].astype(np.float32), SPACING)
    assert other == {"R": "L", "L": "R"}[eye]
    assert same == pytest.approx(strength)


def test_an_even_retina_says_nothing():
    assert likely_eye(np.full((61, 128), 300, np.float32), SPACING) == (None, 0)


def test_too_small_a_scan_says_nothing():
    _, thickness = macula("R")
    thickness[:, 70:] = np.nan
    assert likely_eye(thickness.astype(np.float32), SPACING) == (None, 0)
