"""Bootstrap and influence-function intervals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from tests.auditing.intervals.measuring import (
    auroc,
    calibration_error,
    draws,
    mean,
    measured,
    rankings,
    ratio,
)
from triage.auditing.audit_plan import IntervalSettings
from triage.auditing.intervals import interval_of
from triage.auditing.measured import Measured

SETTINGS = IntervalSettings()


def test_bca_limits_are_those_of_scipy():
    values = np.random.default_rng(2).gamma(1, size=80)
    found = interval_of(
        ratio(values, np.ones(80), draws(80, 20_000, np.random.default_rng(0))), SETTINGS
    )
    expected = stats.bootstrap(
        (values,), np.mean, n_resamples=20_000, vectorized=True,
        rng=np.random.default_rng(1), confidence_level=0.95,
    ).confidence_interval  # fmt: skip
    assert found.method == "BCa bootstrap"
    # Student's quantiles of 79 degrees of freedom are 1.5 % wider; the rest is Monte Carlo
    width = expected.high - expected.low
    assert (found.low, found.high) == pytest.approx(tuple(expected), abs=0.06 * width)


@pytest.mark.parametrize("n", [10, 25])
def test_perfect_separation_of_few_patients_has_width(n):
    scores = np.arange(2.0 * n)
    weights = draws(2 * n, 500, np.random.default_rng(0))
    found = interval_of(auroc(scores[n:], scores[:n], weights), SETTINGS)
    assert found.high == 1.0
    assert found.low == pytest.approx(0.025 ** (1 / n))


def test_nothing_varied_in_an_unbounded_metric_has_width():
    same = measured(0.3, np.zeros(20), replicates=np.full(200, 0.3), bounds=(0.0, np.inf))
    found = interval_of(same, SETTINGS)
    assert (found.low, found.high) == pytest.approx((0.3 - 0.1684, 0.3 + 0.1684), abs=1e-4)
    none = replace(same, value=0.0, replicates=None)
    assert interval_of(none, SETTINGS).low == 0.0


def test_constant_between_its_bounds_has_the_width_of_as_many_trials_as_patients():
    same = measured(0.5, np.zeros(20), replicates=np.full(200, 0.5), bounds=(0.0, 1.0))
    found = interval_of(same, SETTINGS)
    assert (found.low, found.high) == pytest.approx((0.2720, 0.7280), abs=1e-4)


def test_resamples_that_vary_count_where_influences_do_not():
    drawn = np.linspace(0.2, 0.4, 400)
    found = interval_of(measured(0.3, np.zeros(2000), replicates=drawn), SETTINGS)
    assert found.method == "BCa bootstrap"
    assert (found.low, found.high) == pytest.approx((0.205, 0.395), abs=0.001)


def test_undefined_replicates_are_counted_and_too_many_are_not_enough_evidence():
    generator = np.random.default_rng(5)
    whole = rankings(20, 20, 1.0)(generator)
    few, many = whole.replicates.copy(), whole.replicates.copy()
    few[:50], many[:51] = np.nan, np.nan
    assert interval_of(replace(whole, replicates=few), SETTINGS).evidence == "enough"
    found = interval_of(replace(whole, replicates=many), SETTINGS)
    assert (found.evidence, found.undefined_replicates) == ("not enough", 51)
    assert found.low is not None


def test_undefined_value_has_no_interval():
    undefined = measured(np.nan, np.full(20, np.nan), replicates=np.full(100, np.nan))
    found = interval_of(undefined, SETTINGS)
    assert (found.low, found.high, found.method, found.evidence) == (
        None, None, "none", "not enough",
    )  # fmt: skip


def test_limits_stay_within_the_bounds_of_the_metric():
    near = measured(0.98, np.tile([0.02, -0.02], 10), bounds=(0.0, 1.0))
    found = interval_of(near, SETTINGS)
    assert 0.0 <= found.low < found.high <= 1.0


AGREEMENT = 0.10
"""Of the width: two limits from 2,000 resamples differ by chance by about 4 % of it."""


def _five_thousand(kind: str) -> tuple[Measured, Measured]:
    generator = np.random.default_rng(11)
    if kind == "auroc":
        first, second = generator.normal(1, 1, 1000), generator.normal(0, 1, 4000)
        return (
            auroc(first, second, draws(5000, 2000, generator)),
            auroc(first, second, None),
        )
    sizes = generator.integers(1, 4, size=5000).astype(float)
    if kind == "accuracy":
        above = generator.binomial(sizes.astype(int), generator.beta(8, 2, size=5000))
        bounds = (0.0, 1.0)
    elif kind == "cost":
        above = sizes * np.where(generator.random(5000) < 0.2, generator.gamma(2, 1, 5000), 0.0)
        bounds = (0.0, np.inf)
    else:  # a mean of selective risks
        above = sizes * generator.beta(0.5, 6, size=5000) * generator.random(5000)
        bounds = (0.0, 1.0)
    weights = draws(5000, 2000, generator)
    resampled = ratio(above.astype(float), sizes, weights, bounds=bounds)
    return resampled, replace(resampled, replicates=None)


@pytest.mark.parametrize("kind", ["accuracy", "auroc", "aurc", "cost"])
def test_bootstrap_and_influence_function_agree_at_5000_patients(kind):
    resampled, plain = (interval_of(each, SETTINGS) for each in _five_thousand(kind))
    assert (resampled.method, plain.method) == ("BCa bootstrap", "influence function")
    width = plain.high - plain.low
    assert abs(resampled.low - plain.low) < AGREEMENT * width
    assert abs(resampled.high - plain.high) < AGREEMENT * width


def test_a_bounded_mean_of_5000_patients_agrees_with_its_influence_function():
    values = np.random.default_rng(7).beta(0.3, 2, size=5000)
    exact = interval_of(mean(values), SETTINGS)
    plain = interval_of(ratio(values, np.ones(5000), None, bounds=(0.0, 1.0)), SETTINGS)
    assert (exact.method, plain.method) == ("Gaffke", "influence function")
    width = plain.high - plain.low
    assert (exact.low, exact.high) == pytest.approx((plain.low, plain.high), abs=0.05 * width)


def test_calibration_error_of_many_patients_leaves_room_for_none():
    generator = np.random.default_rng(8)
    confidence = generator.beta(5, 2, size=8000)
    right = (generator.random(8000) < confidence).astype(float)
    found = interval_of(calibration_error(confidence, right, None), SETTINGS)
    assert found.method == "influence function"
    assert found.low == 0.0
    assert found.high > 0.0
