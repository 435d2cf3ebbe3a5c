from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.evaluation.synthetic import make_outcomes
from tests.evaluation.test_metrics import small
from triage.errors import UsageError
from triage.evaluation import METRICS, evaluate, paired_difference
from triage.evaluation.prevalence import at_prevalence

RESTATED = {
    "ood_aupr",
    "clinical_cost",
    "abstention_rate",
    "selective_risk",
    "under_triage_rate",
    "over_triage_rate",
    "abstained_under_triage_rate",
    "urgent_at_observation_rate",
}


@pytest.fixture(scope="module")
def outcomes():
    return replace(make_outcomes(150, seed=3), outlier_prevalence=0.1)


def test_outliers_get_the_share_and_the_total_stays():
    outlier = np.array([True, True, False, False, False])
    found = at_prevalence(
        np.array([[1.0, 1, 1, 1, 1], [2, 0, 1, 1, 1], [0, 0, 1, 1, 1]]), outlier, 0.1
    )
    assert found[:2].sum(axis=1) == pytest.approx([5, 5])
    assert found[:2, outlier].sum(axis=1) == pytest.approx([0.5, 0.5])
    assert np.isnan(found[2]).all()


def test_what_depends_on_the_share_of_outliers_is_given_at_the_stated_one(outcomes):
    found = evaluate(outcomes, n_resamples=50)
    plain = evaluate(replace(outcomes, outlier_prevalence=None), n_resamples=50)
    assert {key for key, metric in METRICS.items() if metric.of_all_cases} == RESTATED
    assert (found.outlier_prevalence, plain.outlier_prevalence) == (0.1, None)
    assert found.outlier_share == pytest.approx(outcomes.is_outlier.mean())
    for key, estimate in found.overall.items():
        if key not in RESTATED:
            assert estimate == plain.overall[key]
            assert estimate.at_split_share is None
        else:
            assert estimate.at_split_share == plain.overall[key].value
            assert plain.overall[key].at_split_share is None
            assert estimate.low < estimate.value < estimate.high
    outlier = outcomes.is_outlier
    cost = 0.1 * outcomes.cost[outlier].mean() + 0.9 * outcomes.cost[~outlier].mean()
    assert found.overall["clinical_cost"].value == pytest.approx(cost)


def test_without_outliers_nothing_is_said_of_a_share_of_them():
    outcomes = small([0] * 30, [[0.9, 0.1]] * 30, outlier_prevalence=0.2)
    cost = evaluate(outcomes, n_resamples=20).overall["clinical_cost"]
    assert (cost.value, cost.low, cost.at_split_share) == (None, None, 0.0)
    assert cost.evidence == "not enough"


def test_differences_are_at_the_stated_prevalence_too(outcomes):
    worse = replace(outcomes, cost=outcomes.cost + 0.1 * outcomes.is_outlier)
    found = paired_difference(outcomes, worse, ["clinical_cost", "accuracy"], n_resamples=50)
    cost = found["clinical_cost"]
    assert cost.value == pytest.approx(0.1 * 0.1)
    assert cost.at_split_share == pytest.approx(0.1 * outcomes.is_outlier.mean())
    assert cost.low < cost.value < cost.high
    assert found["accuracy"].at_split_share is None


def test_it_covers_the_cost_at_the_stated_prevalence():
    """40 patients, outliers 40 % of them and 15 % in use; abstaining costs 0.5, a miss 2."""
    rng = np.random.default_rng(5)
    truth = 0.85 * 0.3 * 0.5 + 0.15 * 0.2 * 2.0
    covered = 0
    for _ in range(300):
        outlier = rng.random(40) < 0.4
        struck = rng.random(40) < np.where(outlier, 0.2, 0.3)
        cost = struck * np.where(outlier, 2.0, 0.5)
        both = small(
            np.where(outlier, -1, 0),
            [[1.0]] * 40,
            cost=cost,
            outlier_prevalence=0.15,
            largest_cost=2.0,
        )
        found = paired_difference(
            replace(both, cost=np.zeros(40)), both, ["clinical_cost"], n_resamples=2
        )["clinical_cost"]
        covered += found.low <= truth <= found.high
    assert covered / 300 >= 0.94


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"probabilities": [[1.4, -0.4]] * 3}, "probabilities: holds values outside"),
        ({"probabilities": [[0.7, 0.7]] * 3}, "probabilities: do not sum to one"),
        ({"probabilities": [[5.0, 5.0]] * 3}, "probabilities: holds values outside"),
        ({"truth": np.array([0, 1, 2])}, "truth: holds values"),
        ({"truth": np.array([0, 1, -2])}, "truth: holds values"),
        ({"true_urgency": np.array([0, 1, 4])}, "true_urgency: holds values"),
        ({"queue_urgency": np.array([0, 1, -1])}, "queue_urgency: holds values"),
        ({"cost": np.array([0, -1.0, 0])}, "cost: a cost is negative"),
        ({"cost": np.array([0, 3.0, 0]), "largest_cost": 2.0}, "largest_cost: is 2.0"),
        ({"largest_cost": np.nan}, "largest_cost: is nan"),
        ({"outlier_prevalence": 0.0}, "outlier_prevalence: must lie"),
        ({"outlier_prevalence": np.nan}, "outlier_prevalence: must lie"),
        ({"abstained": np.array([0, 1, 2])}, "abstained: holds values"),
    ],
)
def test_outcomes_that_cannot_be_are_refused(changes, named):
    given = {"probabilities": [[0.7, 0.3]] * 3, "truth": [0, 1, -1]} | changes
    with pytest.raises(UsageError) as caught:
        small(given.pop("truth"), given.pop("probabilities"), **given)
    assert str(caught.value).startswith(named)
