from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tests.evaluation.synthetic import make_outcomes
from tests.evaluation.test_metrics import small
from triage.errors import UsageError
from triage.evaluation import METRICS, negative_flips, paired_difference
from triage.evaluation.bootstrap import cluster_weights


@pytest.fixture(scope="module")
def champion():
    return make_outcomes(150, seed=4)


@pytest.fixture(scope="module")
def challenger(champion):
    """Sharper OOD scores, and some probabilities changed."""
    rng = np.random.default_rng(0)
    probabilities = champion.probabilities.copy()
    changed = rng.random(len(champion)) < 0.2
    probabilities[changed] = rng.permutation(probabilities[changed], axis=1)
    score = champion.ood_score + 1.5 * champion.is_outlier
    return replace(champion, probabilities=probabilities, ood_score=score)


def test_difference_is_b_minus_a_on_shared_resamples(champion, challenger):
    found = paired_difference(champion, challenger, ["ood_auroc"], n_resamples=200, seed=3)
    difference = found["ood_auroc"]
    outlier = champion.is_outlier
    a, b = (roc_auc_score(outlier, o.ood_score) for o in (champion, challenger))
    assert (difference.a, difference.b) == pytest.approx((a, b))
    assert difference.value == pytest.approx(b - a)
    loop = []
    for row in np.concatenate(list(cluster_weights(champion.cluster, n_resamples=200, seed=3))):
        scores = [
            roc_auc_score(outlier, o.ood_score, sample_weight=row) for o in (champion, challenger)
        ]
        loop.append(scores[1] - scores[0])
    expected = tuple(np.quantile(loop, [0.025, 0.975]))
    assert (difference.low, difference.high) == pytest.approx(expected)
    assert difference.low > 0


def test_all_metrics_by_default(champion, challenger):
    found = paired_difference(champion, challenger, n_resamples=50)
    assert list(found) == list(METRICS)
    assert all(difference.low <= difference.high for difference in found.values())


def test_swapping_the_systems_mirrors_the_interval(champion, challenger):
    there = paired_difference(champion, challenger, ["accuracy"], n_resamples=200)["accuracy"]
    back = paired_difference(challenger, champion, ["accuracy"], n_resamples=200)["accuracy"]
    assert (there.value, there.low, there.high) == pytest.approx(
        (-back.value, -back.high, -back.low)
    )


def test_a_system_against_itself_differs_by_no_more_than_could_hide(champion):
    found = paired_difference(champion, champion, ["accuracy"], n_resamples=50)["accuracy"]
    assert found.value == 0
    unseen = 1 - 0.025 ** (1 / found.n_clusters)
    assert (found.low, found.high) == pytest.approx((-unseen, unseen), rel=1.0)


def test_negative_flips(champion, challenger):
    inlier = ~champion.is_outlier
    right = [o.probabilities.argmax(axis=1) == o.truth for o in (champion, challenger)]
    flips = negative_flips(champion, challenger, n_resamples=100)
    assert flips.value == pytest.approx((right[0] & ~right[1])[inlier].mean())
    assert 0 < flips.low < flips.value < flips.high
    assert negative_flips(champion, champion, n_resamples=100).value == 0
    assert negative_flips(champion, champion, n_resamples=100).high > 0


def test_undefined_metrics_have_no_difference():
    outcomes = small([0, 0, 0], [[0.7, 0.3]] * 3)
    found = paired_difference(outcomes, outcomes, ["ood_auroc"], n_resamples=10)["ood_auroc"]
    assert (found.value, found.low, found.evidence) == (None, None, "not enough")


def test_other_cases_or_metrics_are_refused(champion):
    other = make_outcomes(150, seed=5)
    with pytest.raises(UsageError, match="same cases"):
        paired_difference(champion, other)
    with pytest.raises(UsageError, match="same cases"):
        negative_flips(champion, other)
    with pytest.raises(UsageError, match="no metric"):
        paired_difference(champion, champion, ["skill"])
