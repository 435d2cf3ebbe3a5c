"""The guarantee against exact binomial tails and simulation; the tests inside are MAPIE's."""

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import stats

from triage.decisions.guaranteed_threshold import (
    GRID,
    GuaranteedThreshold,
    fit_guaranteed_threshold,
    needed_high_risk,
)
from triage.errors import UsageError


def exact(p, alpha, delta):
    """Highest grid threshold before the first binomial tail above delta; NaN if none, [R]."""
    p = np.sort(np.atleast_2d(p), axis=1)
    missed = np.stack([np.searchsorted(row, GRID, side="left") for row in p])
    rejected = stats.binom.cdf(missed, p.shape[1], alpha) <= delta
    n_certified = np.cumprod(rejected, axis=1).sum(axis=1)
    return np.where(n_certified > 0, GRID[np.maximum(n_certified - 1, 0)], np.nan)


def found(p, alpha, delta, **given):
    return fit_guaranteed_threshold(p, np.ones(len(p), bool), alpha=alpha, delta=delta, **given)


@pytest.mark.parametrize(
    ("n", "alpha", "delta"),
    [(45, 0.05, 0.1), (120, 0.1, 0.1), (233, 0.05, 0.05), (64, 0.2, 0.01), (500, 0.02, 0.1)],
)
def test_mapie_certifies_what_the_binomial_tail_does(n, alpha, delta):
    """Or one step less: MAPIE rounds n times the miss rate up, and so at times one miss too far."""
    for seed in range(3):
        p = np.random.default_rng(seed).beta(4, 2, n)
        result = found(p, alpha, delta)
        expected = exact(p, alpha, delta)[0]
        assert result.certified == np.isfinite(expected)
        if result.certified:
            assert result.threshold <= expected
            allowed = stats.binom.ppf(delta, n, alpha) + 1
            possible = [m for m in range(int(allowed) + 1) if stats.binom.cdf(m, n, alpha) <= delta]
            assert result.n_missed == int((p < result.threshold).sum())
            assert max(possible) - 1 <= result.n_missed <= max(possible)


def test_by_hand():
    """Of 100 at alpha 0.05, delta 0.1 one may be missed: its tail is 0.037, that of two 0.118."""
    p = np.r_[0.3, 0.5, np.full(98, 0.8)]
    result = found(p, 0.05, 0.1)
    assert result.n_missed == 1
    assert result.threshold == GRID[GRID <= 0.5].max()


ALPHA, DELTA = 0.1, 0.1


def simulated(repeats, n=150, seed=0):
    return np.random.default_rng(seed).beta(3, 2, (repeats, n))


def test_the_promise_is_broken_in_at_most_delta_of_1000_calibrations():
    thresholds = exact(simulated(1000), ALPHA, DELTA)
    assert np.isfinite(thresholds).all()
    true_miss_rate = stats.beta(3, 2).cdf(thresholds)
    violations = int((true_miss_rate > ALPHA).sum())
    # a test of the promise itself, and of its being no idle one
    assert stats.binomtest(violations, 1000, DELTA, alternative="greater").pvalue > 0.01
    assert violations > 10


def test_those_1000_thresholds_are_mapies():
    cases = simulated(1000)[:40]
    ours = [found(p, ALPHA, DELTA).threshold for p in cases]
    np.testing.assert_array_equal(ours, exact(cases, ALPHA, DELTA))


def test_no_better_than_needed_where_the_alternative_cheats():
    """Taking the empirical 10 % quantile instead would break the promise half of the time."""
    naive = np.quantile(simulated(1000), ALPHA, axis=1)
    assert (stats.beta(3, 2).cdf(naive) > ALPHA).mean() > 0.4


# Too few


@pytest.mark.parametrize(
    ("alpha", "delta", "n"), [(0.05, 0.1, 45), (0.05, 0.05, 59), (0.1, 0.1, 22), (0.5, 0.25, 2)]
)
def test_needed_cases(alpha, delta, n):
    assert needed_high_risk(alpha, delta) == n
    assert (1 - alpha) ** n <= delta < (1 - alpha) ** (n - 1)


