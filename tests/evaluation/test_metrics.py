"""Every metric against an independent computation, weighted and not."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sk

from tests.evaluation.synthetic import make_outcomes
from triage.errors import UsageError
from triage.evaluation import METRICS, Outcomes
from triage.evaluation.metrics import Need, find_metric


@pytest.fixture(scope="module")
def outcomes():
    return make_outcomes(150, seed=3)


@pytest.fixture(scope="module")
def weights(outcomes):
    """Equal weights, then random counts with many zeros."""
    counts = np.random.default_rng(1).poisson(0.8, size=(6, len(outcomes)))
    return np.vstack([np.ones(len(outcomes)), counts]).astype(float)


def value(key, outcomes):
    return METRICS[key].compute(outcomes, np.ones((1, len(outcomes))))[0]


def brute_fpr95(score, positive, w):
    """Try every threshold from the top; stop at the first with 95 % of the positives."""
    for threshold in sorted(set(score), reverse=True):
        flagged = score >= threshold
        if w[flagged & positive].sum() >= 0.95 * w[positive].sum() - 1e-9:
            return w[flagged & ~positive].sum() / w[~positive].sum()
    raise AssertionError


def loop_ece(probabilities, truth, w, edges=15):
    total = 0.0
    for index in range(edges):
        low, high = index / edges, (index + 1) / edges
        rows = [i for i, p in enumerate(probabilities) if low < max(p) <= high]
        if sum(w[rows]):
            confidence = np.average([max(probabilities[i]) for i in rows], weights=w[rows])
            hits = [probabilities[i].argmax() == truth[i] for i in rows]
            total += sum(w[rows]) / sum(w) * abs(np.average(hits, weights=w[rows]) - confidence)
    return total


ORACLES = {
    "accuracy": lambda o, w, i: sk.accuracy_score(
        o.truth[i], o.probabilities[i].argmax(1), sample_weight=w[i]
    ),
    "balanced_accuracy": lambda o, w, i: sk.balanced_accuracy_score(
        o.truth[i], o.probabilities[i].argmax(1), sample_weight=w[i]
    ),
    "ood_auroc": lambda o, w, i: sk.roc_auc_score(~i, o.ood_score, sample_weight=w),
    "ood_aupr": lambda o, w, i: sk.average_precision_score(~i, o.ood_score, sample_weight=w),
    "ood_fpr95": lambda o, w, i: brute_fpr95(o.ood_score, ~i, w),
    "ece": lambda o, w, i: loop_ece(o.probabilities[i], o.truth[i], w[i]),
    "nll": lambda o, w, i: sk.log_loss(
        o.truth[i], o.probabilities[i], sample_weight=w[i], labels=range(len(o.classes))
    ),
    "brier": lambda o, w, i: np.average(
        ((o.probabilities[i] - np.eye(len(o.classes))[o.truth[i]]) ** 2).sum(1), weights=w[i]
    ),
    "clinical_cost": lambda o, w, i: np.average(o.cost, weights=w),
    "abstention_rate": lambda o, w, i: np.average(o.abstained, weights=w),
    "coverage": lambda o, w, i: np.average(~o.abstained[i], weights=w[i]),
    "selective_accuracy": lambda o, w, i: sk.accuracy_score(
        o.truth[i & ~o.abstained],
        o.probabilities[i & ~o.abstained].argmax(1),
        sample_weight=w[i & ~o.abstained],
    ),
    "outlier_abstention_rate": lambda o, w, i: np.average(o.abstained[~i], weights=w[~i]),
    "under_triage_rate": lambda o, w, i: np.average(o.queue_urgency > o.true_urgency, weights=w),
    "over_triage_rate": lambda o, w, i: np.average(o.queue_urgency < o.true_urgency, weights=w),
    "abstained_under_triage_rate": lambda o, w, i: np.average(
        (o.queue_urgency > o.true_urgency)[o.abstained], weights=w[o.abstained]
    ),
    "urgent_at_observation_rate": lambda o, w, i: np.average(
        (o.queue_urgency == 3)[o.true_urgency == 0], weights=w[o.true_urgency == 0]
    ),
}


def test_every_metric_has_an_oracle():
    assert set(ORACLES) == set(METRICS)


@pytest.mark.parametrize("key", METRICS)
def test_metric_equals_its_oracle_for_each_row_of_weights(key, outcomes, weights):
    found = METRICS[key].compute(outcomes, weights)
    expected = [ORACLES[key](outcomes, row, ~outcomes.is_outlier) for row in weights]
    np.testing.assert_allclose(found, expected, rtol=1e-10)


@pytest.mark.parametrize("key", METRICS)
def test_weights_mean_repeated_cases(key, outcomes, weights):
    repeated = np.repeat(np.arange(len(outcomes)), weights[1].astype(int))
    names = [n for n in Outcomes.__dataclass_fields__ if n not in ("classes", "subgroups")]
    again = replace(
        outcomes,
        subgroups=outcomes.subgroups.iloc[repeated],
        **{name: getattr(outcomes, name)[repeated] for name in names},
    )
    weighted = METRICS[key].compute(outcomes, weights[1:2])[0]
    assert value(key, again) == pytest.approx(weighted, rel=1e-10)


def test_the_synthetic_scores_have_ties(outcomes):
    assert len(set(outcomes.ood_score)) < len(outcomes)


def small(truth, probabilities, score=None, **changes):
    n, k = np.shape(probabilities)
    plain = {
        "classes": tuple("abcdefgh"[:k]),
        "truth": np.array(truth),
        "probabilities": np.array(probabilities, dtype=float),
        "ood_score": np.zeros(n) if score is None else np.array(score, dtype=float),
        "abstained": np.zeros(n, dtype=bool),
        "cost": np.zeros(n),
        "true_urgency": np.full(n, 2),
        "queue_urgency": np.full(n, 2),
        "cluster": np.array([f"c{i}" for i in range(n)]),
        "subgroups": pd.DataFrame(index=range(n)),
    }
    return Outcomes(**{**plain, **changes})


def test_ece_by_hand():
    """Bin (0.8, 0.867]: two cases at 0.85, one right; bin (0.533, 0.6]: two at 0.6, both right."""
    wide, narrow = [0.85, 0.15], [0.6, 0.4]
    outcomes = small([0, 1, 0, 0], [wide, wide, narrow, narrow])
    assert value("ece", outcomes) == pytest.approx(0.5 * abs(0.5 - 0.85) + 0.5 * abs(1.0 - 0.6))


def test_ece_of_a_certain_and_right_system_is_zero():
    assert value("ece", small([0, 1], [[1, 0], [0, 1]])) == 0


def test_fpr95_takes_ties_together():
    """19 outliers above all, the 20th tied with one of two inliers: 95 % is reached before it."""
    score = [2.0] * 19 + [1.0] + [1.0, 0.0]
    outcomes = small([-1] * 20 + [0, 0], [[0.5, 0.5]] * 22, score)
    assert value("ood_fpr95", outcomes) == 0.0
    lower = small([-1] * 20 + [0, 0], [[0.5, 0.5]] * 22, [2.0] * 18 + [1.0, 1.0] + [1.0, 0.0])
    assert value("ood_fpr95", lower) == 0.5


def test_constant_scores_are_chance():
    outcomes = small([0, 0, 0, -1], [[0.5, 0.5]] * 4)
    assert value("ood_auroc", outcomes) == 0.5
    assert value("ood_aupr", outcomes) == 0.25
    assert value("ood_fpr95", outcomes) == 1.0


INLIER_METRICS = {"accuracy", "balanced_accuracy", "ece", "nll", "brier", "coverage"}
RANKING = {"ood_auroc", "ood_aupr", "ood_fpr95"}


def undefined(outcomes):
    return {key for key in METRICS if np.isnan(value(key, outcomes))}


def test_without_outliers_only_the_outlier_metrics_are_undefined():
    outcomes = small([0, 1], [[0.7, 0.3], [0.7, 0.3]], true_urgency=np.array([0, 1]))
    nothing_abstained = {"abstained_under_triage_rate"}
    assert undefined(outcomes) == RANKING | {"outlier_abstention_rate"} | nothing_abstained


def test_without_inliers_only_the_inlier_metrics_are_undefined():
    outcomes = small(
        [-1, -1],
        [[0.7, 0.3], [0.7, 0.3]],
        true_urgency=np.array([0, 1]),
        abstained=np.array([True, False]),
    )
    assert undefined(outcomes) == RANKING | INLIER_METRICS | {"selective_accuracy"}


def test_all_abstained_leaves_no_selective_accuracy():
    outcomes = small([0, 1], [[0.7, 0.3], [0.7, 0.3]], abstained=np.array([True, True]))
    assert np.isnan(value("selective_accuracy", outcomes))
    assert value("coverage", outcomes) == 0
    assert value("abstention_rate", outcomes) == 1


def test_one_condition_only():
    outcomes = small([0, 0, -1], [[1.0], [1.0], [1.0]], [0, 1, 2])
    assert value("accuracy", outcomes) == value("balanced_accuracy", outcomes) == 1
    assert value("nll", outcomes) == value("brier", outcomes) == 0


def test_registry_is_complete_and_its_text_is_fit_for_tables():
    for key, metric in METRICS.items():
        assert key == metric.key
        assert metric.definition.endswith(".")
        assert metric.source
        assert metric.title
        assert metric.needs
    assert len({metric.title for metric in METRICS.values()}) == len(METRICS)


def test_every_condition_needs_each_of_them(outcomes):
    masks = Need.EVERY_CONDITION.masks(outcomes)
    assert len(masks) == len(outcomes.classes)
    assert sum(mask.sum() for mask in masks) == (~outcomes.is_outlier).sum()


def test_unknown_metric_is_refused_with_the_known_ones():
    with pytest.raises(UsageError, match="ood_auroc"):
        find_metric("auroc")
