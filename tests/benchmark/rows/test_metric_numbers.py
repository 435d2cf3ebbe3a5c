"""Metrics over draws at the stated prevalence, with the split's own share beside them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score

from triage.benchmark.resampling import CrossedResamples
from triage.benchmark.rows.metric_numbers import (
    AT_PREVALENCE,
    DrawOutcomes,
    metric_differences,
    metric_numbers,
)
from triage.evaluation.metrics import METRICS
from triage.evaluation.outcomes import Outcomes

PREVALENCE = 0.1
KEYS = ("ood_auroc", "ood_fpr95", *AT_PREVALENCE, "accuracy", "balanced_accuracy", "ece", "nll")


def outcomes_of(seed: int, n_inliers: int = 40, n_outliers: int = 20) -> Outcomes:
    rng = np.random.default_rng(seed)
    n = n_inliers + n_outliers
    truth = np.r_[rng.integers(0, 2, n_inliers), np.full(n_outliers, -1)]
    abstained = rng.random(n) < np.where(truth < 0, 0.6, 0.1)
    return Outcomes(
        classes=("a", "b"),
        truth=truth,
        probabilities=rng.dirichlet(np.ones(2), n),
        ood_score=rng.normal(size=n) + (truth < 0),
        abstained=abstained,
        cost=np.where(abstained, 0.4, np.where(truth < 0, 1.0, 0.0)),
        true_urgency=np.where(np.arange(n) % 3, 2, 0),
        queue_urgency=np.where(abstained, 1, 2),
        cluster=np.arange(n).astype(str),
        subgroups=pd.DataFrame(index=range(n)),
        largest_cost=1.0,
    )


def with_resamples(*draws: Outcomes) -> tuple[DrawOutcomes, CrossedResamples]:
    codes = [one.cluster.astype(np.int64) for one in draws]
    return DrawOutcomes(draws, codes), CrossedResamples(codes, n_resamples=40, seed=0)


def weights_at(outlier: np.ndarray, prevalence: float) -> np.ndarray:
    return np.where(outlier, prevalence / outlier.mean(), (1 - prevalence) / (1 - outlier.mean()))


def test_what_depends_on_the_outliers_is_given_for_both_shares() -> None:
    draws = [outcomes_of(seed) for seed in range(4)]
    found = metric_numbers(KEYS, *with_resamples(*draws), PREVALENCE)
    assert list(found) == list(KEYS)
    for key, number in found.items():
        assert (number.at_split_share is not None) == (key in AT_PREVALENCE), key
    for key, value in (("clinical_cost", "cost"), ("abstention_rate", "abstained")):
        stated = [
            np.average(getattr(one, value), weights=weights_at(one.is_outlier, PREVALENCE))
            for one in draws
        ]
        assert found[key].value == pytest.approx(np.mean(stated))
        own = [np.mean(getattr(one, value)) for one in draws]
        assert found[key].at_split_share == pytest.approx(np.mean(own))
    areas = [
        [
            average_precision_score(one.is_outlier, one.ood_score, sample_weight=weights)
            for one in draws
        ]
        for weights in (weights_at(draws[0].is_outlier, PREVALENCE), None)
    ]
    aupr = found["ood_aupr"]
    assert (aupr.value, aupr.at_split_share) == pytest.approx(tuple(np.mean(areas, axis=1)))


def test_every_interval_has_width_and_holds_its_value() -> None:
    """A system that is right about everything, and one that never abstains."""
    one = outcomes_of(0)
    certain = replace(
        one,
        probabilities=np.eye(2)[np.maximum(one.truth, 0)],
        ood_score=one.is_outlier.astype(float),
        abstained=np.zeros(len(one), dtype=bool),
        cost=np.zeros(len(one)),
    )
    found = metric_numbers(KEYS, *with_resamples(certain, certain), PREVALENCE)
    assert found.pop("abstained_under_triage_rate").value is None
    for key, number in found.items():
        assert number.low is not None, key
        assert number.high is not None, key
        assert number.low <= (number.value or 0) <= number.high, key
        assert number.high - number.low > 0.03, key
        if METRICS[key].unit in ("proportion", "area"):
            assert 0 <= number.low <= number.high <= 1, key
    assert found["clinical_cost"].value == 0
    same, resamples = with_resamples(certain, certain)
    for number in metric_differences(("accuracy", "ece"), same, same, resamples).values():
        assert number.value == 0
        assert (number.low or 0) < -0.03 < 0.03 < (number.high or 0)


def test_without_outliers_a_stated_prevalence_is_undefined() -> None:
    known = [outcomes_of(seed, n_outliers=0) for seed in range(2)]
    found = metric_numbers(KEYS, *with_resamples(*known), PREVALENCE)
    for key in ("ood_auroc", *AT_PREVALENCE):
        assert (found[key].value, found[key].low, found[key].at_split_share) == (None, None, None)
    assert found["accuracy"].value is not None
    # A draw that has some counts alone.
    both = outcomes_of(5)
    mixed = metric_numbers(KEYS, *with_resamples(known[0], both), PREVALENCE)
    alone = metric_numbers(KEYS, *with_resamples(both), PREVALENCE)
    for key in AT_PREVALENCE:
        assert mixed[key].value == pytest.approx(alone[key].value)
        assert mixed[key].at_split_share == pytest.approx(alone[key].at_split_share)
