import math

import numpy as np
import pytest
from scipy import stats

from tests.evaluation.test_metrics import small
from triage.evaluation.bootstrap import cluster_weights
from triage.evaluation.bootstrap_intervals import clopper_pearson, interval, korn_graubard
from triage.evaluation.metrics import METRICS, Interval
from triage.evaluation.metrics.weighted import weighted_mean


@pytest.mark.parametrize(("successes", "trials"), [(6, 6), (0, 6), (3, 10), (41, 50)])
def test_clopper_pearson_equals_scipy(successes, trials):
    expected = stats.binomtest(successes, trials).proportion_ci(0.95, method="exact")
    assert clopper_pearson(successes, trials) == pytest.approx((expected.low, expected.high))


def test_six_of_six_is_not_certainty():
    """PRODUCT.md 1.4: the lower bound is 0.54, not 1."""
    low, high = korn_graubard(1.0, 0.0, 6, 6)
    assert low == pytest.approx(0.541, abs=1e-3)
    assert high == 1.0
    ranking = interval(Interval.KORN_GRAUBARD, 1.0, np.ones(100), n_cases=12, n_clusters=6)
    assert ranking == pytest.approx((low, high))


def test_single_case_clusters_give_clopper_pearson():
    """The binomial variance p (1 - p) / n makes the trials the cases."""
    assert korn_graubard(0.8, 0.8 * 0.2 / 50, 50, 50) == pytest.approx(clopper_pearson(40, 50))


def test_alike_cases_in_clusters_widen_the_interval():
    narrow = korn_graubard(0.8, 0.8 * 0.2 / 150, 150, 150)
    wide = korn_graubard(0.8, 0.8 * 0.2 / 50, 150, 50)
    assert wide[0] < narrow[0] < 0.8 < narrow[1] < wide[1]
    assert wide[0] == pytest.approx(clopper_pearson(40, 50)[0], abs=0.01)


def test_one_cluster_says_almost_nothing():
    assert korn_graubard(1.0, 0.0, 30, 1) == pytest.approx((0.025, 1.0))
    assert korn_graubard(0.5, 0.0, 30, 1)[1] - korn_graubard(0.5, 0.0, 30, 1)[0] > 0.9


def test_percentile_and_basic_by_hand():
    resamples = np.r_[np.linspace(0.2, 0.4, 201), np.nan]
    plain = interval(Interval.PERCENTILE, 0.25, resamples, n_cases=9, n_clusters=9)
    mirrored = interval(Interval.BASIC, 0.25, resamples, n_cases=9, n_clusters=9)
    assert plain == pytest.approx((0.205, 0.395))
    assert mirrored == pytest.approx((0.105, 0.295))


def test_basic_stays_between_zero_and_one():
    resamples = np.linspace(0.05, 0.3, 100)
    low, _ = interval(Interval.BASIC, 0.1, resamples, n_cases=9, n_clusters=9)
    assert low == 0


@pytest.mark.parametrize(
    ("value", "resamples", "clusters"),
    [(math.nan, np.ones(5), 20), (1.0, np.full(5, np.nan), 20), (3.0, np.full(5, 3.0), 1)],
)
def test_no_interval_where_none_can_be_made(value, resamples, clusters):
    kind = Interval.PERCENTILE
    assert interval(kind, value, resamples, n_cases=20, n_clusters=clusters) is None


def test_korn_graubard_covers_the_truth_where_naive_resampling_of_cases_does_not():
    """300 studies of 40 patients with 3 alike cases each, true proportion 0.85."""
    rng = np.random.default_rng(0)
    patients = np.repeat(np.arange(40), 3)
    covered, naive = 0, 0
    for study in range(300):
        # Beta-distributed patient means: intra-patient correlation 1 / (1 + 1.7 + 0.3) = 1/3.
        right = rng.random(120) < rng.beta(1.7, 0.3, size=40)[patients]
        everyone = np.ones(120, dtype=bool)
        weights = np.concatenate(
            list(cluster_weights(patients.astype(str), n_resamples=200, seed=study))
        )
        variance = weighted_mean(right, everyone, weights).var()
        low, high = korn_graubard(right.mean(), variance, 120, 40)
        covered += low <= 0.85 <= high
        low, high = clopper_pearson(right.sum(), 120)
        naive += low <= 0.85 <= high
    assert covered / 300 > 0.93
    assert naive < covered


def test_it_covers_the_true_auroc_of_few_patients():
    """300 studies of 30 patients, 3 alike cases each; outliers score 1.2 higher, sd 1.12."""
    truth = stats.norm.cdf(1.2 / math.sqrt(2 * (1 + 0.5**2)))
    rng = np.random.default_rng(1)
    auroc = METRICS["ood_auroc"]
    patients = np.repeat(np.arange(30), 3)
    covered, quantiles_cover = 0, 0
    for study in range(300):
        outlier = (np.arange(30) < 10)[patients]
        score = rng.normal(size=30)[patients] + rng.normal(0, 0.5, size=90) + 1.2 * outlier
        outcomes = small(
            np.where(outlier, -1, 0), [[1.0]] * 90, score, cluster=patients.astype(str)
        )
        resamples = np.concatenate(
            [
                auroc.compute(outcomes, weights)
                for weights in cluster_weights(outcomes.cluster, n_resamples=200, seed=study)
            ]
        )
        value = auroc.compute(outcomes, np.ones((1, 90)))[0]
        size = {"n_cases": 90, "n_clusters": 10}
        low, high = interval(Interval.KORN_GRAUBARD, value, resamples, **size)
        covered += low <= truth <= high
        low, high = interval(Interval.PERCENTILE, value, resamples, **size)
        quantiles_cover += low <= truth <= high
    assert covered / 300 > 0.93
    assert quantiles_cover < covered
