from __future__ import annotations

import numpy as np
import pytest

from triage.benchmark.resampling import CrossedResamples
from triage.evaluation.metrics import Interval


def test_the_first_weights_are_the_cases_as_they_are() -> None:
    clusters = [np.array([1, 1, 2]), np.array([2, 3])]
    resamples = CrossedResamples(clusters, n_resamples=50, seed=0)
    weights = resamples.weights(clusters[0])
    assert weights.shape == (51, 3)
    assert np.array_equal(weights[0], np.ones(3))
    assert np.array_equal(weights[:, 0], weights[:, 1])  # one cluster


def test_a_cluster_weighs_the_same_in_every_draw() -> None:
    clusters = [np.array([1, 2]), np.array([5, 2])]
    resamples = CrossedResamples(clusters, n_resamples=20, seed=1)
    assert np.array_equal(
        resamples.weights(clusters[0])[:, 1], resamples.weights(clusters[1])[:, 1]
    )


def test_the_number_is_the_mean_over_draws_that_have_one() -> None:
    resamples = CrossedResamples([np.array([0]), np.array([1])], n_resamples=200, seed=0)
    values = np.stack([np.full(201, 0.2), np.full(201, 0.6)])
    number = resamples.number(values, n_cases=2, n_clusters=2)
    assert number.value == pytest.approx(0.4)
    assert (number.low, number.high) == pytest.approx((0.2, 0.6))  # either draw alone is drawn
    values[1] = np.nan
    assert resamples.number(values, n_cases=2, n_clusters=2).value == pytest.approx(0.2)
    nothing = resamples.number(np.full((2, 201), np.nan), n_cases=0, n_clusters=0)
    assert nothing.value is None


@pytest.mark.parametrize("kind", [kind for kind in Interval if kind is not Interval.GAFFKE])
@pytest.mark.parametrize("value", [0.0, 0.7, 1.0])
@pytest.mark.parametrize("size", [3, 30])
def test_alike_resamples_are_not_certainty(kind: Interval, value: float, size: int) -> None:
    clusters = [np.arange(size)] * 4
    resamples = CrossedResamples(clusters, n_resamples=50, seed=0)
    number = resamples.number(
        np.full((4, 51), value), kind, n_cases=4 * size, n_clusters=size, within=(0.0, 1.0)
    )
    assert number.low is not None
    assert number.high is not None
    assert 0 <= number.low <= value <= number.high <= 1
    assert number.high - number.low >= 1 / (5 * size)


def test_without_a_second_cluster_quantiles_are_no_interval() -> None:
    resamples = CrossedResamples([np.array([7])] * 3, n_resamples=20, seed=0)
    number = resamples.number(np.full((3, 21), 0.4), n_cases=3, n_clusters=1)
    assert number.value == pytest.approx(0.4)
    assert (number.low, number.high) == (None, None)


def test_intervals_cover_a_mean_over_crossed_draws_and_cases() -> None:
    """Simulated: each value is draw effect + case effect + noise; the truth is zero."""
    covered = 0
    for repeat in range(60):
        generator = np.random.default_rng(repeat)
        draws, cases = 12, 60
        value = (
            generator.normal(0, 0.5, (draws, 1))
            + generator.normal(0, 1, (1, cases))
            + generator.normal(0, 0.5, (draws, cases))
        )
        clusters = [np.arange(cases)] * draws
        resamples = CrossedResamples(clusters, n_resamples=300, seed=repeat)
        weights = resamples.weights(clusters[0])
        means = np.stack([weights @ row / weights.sum(axis=1) for row in value])
        number = resamples.number(means, n_cases=draws * cases, n_clusters=cases)
        assert number.low is not None
        assert number.high is not None
        covered += number.low <= 0 <= number.high
    assert covered >= 53  # 95 % of 60 is 57; binomial chance of fewer than 53 is under 2 %
