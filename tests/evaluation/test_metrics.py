"""Every metric against an independent computation, weighted and not."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sk

from tests.evaluation.synthetic import make_outcomes
from tests.evaluation.test_selective import loop_aurc, loop_least, wrong_of
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


def loop_error(p, hit, w, groups):
    """The gap between p and hit in each group of cases, weighed by their weights."""
    gaps = [abs(sum(w[i] * (hit[i] - p[i]) for i in group)) for group in groups]
    return sum(gaps) / sum(w)


def wide_groups(p, n=15):
    return [[i for i, v in enumerate(p) if b / n < v <= (b + 1) / n] for b in range(n)]


def even_groups(p, n=15):
    """The i-th smallest of N goes to group floor((i + 1/2) / N * n); there are no ties."""
    assert len(set(p)) == len(p)
    groups = [[] for _ in range(n)]
    for place, i in enumerate(sorted(range(len(p)), key=lambda i: p[i])):
        groups[int((place + 0.5) * n / len(p))].append(i)
    return groups


def loop_top(probabilities, truth, w, groups):
    p, hit = probabilities.max(axis=1), probabilities.argmax(axis=1) == truth
    return loop_error(p, hit, w, groups(p))


def loop_classwise(probabilities, truth, w, groups):
    errors = [loop_error(p, truth == c, w, groups(p)) for c, p in enumerate(probabilities.T)]
    return sum(errors) / len(errors)


def partition(probabilities, truth, w):
    """Reliability, resolution, uncertainty, and the two terms within bins, of the top-1 event."""
    p, hit = probabilities.max(axis=1), (probabilities.argmax(axis=1) == truth).astype(float)
    overall, terms = np.average(hit, weights=w), np.zeros(5)
    for group in wide_groups(p):
        if group and w[group].sum():
            n, f, o = w[group], p[group], hit[group]
            mean_f, mean_o = np.average(f, weights=n), np.average(o, weights=n)
            terms[0] += sum(n) * (mean_f - mean_o) ** 2
            terms[1] += sum(n) * (mean_o - overall) ** 2
            terms[3] += sum(n * (f - mean_f) ** 2)
            terms[4] += sum(n * (f - mean_f) * (o - mean_o))
    terms /= sum(w)
    terms[2] = overall * (1 - overall)
    return terms


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
    "ece_equal_mass": lambda o, w, i: loop_top(o.probabilities[i], o.truth[i], w[i], even_groups),
    "classwise_ece": lambda o, w, i: loop_classwise(
        o.probabilities[i], o.truth[i], w[i], wide_groups
    ),
    "adaptive_ece": lambda o, w, i: loop_classwise(
        o.probabilities[i], o.truth[i], w[i], even_groups
    ),
    "brier_reliability": lambda o, w, i: partition(o.probabilities[i], o.truth[i], w[i])[0],
    "brier_resolution": lambda o, w, i: partition(o.probabilities[i], o.truth[i], w[i])[1],
    "brier_uncertainty": lambda o, w, i: partition(o.probabilities[i], o.truth[i], w[i])[2],
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
    "selective_risk": lambda o, w, i: np.average(
        wrong_of(o)[~o.abstained], weights=w[~o.abstained]
    ),
    "aurc": lambda o, w, i: loop_aurc(o.ood_score, wrong_of(o), w),
    "e_aurc": lambda o, w, i: loop_aurc(o.ood_score, wrong_of(o), w) - loop_least(wrong_of(o), w),
    "aurc_gain": lambda o, w, i: (
        np.average(wrong_of(o), weights=w) - loop_aurc(o.ood_score, wrong_of(o), w)
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


ALIKE_OF_ALL_CASES = ("classes", "subgroups", "outlier_prevalence", "largest_cost")
BINS_FIXED_BY_THE_CASES = ("ece_equal_mass", "adaptive_ece")
"""Repeated cases move the borders of their bins; weights do not."""


@pytest.mark.parametrize("key", [key for key in METRICS if key not in BINS_FIXED_BY_THE_CASES])
def test_weights_mean_repeated_cases(key, outcomes, weights):
    repeated = np.repeat(np.arange(len(outcomes)), weights[1].astype(int))
    names = [n for n in Outcomes.__dataclass_fields__ if n not in ALIKE_OF_ALL_CASES]
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


def test_equal_mass_bins_by_hand():
    """30 cases of rising confidence, two a bin; only the last two are wrong.

    In the other bins the gap is one minus the confidence, in the last the confidence.
    """
    confidence = np.linspace(0.6, 0.89, 30)
    outcomes = small([0] * 28 + [1] * 2, np.stack([confidence, 1 - confidence], axis=1))
    expected = ((1 - confidence[:28]).sum() + confidence[28:].sum()) / 30
    assert value("ece_equal_mass", outcomes) == pytest.approx(expected)
    assert value("adaptive_ece", outcomes) == pytest.approx(expected)


def test_adaptive_ece_is_the_plain_mean_of_nixon_where_ranges_are_equal():
    rng = np.random.default_rng(0)
    p, truth = rng.dirichlet(np.ones(3), size=60), rng.integers(3, size=60)
    total = 0.0
    for label in range(3):
        for members in np.array_split(np.argsort(p[:, label]), 15):
            total += abs((truth[members] == label).mean() - p[members, label].mean())
    assert value("adaptive_ece", small(truth, p)) == pytest.approx(total / (3 * 15))


def test_equal_confidences_share_a_bin():
    """All at 0.8: one bin, whose accuracy is 0.8; cut in fifteen, the gaps would not cancel."""
    outcomes = small([0] * 24 + [1] * 6, [[0.8, 0.2]] * 30)
    for key in ("ece", *BINS_FIXED_BY_THE_CASES, "classwise_ece", "brier_reliability"):
        assert value(key, outcomes) == pytest.approx(0, abs=1e-12)


def test_outliers_do_not_move_the_bins(outcomes):
    names = [n for n in Outcomes.__dataclass_fields__ if n not in ALIKE_OF_ALL_CASES]
    inlier = ~outcomes.is_outlier
    alone = replace(
        outcomes,
        subgroups=outcomes.subgroups[inlier],
        **{name: getattr(outcomes, name)[inlier] for name in names},
    )
    for key in BINS_FIXED_BY_THE_CASES:
        assert value(key, alone) == pytest.approx(value(key, outcomes), rel=1e-12)


def test_classwise_ece_by_hand():
    """Two cases at (0.7, 0.2, 0.1), one of the first condition and one of the second."""
    outcomes = small([0, 1], [[0.7, 0.2, 0.1]] * 2)
    assert value("classwise_ece", outcomes) == pytest.approx((0.2 + 0.3 + 0.1) / 3)


def test_the_brier_partition_by_hand():
    """Two bins of two: at 0.9 both right, at 0.6 one of two right; overall 0.75."""
    outcomes = small([0, 0, 0, 1], [[0.9, 0.1]] * 2 + [[0.6, 0.4]] * 2)
    assert value("brier_reliability", outcomes) == pytest.approx((0.1**2 + 0.1**2) / 2)
    assert value("brier_resolution", outcomes) == pytest.approx((0.25**2 + 0.25**2) / 2)
    assert value("brier_uncertainty", outcomes) == pytest.approx(0.75 * 0.25)


def test_the_brier_partition_is_whole(outcomes, weights):
    inlier = ~outcomes.is_outlier
    p, truth = outcomes.probabilities[inlier], outcomes.truth[inlier]
    squares = (p.max(axis=1) - (p.argmax(axis=1) == truth)) ** 2
    names = ("reliability", "resolution", "uncertainty")
    found = [METRICS[f"brier_{name}"].compute(outcomes, weights) for name in names]
    for row, reliability, resolution, uncertainty in zip(weights, *found, strict=True):
        *_, variance, covariance = partition(p, truth, row[inlier])
        assert reliability - resolution + uncertainty + variance - 2 * covariance == pytest.approx(
            np.average(squares, weights=row[inlier])
        )


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


INLIER_METRICS = {
    *("accuracy", "balanced_accuracy", "coverage", "nll", "brier"),
    *("ece", "ece_equal_mass", "classwise_ece", "adaptive_ece"),
    *("brier_reliability", "brier_resolution", "brier_uncertainty"),
}
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


def test_all_abstained_leaves_no_selective_metric():
    outcomes = small([0, 1], [[0.7, 0.3], [0.7, 0.3]], abstained=np.array([True, True]))
    assert np.isnan(value("selective_risk", outcomes))
    assert np.isnan(value("selective_accuracy", outcomes))
    assert value("coverage", outcomes) == 0
    assert value("abstention_rate", outcomes) == 1


def test_selective_risk_counts_opinions_on_outliers_as_errors():
    """Of six answered cases one is an outlier, and one inlier is named wrongly."""
    outcomes = small(
        [0, 0, 0, 1, 1, -1, -1, 0],
        [[0.9, 0.1]] * 3 + [[0.2, 0.8], [0.6, 0.4], [0.7, 0.3], [0.7, 0.3], [0.1, 0.9]],
        abstained=np.array([False] * 6 + [True] * 2),
    )
    assert value("selective_risk", outcomes) == pytest.approx(2 / 6)
    # Of weight 0.2 * 8 / 2 is an outlier, of 0.8 * 8 / 6 an inlier.
    stated = replace(outcomes, outlier_prevalence=0.2)
    found = METRICS["selective_risk"].measure(stated, np.ones((1, 8)))[0]
    assert found == pytest.approx((0.8 + 16 / 15) / (0.8 + 5 * 16 / 15))


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
    with pytest.raises(UsageError, match="no metric 'auroc'"):
        find_metric("auroc")
