"""Coverage is simulated with seeds: 1,000 studies each, several at once as columns of one draw."""

from __future__ import annotations

import numpy as np
import pytest

from tests.evaluation.test_metrics import small
from triage.evaluation import evaluate, negative_flips, paired_difference
from triage.evaluation.bootstrap_intervals import clopper_pearson
from triage.evaluation.bounded_mean import draw_means, mean_interval
from triage.evaluation.metrics import METRICS, Interval
from triage.evaluation.metrics.weighted import CaseValues

STUDIES = 1000
LARGEST = 8
SIZES = {
    "one each": lambda rng, n: np.ones(n, dtype=int),
    "three each": lambda rng, n: np.full(n, 3),
    "one to three": lambda rng, n: rng.choice([1, 2, 3], p=[0.6, 0.3, 0.1], size=n),
    "one to eight": lambda rng, n: np.minimum(rng.geometric(0.35, size=n), LARGEST),
}


def interval_of(values, cluster, low=0.0, high=1.0):
    values = np.asarray(values, dtype=float)
    part = CaseValues(values, np.ones(len(values), dtype=bool), low, high)
    drawn = draw_means([part], np.asarray(cluster).astype(str))
    return mean_interval(values.mean(), drawn.least[0], drawn.most[0])


def coverage(draw, truth, n, sizes, *, low=0.0, high=1.0, seed=0):
    """Share of studies of n clusters whose interval has the true mean in it."""
    rng = np.random.default_rng(seed)
    cluster = np.repeat(np.arange(n), LARGEST)
    slot = np.tile(np.arange(LARGEST), n)
    parts = []
    for _ in range(STUDIES):
        where = slot < SIZES[sizes](rng, n)[cluster]
        parts.append(CaseValues(draw(rng, n)[cluster, slot], where, low, high))
    drawn = draw_means(parts, cluster.astype(str))
    covered = 0
    for part, least, most in zip(parts, drawn.least, drawn.most, strict=True):
        found = mean_interval(part.values[part.where].mean(), least, most)
        covered += found[0] <= truth <= found[1]
    return covered / STUDIES


def events(p, alike):
    """Values 0 or 1 with mean p; the correlation within a cluster is `alike`."""
    a, b = p * (1 - alike) / alike, (1 - p) * (1 - alike) / alike

    def draw(rng, n):
        return (rng.random((n, LARGEST)) < rng.beta(a, b, size=(n, 1))).astype(float)

    return draw


def priced(prices, shares):
    """One of several prices, the same for all cases of a cluster."""

    def draw(rng, n):
        return np.repeat(rng.choice(prices, p=shares, size=(n, 1)), LARGEST, axis=1)

    return draw


@pytest.mark.parametrize("n", [6, 20, 50])
@pytest.mark.parametrize("sizes", SIZES)
def test_it_covers_the_true_rate(n, sizes):
    for p, alike in ((0.02, 0.5), (0.1, 0.9), (0.5, 0.9)):
        assert coverage(events(p, alike), p, n, sizes) >= 0.94


@pytest.mark.parametrize("n", [6, 20, 50])
@pytest.mark.parametrize("sizes", ["one each", "one to eight"])
def test_it_covers_the_true_cost_and_the_true_difference(n, sizes):
    rare = priced([0.0, 0.5, 2.0], [0.9, 0.08, 0.02])
    assert coverage(rare, 0.08, n, sizes, high=2.0) >= 0.94
    change = priced([-2.0, 0.0, 0.5, 2.0], [0.01, 0.85, 0.1, 0.04])
    assert coverage(change, 0.11, n, sizes, low=-2.0, high=2.0) >= 0.94


@pytest.mark.parametrize(("hits", "n"), [(0, 6), (6, 6), (3, 10), (1, 20), (41, 50)])
def test_of_yes_and_no_it_is_clopper_pearson(hits, n):
    expected = clopper_pearson(hits, n)
    assert interval_of(np.arange(n) < hits, range(n)) == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize("n", [1, 2, 6, 20, 200])
@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_values_all_alike_are_not_certainty(n, value):
    low, high = interval_of([value] * n, range(n))
    assert low <= value <= high
    unseen = 1 - 0.025 ** (1 / n)
    assert high - value == pytest.approx((1 - value) * unseen, abs=0.1 * unseen)
    assert value - low == pytest.approx(value * unseen, abs=0.1 * unseen)


def test_cases_of_one_patient_count_once():
    once = interval_of([0, 0, 1, 0, 1, 0], range(6))
    often = interval_of(np.repeat([0, 0, 1, 0, 1, 0], 5), np.repeat(range(6), 5))
    assert often == pytest.approx(once)


def test_many_clusters_leave_little_doubt():
    rng = np.random.default_rng(0)
    values = rng.random(4000)
    low, high = interval_of(values, range(4000))
    half = 1.96 * values.std() / np.sqrt(4000)
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=half / 5)


def test_nothing_that_counts_has_no_interval():
    nobody = CaseValues(np.zeros(3), np.zeros(3, dtype=bool))
    drawn = draw_means([nobody], np.array(["a", "b", "c"]))
    assert mean_interval(np.nan, drawn.least[0], drawn.most[0]) is None


def test_means_are_exactly_the_metrics_with_this_interval():
    for metric in METRICS.values():
        assert (metric.case_values is not None) == (metric.interval is Interval.GAFFKE)


def test_no_metric_has_an_interval_of_no_width():
    """20 patients on whom a system was certain and right, or knew the outliers."""
    outcomes = small(
        [0, 1] * 8 + [-1] * 4,
        [[1.0, 0.0], [0.0, 1.0]] * 8 + [[1.0, 0.0]] * 4,
        [0.0] * 16 + [1.0] * 4,
        abstained=np.arange(20) >= 16,
    )
    for found in evaluate(outcomes, n_resamples=50).overall.values():
        assert found.low is None or found.high - found.low > 0.001, found.metric
    cost = evaluate(outcomes, n_resamples=50).overall["clinical_cost"]
    assert cost.value == 0
    assert cost.high == pytest.approx(1 - 0.025 ** (1 / 20), abs=0.02)
    for found in paired_difference(outcomes, outcomes, n_resamples=50).values():
        assert found.low is None or found.low < -0.001 < 0.001 < found.high, found.metric
    assert negative_flips(outcomes, outcomes, n_resamples=50).high > 0.1


@pytest.mark.parametrize("n", [10, 20, 30])
def test_a_worse_challenger_seldom_passes(n):
    """One case in 25 costs 2 more: 0.08 worse, and a bound of 0.05 on the upper end."""
    rng = np.random.default_rng(n)
    passed = 0
    for _ in range(100):
        before = small([0] * n, [[0.9, 0.1]] * n, largest_cost=2.0)
        worse = 2.0 * (rng.random(n) < 0.04)
        after = small([0] * n, [[0.9, 0.1]] * n, cost=worse, largest_cost=2.0)
        found = paired_difference(before, after, ["clinical_cost"], n_resamples=2)
        passed += found["clinical_cost"].high <= 0.05
    assert passed <= 5
