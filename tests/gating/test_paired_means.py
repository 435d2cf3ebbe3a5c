"""The paired mean against independent computations, and what must hold of any table."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from triage.gating.paired_means import CaseGains, PairedMean, p_not_below_the_rest, paired_mean
from triage.gating.verdict_rules import (
    cases_needed,
    non_inferior,
    unchanged,
    within_tolerance,
)
from triage.vocabulary.learning import GateVerdict

PASSES, FAILS, NOT_ENOUGH = (
    GateVerdict.PASSES, GateVerdict.FAILS, GateVerdict.NOT_ENOUGH_EVIDENCE,
)  # fmt: skip


def mean_of(gained: int, lost: int, same: int, patients: int | None = None) -> PairedMean:
    before = np.concatenate([np.zeros(gained), np.ones(lost), np.ones(same)])
    after = np.concatenate([np.ones(gained), np.zeros(lost), np.ones(same)])
    n = len(before)
    cluster = np.arange(n) if patients is None else np.arange(n) % patients
    gains = CaseGains(before, after, np.ones(n, dtype=np.bool_))
    return paired_mean(gains, cluster.astype(np.int32), int(cluster.max()) + 1)


def test_numbers_by_hand() -> None:
    found = mean_of(gained=6, lost=2, same=12)
    assert (found.champion, found.challenger) == pytest.approx((0.7, 0.9))
    assert found.value == pytest.approx(0.2)
    # Variance of the mean of 6 times 1, 2 times -1, 12 times 0: (8 - 20 * 0.04) / 19 / 20.
    assert found.variance == pytest.approx((8 - 20 * 0.04) / 19 / 20)
    assert (found.n_cases, found.n_patients) == (20, 20)


def test_only_gains_are_a_binomial_proportion() -> None:
    """With differences of 0 and 1 the lower end is Clopper and Pearson's, with -1 unseen."""
    found = mean_of(gained=0, lost=0, same=50)
    low, high = found.interval(0.05)
    # None of 50 was discordant: the mean lies above -(1 - 0.05^(1/50)).
    assert high == pytest.approx(1 - 0.05 ** (1 / 50))
    assert low == pytest.approx(-high)
    assert found.p_not_worse() == found.p_not_better() == 1.0


def test_the_interval_against_draws_of_exponential_weights() -> None:
    found = mean_of(gained=30, lost=18, same=152)
    rng = np.random.default_rng(0)
    weights = rng.standard_exponential((200_000, 4))
    gamma = rng.standard_gamma([30, 18, 152], size=(200_000, 3))
    unseen = weights[:, 0]
    total = gamma.sum(axis=1) + unseen
    low = np.quantile((gamma[:, 0] - gamma[:, 1] - unseen) / total, 0.05)
    high = np.quantile((gamma[:, 0] - gamma[:, 1] + unseen) / total, 0.95)
    assert found.interval(0.05) == pytest.approx((low, high), abs=5e-4)


def test_the_p_value_is_near_that_of_mcnemar() -> None:
    found = mean_of(gained=60, lost=30, same=910)
    exact = stats.binom.cdf(30, 90, 0.5)
    assert found.p_not_better() == pytest.approx(exact, rel=0.5)
    assert found.p_not_worse() == 1.0
    assert mean_of(gained=30, lost=60, same=910).p_not_worse() == pytest.approx(
        found.p_not_better(), rel=1e-9
    )


def test_swapping_the_systems_turns_the_signs() -> None:
    one, other = mean_of(40, 15, 145), mean_of(15, 40, 145)
    assert one.value == pytest.approx(-other.value)
    low, high = one.interval(0.05)
    assert other.interval(0.05) == pytest.approx((-high, -low))


def test_repeated_patients_widen_the_interval() -> None:
    alone = mean_of(24, 12, 84)
    rows = np.repeat(np.arange(24 + 12 + 84), 5)
    before = np.concatenate([np.zeros(24), np.ones(12), np.ones(84)])[rows]
    after = np.concatenate([np.ones(24), np.zeros(12), np.ones(84)])[rows]
    gains = CaseGains(before, after, np.ones(len(rows), dtype=np.bool_))
    known = paired_mean(gains, rows.astype(np.int32), 120)
    ignored = paired_mean(gains, np.arange(len(rows), dtype=np.int32), len(rows))
    assert known.interval(0.05) == pytest.approx(alone.interval(0.05))
    assert np.ptp(known.interval(0.05)) > 2 * np.ptp(ignored.interval(0.05))


def test_no_cases() -> None:
    gains = CaseGains(np.zeros(3), np.ones(3), np.zeros(3, dtype=np.bool_))
    found = paired_mean(gains, np.arange(3, dtype=np.int32), 3)
    assert found.law is None
    assert np.isnan(found.value)
    assert np.isnan(found.interval(0.05)).all()
    assert found.p_not_better() == found.p_not_worse() == 1.0


def test_a_part_below_the_rest_against_a_normal_test() -> None:
    n = 1000
    rng = np.random.default_rng(1)
    before = (rng.random(2 * n) < 0.75).astype(float)
    after = (rng.random(2 * n) < np.repeat([0.61, 0.85], n)).astype(float)
    part = np.arange(2 * n) < n
    gains = CaseGains(before, after, np.ones(2 * n, dtype=np.bool_))
    cluster = np.arange(2 * n, dtype=np.int32)
    inside, outside = (paired_mean(gains.among(rows), cluster, 2 * n) for rows in (part, ~part))
    d = after - before
    error = np.sqrt(d[part].var() / n + d[~part].var() / n)
    z = (d[part].mean() - d[~part].mean()) / error
    assert p_not_below_the_rest(inside, outside) == pytest.approx(stats.norm.cdf(z), rel=0.3)
    assert p_not_below_the_rest(outside, inside) == 1.0


def test_cases_needed() -> None:
    assert cases_needed(0.05, 0.03, 0.025) == 437
    assert cases_needed(0.10, 0.05, 0.025) == 314
    assert cases_needed(0.1, 0.05, 0.025, gain=-0.05) is None


@pytest.mark.parametrize(
    ("low", "worse", "verdict"),
    [(-0.05, True, PASSES), (-0.051, False, NOT_ENOUGH), (-0.051, True, FAILS)],
)
def test_non_inferiority(low: float, worse: bool, verdict: GateVerdict) -> None:
    assert non_inferior(low, 0.05, worse=worse) is verdict


@pytest.mark.parametrize(
    ("value", "low", "high", "verdict"),
    [
        (0.0, -0.04, 0.04, PASSES),
        (0.0, -0.05, 0.05, NOT_ENOUGH),
        (-0.03, -0.05, 0.01, NOT_ENOUGH),
        (-0.03, -0.05, -0.01, FAILS),
        (-0.01, -0.015, -0.005, PASSES),
    ],
)
def test_tolerances(value: float, low: float, high: float, verdict: GateVerdict) -> None:
    assert within_tolerance(value, low, high, 0.02) is verdict
    assert unchanged(value, low, high, 0.02) is verdict
    assert unchanged(-value, -high, -low, 0.02) is verdict
    assert within_tolerance(0.5, 0.4, 0.6, 0.02) is PASSES
    assert unchanged(0.5, 0.4, 0.6, 0.02) is FAILS
