"""Means of costs and rates over draws: their value, and intervals that keep their promise."""

from __future__ import annotations

import numpy as np
import pytest

from triage.benchmark.results import Number
from triage.benchmark.rows.mean_over_draws import difference_of, mean_numbers
from triage.evaluation.bootstrap_intervals import clopper_pearson
from triage.evaluation.bounded_mean import draw_means, mean_interval
from triage.evaluation.metrics.weighted import CaseValues

STUDIES = 200
RARE, COMMON = 0.02, 0.3


def everyone(values, low=0.0, high=1.0):
    return CaseValues(values, np.ones(len(values), dtype=bool), low, high)


def number_of(draws, clusters, **options) -> Number:
    return mean_numbers({"only": draws}, clusters, **options)["only"]


def covers(number: Number, truth: float) -> bool:
    assert number.low is not None
    assert number.high is not None
    return number.low <= truth <= number.high


def study(rng, n, draws, p, tested):
    """Events of n clusters in some draws: clusters differ, and draws do; the mean rate is p."""
    of_cluster = 2 * p * (rng.random(n) < 0.5)
    of_draw = rng.uniform(0.5, 1.5, size=draws)
    parts, clusters = [], []
    for factor in of_draw:
        here = np.flatnonzero(rng.random(n) < tested)
        here = here if len(here) else np.array([0])
        parts.append(rng.random(len(here)) < of_cluster[here] * factor)
        clusters.append(here)
    return parts, clusters


@pytest.mark.parametrize("n", [6, 20, 50])
@pytest.mark.parametrize("draws", [5, 10])
@pytest.mark.parametrize("p", [RARE, COMMON])
def test_it_covers_a_rate_over_draws_and_clusters(n: int, draws: int, p: float) -> None:
    rng = np.random.default_rng(n + draws)
    for tested in (0.5, 1.0):
        covered = 0
        for _ in range(STUDIES):
            parts, clusters = study(rng, n, draws, p, tested)
            covered += covers(number_of([everyone(part) for part in parts], clusters), p)
        assert covered / STUDIES >= 0.94


@pytest.mark.parametrize("n", [6, 20, 50])
@pytest.mark.parametrize("p", [RARE, COMMON])
def test_it_covers_a_paired_difference_of_costs(n: int, p: float) -> None:
    """A new rule saves 2 where the old one fails, and costs 0.5 in as many other cases."""
    rng = np.random.default_rng(n)
    covered = 0
    for _ in range(STUDIES):
        worse, clusters = study(rng, n, 5, p, 1.0)
        better = [rng.random(len(part)) < p for part in worse]
        changes = [
            difference_of(everyone(2.0 * a, high=2.0), everyone(0.5 * b, high=2.0))
            for a, b in zip(worse, better, strict=True)
        ]
        number = number_of(changes, clusters)
        covered += covers(number, 1.5 * p)
        assert -2 <= (number.low or 0) < (number.high or 0) <= 2
    assert covered / STUDIES >= 0.94


@pytest.mark.parametrize("n", [6, 20, 50])
@pytest.mark.parametrize("rate", [0, 1])
def test_what_was_never_or_always_seen_is_not_certain(n: int, rate: int) -> None:
    """In every draw the same n clusters, all alike: as one draw, the exact interval of n cases."""
    parts = [everyone(np.full(n, rate, dtype=float))] * 5
    number = number_of(parts, [np.arange(n)] * 5)
    assert number.value == rate
    # The limits are quantiles of 4,000 random draws.
    assert (number.low, number.high) == pytest.approx(clopper_pearson(rate * n, n), abs=0.03)
    assert (number.high or 0) - (number.low or 0) > 2 / n


def test_of_one_draw_it_is_gaffkes_interval() -> None:
    rng = np.random.default_rng(0)
    part = everyone(rng.choice([0.0, 0.4, 2.0], size=40), high=2.0)
    clusters = rng.integers(0, 25, 40)
    number = number_of([part], [clusters], seed=4)
    drawn = draw_means([part], clusters.astype(str), seed=4)
    expected = mean_interval(float(np.mean(part.values)), drawn.least[0], drawn.most[0])
    assert (number.low, number.high) == pytest.approx(expected)
    assert number.value == pytest.approx(np.mean(part.values))


def test_draws_weigh_alike_whatever_their_size() -> None:
    parts = [everyone(np.zeros(10)), everyone(np.ones(90))]
    assert number_of(parts, [np.arange(10), np.arange(90)]).value == pytest.approx(0.5)


def test_draws_that_differ_widen_the_interval() -> None:
    """The same mean over clusters, once with every draw alike and once with unequal draws."""
    clusters = [np.arange(100)] * 6
    alike = [everyone(np.arange(100) % 4 == 0)] * 6
    unequal = [everyone(np.arange(100) % 4 < k) for k in (0, 2, 0, 2, 1, 1)]
    narrow, wide = number_of(alike, clusters), number_of(unequal, clusters)
    assert narrow.value == pytest.approx(wide.value)
    assert (wide.high or 0) - (wide.low or 0) > 1.5 * ((narrow.high or 0) - (narrow.low or 0))


def test_at_a_prevalence_the_splits_own_share_stands_beside() -> None:
    values, outlier = np.r_[np.zeros(8), np.ones(2)], np.r_[np.zeros(8), np.ones(2)] > 0
    weight = np.where(outlier, 0.5 / 2, 0.5 / 8)
    number = number_of([everyone(values)], [np.arange(10)], weights=[weight])
    assert number.value == pytest.approx(0.5)
    assert number.at_split_share == pytest.approx(0.2)
    assert number_of([everyone(values)], [np.arange(10)]).at_split_share is None


def test_a_draw_without_the_kind_does_not_count() -> None:
    parts = [everyone(np.full(10, 0.3)), everyone(np.full(10, 0.9))]
    clusters = [np.arange(10)] * 2
    number = number_of(parts, clusters, weights=[np.ones(10), np.full(10, np.nan)])
    assert number.value == pytest.approx(0.3)
    assert number.at_split_share == pytest.approx(0.3)
    nobody = CaseValues(np.ones(10), np.zeros(10, dtype=bool))
    assert number_of([nobody] * 2, clusters) == Number()
