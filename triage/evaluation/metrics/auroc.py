"""Area under the ROC curve of the OOD score; outliers are the positive class."""

from __future__ import annotations

from triage.evaluation.metrics.weighted import FloatArray
from triage.evaluation.outcomes import Outcomes
from triage.uncertainty.auroc import weighted_auroc


def ood_auroc(outcomes: Outcomes, weights: FloatArray) -> FloatArray:
    """Probability that an outlier scores above an inlier, ties counting one half.

    The Mann-Whitney form of the area under the ROC curve: Hanley & McNeil 1982.

    Parameters
    ----------
    outcomes : Outcomes of N cases
    weights : float array [B, N]
        Case weights of each resample.

    Returns
    -------
    float array [B]
        NaN where a resample lacks outliers or inliers.
    """
    return weighted_auroc(outcomes.ood_score, outcomes.is_outlier, weights)
