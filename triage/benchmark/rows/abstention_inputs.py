"""Inputs of abstention rules for test cases: outlier probability and class confidence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from triage.benchmark.draw_record import TEST, VALIDATION, DrawRecord, Floats
from triage.data.spec import DataSpec, OutcomeCosts
from triage.decisions.joint_rejection import fit_joint_rejection
from triage.uncertainty.outlier_probability import fit_outlier_probability
from triage.uncertainty.scores.max_softmax import MaxSoftmax
from triage.uncertainty.scores.outlier_mass import OutlierMass


def own_score(probabilities: Floats, n_inliers: int) -> Floats:
    """Score that belongs to a head [N]: outlier mass if it has outlier classes.

    Parameters
    ----------
    probabilities : float array [N, C]
        Of the ensemble, inlier classes first.
    n_inliers : int
    """
    score = OutlierMass() if probabilities.shape[1] > n_inliers else MaxSoftmax()
    return score.of(probabilities, n_inliers)


@dataclass(frozen=True)
class Judged:
    """Inputs of an abstention rule for the cases of one set, and their true conditions.

    Parameters
    ----------
    p_outlier : float array [N]
        From the score, by a logistic curve fitted on validation at the spec's prevalence.
    p_top : float array [N]
        Calibrated probability of the most probable condition, given an inlier.
    score : float array [N]
        In [0, 1]; of another scale, standardised by validation and squeezed.
    outlier, right : bool array [N]
    """

    p_outlier: Floats
    p_top: Floats
    score: Floats
    outlier: NDArray[np.bool_]
    right: NDArray[np.bool_]


def judge(
    draw: DrawRecord, head: str, scores: dict[str, Floats], spec: DataSpec
) -> dict[str, Judged]:
    """Compute the inputs for validation and test cases from a score and an ensemble.

    Parameters
    ----------
    draw : DrawRecord
    head : str
        Whose probabilities name the condition.
    scores : dict of float array
        Of the sets `validation` and `test`.
    spec : DataSpec
    """
    squeezed = _in_unit_interval({name: scores[name] for name in (VALIDATION, TEST)})
    platt = fit_outlier_probability(
        squeezed[VALIDATION], draw.truth[VALIDATION] < 0, spec.outlier_prevalence
    )
    found = {}
    for name, score in squeezed.items():
        probabilities = draw.heads[head].calibrated(name)
        found[name] = Judged(
            p_outlier=platt(score),
            p_top=probabilities.max(axis=1),
            score=score,
            outlier=draw.truth[name] < 0,
            right=probabilities.argmax(axis=1) == draw.truth[name],
        )
    return found


def largest_cost(costs: OutcomeCosts) -> float:
    """Largest cost of an outcome, which bounds the intervals of mean costs."""
    return float(max(costs.model_dump().values()))


def _in_unit_interval(scores: dict[str, Floats]) -> dict[str, Floats]:
    """Scores in [0, 1] unchanged; others standardised by validation scores.

    The logistic curve is fitted to the logit of the returned value: the standardised score.
    """
    if all(((score >= 0) & (score <= 1)).all() for score in scores.values()):
        return scores
    centre, spread = scores[VALIDATION].mean(), scores[VALIDATION].std() or 1.0
    return {name: expit((score - centre) / spread) for name, score in scores.items()}


def joint_rejection(judged: dict[str, Judged], spec: DataSpec) -> NDArray[np.bool_]:
    """Test cases that abstain under the rule of `triage train`, bool [N]."""
    seen, asked = judged[VALIDATION], judged[TEST]
    fitted = fit_joint_rejection(
        seen.p_outlier,
        seen.p_top,
        seen.outlier,
        seen.right,
        spec.costs.outcomes,
        spec.outlier_prevalence,
    )
    return fitted.abstains(asked.p_outlier, asked.p_top)
