"""Gaffke's interval of bounded means, computed instead of drawn."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tests.auditing.intervals.measuring import mean, proportion
from triage.auditing.audit_plan import IntervalSettings
from triage.auditing.intervals import interval_of
from triage.evaluation.bootstrap_intervals import clopper_pearson
from triage.evaluation.bounded_mean import draw_means, mean_interval
from triage.evaluation.exponential_sums import probability_above_zero
from triage.evaluation.metrics.weighted import CaseValues


@pytest.mark.parametrize(("hits", "misses", "share"), [(7, 1, 0.5), (4, 17, 0.4), (56, 942, 0.03)])
def test_tail_of_two_gamma_variables_is_that_of_a_beta_variable(hits, misses, share):
    found = probability_above_zero(
        np.array([1 - share, -share]), np.array([hits, misses], dtype=float)
    )
    assert found == pytest.approx(stats.beta.sf(share, hits, misses), rel=1e-8)


def test_tail_with_one_positive_weight():
    found = probability_above_zero(np.array([-0.1, 1.0]), np.array([20.0, 1.0]))
    assert found == pytest.approx(1.1**-20, rel=1e-7)
    deep = probability_above_zero(np.array([-3.0, 0.1]), np.array([10.0, 1.0]))
    assert deep == pytest.approx((0.1 / 3.1) ** 10, rel=1e-6)


def test_tail_of_many_weights_agrees_with_draws():
    generator = np.random.default_rng(0)
    weights = generator.normal(-0.2, 1, size=30)
    drawn = generator.standard_exponential((200_000, 30)) @ weights > 0
    found = probability_above_zero(weights, np.ones(30))
    assert found == pytest.approx(drawn.mean(), abs=5 * (0.25 / 200_000) ** 0.5)


def test_weights_of_one_sign():
    assert probability_above_zero(np.array([1.0, 0.0]), np.ones(2)) == 1.0
    assert probability_above_zero(np.array([-1.0, 0.0]), np.ones(2)) == 0.0


@pytest.mark.parametrize(("hits", "n"), [(0, 20), (6, 20), (20, 20)])
def test_of_zeros_and_ones_it_is_exact(hits, n):
    measured = proportion(hits, n, n_positive=None)
    found = interval_of(measured, IntervalSettings())
    assert found.method == "Gaffke"
    assert (found.low, found.high) == pytest.approx(clopper_pearson(hits, n), abs=1e-6)


def test_agrees_with_the_drawn_interval_of_clusters():
    generator = np.random.default_rng(1)
    member = np.repeat(np.arange(60), generator.integers(1, 5, size=60))
    values = generator.beta(0.4, 2, size=len(member))
    sums, sizes = np.bincount(member, values), np.bincount(member).astype(float)
    found = interval_of(mean(sums, sizes), IntervalSettings())
    part = CaseValues(values, np.ones(len(values), dtype=bool))
    drawn = draw_means([part], member.astype(str), seed=0)
    low, high = mean_interval(float(values.mean()), drawn.least[0], drawn.most[0])
    allowance = 0.1 * (high - low)  # of a 2.5 % quantile of 4,000 draws
    assert (found.low, found.high) == pytest.approx((low, high), abs=allowance)


def test_no_cost_in_a_few_patients_is_not_no_cost():
    found = interval_of(mean(np.zeros(20)), IntervalSettings())
    assert (found.low, found.high) == pytest.approx((0.0, 0.1684), abs=1e-4)


def test_no_cost_in_more_patients_than_are_resampled_has_width():
    found = interval_of(mean(np.zeros(200)), IntervalSettings(max_bootstrap_patients=100))
    assert found.low == 0.0
    assert found.high == pytest.approx(clopper_pearson(0, 200)[1])


def test_case_bounds_are_carried_over():
    values = np.linspace(0.1, 0.9, 40)
    inner = interval_of(mean(values), IntervalSettings())
    scaled = mean(5 * values - 2, case_bounds=(-2.0, 3.0), bounds=(-2.0, 3.0))
    found = interval_of(scaled, IntervalSettings())
    assert (found.low, found.high) == pytest.approx((5 * inner.low - 2, 5 * inner.high - 2))


@pytest.mark.parametrize("patients", [12, 50])
@pytest.mark.parametrize("rare", [0.05, 0.4])
def test_bounded_means_are_covered(patients, rare):
    generator = np.random.default_rng(patients)
    runs, covered = 300, 0
    for _ in range(runs):
        own = generator.random(patients) < rare
        sizes = generator.integers(1, 4, size=patients)
        values = own * sizes * generator.beta(2, 2, size=patients)
        found = interval_of(mean(values, sizes.astype(float)), IntervalSettings())
        covered += found.low <= rare / 2 <= found.high
    assert covered / runs > 0.95 - 4 * (0.95 * 0.05 / runs) ** 0.5