def test_one_case_less_than_needed_certifies_nothing_and_says_so():
    enough, few = found(np.full(45, 0.9), 0.05, 0.1), found(np.full(44, 0.9), 0.05, 0.1)
    assert enough.certified
    assert enough.threshold == GRID[GRID <= 0.9].max()
    assert enough.reason == ""
    assert not few.certified
    assert few.threshold is None
    assert "44 high-risk cases are too few" in few.reason
    assert "at least 45" in few.reason
    with pytest.raises(UsageError, match="at least 45"):
        few.flags(np.array([0.5]))


@pytest.mark.parametrize("n", [0, 1])
def test_none_or_one(n):
    cases = np.full(30, 0.5)
    high = np.arange(30) < n
    result = fit_guaranteed_threshold(cases, high, alpha=0.05)
    assert (result.certified, result.n_high_risk, result.n_missed) == (False, n, 0)
    assert f"{n} high-risk cases are too few" in result.reason


def test_probabilities_that_do_not_tell_certify_nothing_and_it_says_why():
    result = found(np.r_[np.zeros(40), np.full(60, 0.9)], 0.05, 0.1)
    assert not result.certified
    assert result.n_missed == 40
    assert "40 of 100" in result.reason


# Abstaining, patients, flags


def test_abstained_cases_are_caught_if_given():
    p = np.r_[np.full(20, 0.01), np.full(80, 0.7)]
    low = np.arange(100) < 20
    alone, caught = found(p, 0.1, 0.1), found(p, 0.1, 0.1, abstained=low)
    assert alone.threshold < 0.011
    assert caught.threshold > 0.6
    assert caught.n_high_risk == 100
    assert found(p, 0.1, 0.1, abstained=np.ones(100, bool)).threshold == GRID[-1]


def test_low_risk_cases_are_not_read():
    rng = np.random.default_rng(0)
    p, high = rng.random(300), rng.random(300) < 0.5
    noise = np.where(high, p, rng.random(300))
    a, b = (fit_guaranteed_threshold(x, high, alpha=0.1) for x in (p, noise))
    assert a == b
    assert a.n_high_risk == high.sum()


def test_a_patient_counts_once_by_the_case_missed_first():
    rng = np.random.default_rng(1)
    patient = rng.integers(0, 120, 400)
    p = rng.beta(4, 2, 400)
    result = found(p, 0.1, 0.1, cluster=patient)
    lowest = np.array([p[patient == one].min() for one in np.unique(patient)])
    assert result == found(lowest, 0.1, 0.1)
    assert result.n_high_risk == len(lowest)
    few = found(p[:10], 0.1, 0.1, cluster=patient[:10])
    assert "patients with high-risk cases are too few" in few.reason


def test_flags_at_the_threshold_and_above():
    result = found(np.full(45, 0.9), 0.05, 0.1)
    near = np.array([result.threshold - 1e-9, result.threshold, 1.0])
    np.testing.assert_array_equal(result.flags(near), [False, True, True])


def test_it_survives_json_and_is_consistent():
    result = found(np.full(45, 0.9), 0.05, 0.1)
    assert GuaranteedThreshold.model_validate_json(result.model_dump_json()) == result
    for wrong in ({"threshold": None}, {"certified": False}, {"reason": "why"}, {"other": 1}):
        with pytest.raises(ValidationError):
            GuaranteedThreshold.model_validate(result.model_dump() | wrong)


def test_refusals():
    p, high = np.full(50, 0.5), np.ones(50, bool)
    for bad in (0.0, 1.0, np.nan):
        with pytest.raises(UsageError, match="alpha"):
            fit_guaranteed_threshold(p, high, alpha=bad)
        with pytest.raises(UsageError, match="delta"):
            fit_guaranteed_threshold(p, high, alpha=0.1, delta=bad)
    for bad in (np.nan, -0.1, 1.1):
        with pytest.raises(UsageError, match="p_high_risk"):
            fit_guaranteed_threshold(np.full(50, bad), high, alpha=0.1)
    with pytest.raises(UsageError, match="high_risk: 49"):
        fit_guaranteed_threshold(p, high[1:], alpha=0.1)
    with pytest.raises(UsageError, match="abstained: 49"):
        fit_guaranteed_threshold(p, high, alpha=0.1, abstained=high[1:])
    with pytest.raises(UsageError, match="cluster: 49"):
        fit_guaranteed_threshold(p, high, alpha=0.1, cluster=np.arange(49))
