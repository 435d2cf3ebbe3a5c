"""The policy of a trained system, fixed on its validation predictions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from triage.data.dataset import Dataset
from triage.decisions.cost_matrix import case_costs, subgroup_factors
from triage.decisions.fit_rules import with_rules
from triage.decisions.fitting import fit_policy, truth_of
from triage.decisions.policy import Policy, ood_score
from triage.decisions.rule_settings import TEMPERATURE
from triage.heads import HEADS, HeadKind
from triage.models.settings import TrainSettings
from triage.predictions import Predictions
from triage.uncertainty.auroc import auroc
from triage.uncertainty.combination import COMBINATION
from triage.uncertainty.feature_distance import FEATURE_DISTANCE, FeatureDistance
from triage.uncertainty.outlier_probability import prevalence_weights
from triage.vocabulary.clinical import Urgency

FEW_OUTLIER_CONDITIONS = 2
"""Below this, training outliers teach a head one condition rather than what is unfamiliar."""


def score_of(predictions: Predictions) -> str:
    """Name of the head's own score: the mass on classes after the inliers, where it has some."""
    has_more = len(predictions.classes) > predictions.n_inliers
    return "outlier_mass" if has_more else "max_softmax"


def fix_policy(
    predictions: Predictions,
    dataset: Dataset,
    distance: FeatureDistance | None = None,
    combined: NDArray[np.float64] | None = None,
    settings: TrainSettings | None = None,
) -> tuple[Policy, dict[str, float]]:
    """Fit the policy on validation predictions; returns it with the validation metrics.

    Parameters
    ----------
    predictions : Predictions
    dataset : Dataset
    distance : FeatureDistance, optional
        Validation outliers choose between it and the head's own score: whichever ranks them
        higher.
    combined : float array [N], optional
        Scores of a combination, which is taken where it was fitted.
    settings : TrainSettings, optional
        Calibrator, score, sets, guarantee and abstention rule. None is temperature scaling, the
        head's own score and joint rejection, without sets or guarantee.
    """
    truth = truth_of(predictions)
    own = None if settings is None else settings.score_of_policy
    names = [own or score_of(predictions), *([FEATURE_DISTANCE] if distance else [])]
    if combined is None:
        best = max(names, key=lambda name: auroc(ood_score(predictions, name, distance), truth < 0))
        scores = ood_score(predictions, best, distance)
    else:
        best, scores = COMBINATION, combined
    draw = dataset.draw
    met = {*draw.train, *draw.validation} & {str(case.condition) for case in dataset.cases}
    policy = fit_policy(
        predictions,
        dataset.spec,
        best,
        distance,
        scores,
        TEMPERATURE if settings is None else settings.calibrator,
        unknown=met,
    )
    if settings is not None:
        policy = with_rules(
            policy,
            predictions,
            scores,
            dataset.spec,
            prediction_set=settings.prediction_set,
            guaranteed=settings.guaranteed,
            selective=settings.selective,
        )
    return policy, _on_validation(policy, predictions, dataset, scores)


def _on_validation(
    policy: Policy, predictions: Predictions, dataset: Dataset, scores: NDArray[np.float64]
) -> dict[str, float]:
    """Metrics on the cases that the policy was fitted to."""
    spec, truth = dataset.spec, truth_of(predictions)
    decisions = policy.decide(predictions, ood_score=scores)
    is_outlier = truth < 0
    correct = policy.calibrated(predictions).argmax(axis=1) == truth
    abstained = (decisions["reason_code"] != "").to_numpy()
    weights = prevalence_weights(is_outlier, spec.outlier_prevalence)
    assert policy.matrix is not None, "fitted policies have one"
    cost = case_costs(
        policy.matrix,
        list(predictions.cases["label"]),
        is_outlier,
        correct,
        np.array([Urgency(name).rank for name in decisions["queue_urgency"]], dtype=np.int64),
        abstained,
        subgroup_factors(spec.costs, predictions.cases),
    )
    return {
        "accuracy": float(correct[~is_outlier].mean()),
        "ood_auroc": auroc(scores, is_outlier),
        "abstained": float(weights @ abstained),
        "cost": float(weights @ cost),
        "abstained_at_split_share": float(abstained.mean()),
        "cost_at_split_share": float(cost.mean()),
        "outlier_share": float(is_outlier.mean()),
    }


def few_outliers(dataset: Dataset, kind: HeadKind, score: str) -> str:
    """A warning where a head's own score learned what an outlier is from too few conditions."""
    count = len(dataset.draw.train)
    learned = HEADS[kind].info.learns_outliers and score != COMBINATION
    if not learned or count >= FEW_OUTLIER_CONDITIONS:
        return ""
    return (
        f"Only {count} outlier condition(s) trained the head: its score may rank new conditions "
        "worse than chance. Compare with a softmax head before using it."
    )
