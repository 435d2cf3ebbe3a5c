"""Holm's and Benjamini and Hochberg's adjusted p-values."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from triage.auditing.intervals import adjust_benjamini_hochberg, adjust_holm


def test_golden_values():
    p = np.array([0.03, 0.01, 0.04, 0.02])
    assert adjust_holm(p) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert adjust_benjamini_hochberg(p) == pytest.approx([0.04] * 4)


def test_benjamini_hochberg_is_that_of_scipy():
    p = np.random.default_rng(0).random(50) ** 3
    assert adjust_benjamini_hochberg(p) == pytest.approx(stats.false_discovery_control(p))


def test_holm_rejects_what_its_steps_reject():
    p = np.random.default_rng(1).random(30) ** 6
    rejected = np.zeros(30, dtype=bool)
    for step, at in enumerate(np.argsort(p)):
        if p[at] > 0.05 / (30 - step):
            break
        rejected[at] = True
    assert rejected.any()
    assert not rejected.all()
    assert ((adjust_holm(p) <= 0.05) == rejected).all()


@pytest.mark.parametrize("adjust", [adjust_holm, adjust_benjamini_hochberg])
def test_what_has_no_p_value_is_not_counted(adjust):
    with_gap = adjust(np.array([0.01, np.nan, 0.5]))
    assert np.isnan(with_gap[1])
    assert with_gap[[0, 2]] == pytest.approx(adjust(np.array([0.01, 0.5])))
    assert adjust(np.array([])).shape == (0,)
    assert adjust(np.array([0.9, 0.9])).max() <= 1.0
