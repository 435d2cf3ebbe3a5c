"""Accuracy: how often the most probable inlier condition is the true one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from triage.evaluation.metrics.weighted import CaseValues, FloatArray, ratio
from triage.evaluation.outcomes import Outcomes


def correct(outcomes: Outcomes) -> NDArray[np.bool_]:
    """Whether the most probable condition is the true one, bool [N]; never for outliers."""
    matches: NDArray[np.bool_] = outcomes.probabilities.argmax(axis=1) == outcomes.truth
    return matches


def accuracy(outcomes: Outcomes) -> CaseValues:
    """Whether the most probable condition is the true one, of inliers, abstained on or not."""
    return CaseValues(correct(outcomes), ~outcomes.is_outlier)


def balanced_accuracy(outcomes: Outcomes, weights: FloatArray) -> FloatArray:
    """Mean over the true inlier conditions of the share classified rightly.

    Conditions that a resample does not contain are left out of its mean, as in
    scikit-learn. Brodersen et al. 2010, eq. 1, for more than two classes.

    Parameters
    ----------
    outcomes : Outcomes of N cases
    weights : float array [B, N]
        Case weights of each resample.

    Returns
    -------
    float array [B]
        Proportions; NaN where a resample has no inlier.
    """
    right = correct(outcomes)
    members = outcomes.truth[:, None] == np.arange(len(outcomes.classes))
    drawn = weights @ members.astype(np.float64)
    hits = weights @ (members & right[:, None]).astype(np.float64)
    recall = np.nan_to_num(ratio(hits, drawn))
    return ratio(recall.sum(axis=1), (drawn > 0).sum(axis=1).astype(np.float64))


def selective_accuracy(outcomes: Outcomes) -> CaseValues:
    """Whether the most probable condition is the true one, of inliers with an opinion.

    Geifman & El-Yaniv 2017, eq. 2 (one minus the selective risk under 0/1 loss).
    """
    return CaseValues(correct(outcomes), ~outcomes.is_outlier & ~outcomes.abstained)


def selective_risk(outcomes: Outcomes) -> CaseValues:
    """Whether the opinion is wrong, of all cases with one; on an outlier it always is.

    El-Yaniv & Wiener 2010, eq. 2, under 0/1 loss, at the deployed threshold. `aurc` is the mean
    of the same risk over all thresholds.
    """
    return CaseValues(~correct(outcomes), ~outcomes.abstained)
