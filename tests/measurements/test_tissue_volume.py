import numpy as np
import pytest

from tests.measurements.synthetic import flat
from triage.measurements.columns import column_counts
from triage.measurements.macula import radius
from triage.measurements.tissue_volume import NANOLITRES, atrophy_area, volume_mm3
from triage.vocabulary.tissues import Tissue

SPACING = (0.1, 0.01, 0.05)


def test_a_box_of_fluid():
    tissue = flat(10, 40, 20)
    tissue[2:6, 12:18, 3:13] = Tissue.INTRARETINAL_FLUID
    found = volume_mm3(column_counts(tissue), (Tissue.INTRARETINAL_FLUID,), SPACING)
    # 0.4 x 0.06 x 0.5 mm
    assert found == pytest.approx(0.012)
    assert found * NANOLITRES == pytest.approx(12)


def test_a_ball_and_what_of_it_lies_near_the_centre():
    z, y, x = np.mgrid[:41, :80, :81]
    ball = ((z - 20) * 0.1) ** 2 + ((y - 40) * 0.05) ** 2 + ((x - 40) * 0.05) ** 2 < 1.5**2
    tissue = np.where(ball, np.uint8(Tissue.SEROUS_PED), np.uint8(Tissue.CHOROID))
    counts = column_counts(np.stack([tissue, np.full_like(tissue, Tissue.CHOROID)]))
    spacing = (0.1, 0.05, 0.05)
    whole = volume_mm3(counts, (Tissue.SEROUS_PED, Tissue.DRUSENOID_PED), spacing)
    assert whole[0] == pytest.approx(4 / 3 * np.pi * 1.5**3, rel=0.01)
    assert whole[1] == 0
    near = radius((41, 81), 0.1, 0.05, (20, 40)) <= 0.5
    inner = volume_mm3(counts, (Tissue.SEROUS_PED,), spacing, near)[0]
    # a cylinder through a ball, by its closed form
    assert inner == pytest.approx(4 / 3 * np.pi * (1.5**3 - (1.5**2 - 0.5**2) ** 1.5), rel=0.03)


def test_atrophy_is_a_patch_without_rpe():
    tissue = flat(20, 40, 40)
    tissue[5:10, 25:28, 8:18] = Tissue.CHOROID  # 0.5 x 0.5 mm
    tissue[15, 25:28, 30] = Tissue.CHOROID  # a speck
    assert atrophy_area(column_counts(tissue), 0.1, 0.05) == pytest.approx(0.25)
    tissue[5:10, 24:28, 8:13] = Tissue.SUBRETINAL_HYPERREFLECTIVE
    assert atrophy_area(column_counts(tissue), 0.1, 0.05) == pytest.approx(0.125)


def test_no_atrophy_where_nothing_is_seen():
    tissue = flat(20, 40, 40)
    tissue[5:15, 10:, 8:30] = Tissue.VITREOUS
    tissue[:3] = Tissue.BLINK_ARTEFACT
    assert atrophy_area(column_counts(tissue), 0.1, 0.05) == 0
