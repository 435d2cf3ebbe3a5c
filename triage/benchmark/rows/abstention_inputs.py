"""Inputs of abstention rules for test cases: outlier probability and class confidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from triage.benchmark.draw_record import TEST, VALIDATION, DrawRecord, Floats
from triage.data.roles import draw_roles
from triage.data.spec import DataSpec
from triage.decisions.choices import Choices, choices_by_matrix
from triage.decisions.cost_matrix import (
    CostMatrix,
    case_costs,
    cost_matrix,
    largest_cost,
    subgroup_factors,
    unknown_conditions,
)
from triage.decisions.joint_rejection import fit_joint_rejection, fit_saving_threshold
from triage.uncertainty.outlier_probability import fit_outlier_probability, prevalence_weights
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
    choices, if_known : Choices
        By the cost matrix of the spec, and the same if no case were an outlier.
    opinion, abstain : float array [N]
        What each choice costs, the true condition being known.
    """

    p_outlier: Floats
    p_top: Floats
    score: Floats
    outlier: NDArray[np.bool_]
    right: NDArray[np.bool_]
    choices: Choices
    if_known: Choices
    opinion: Floats
    abstain: Floats

    def cost(self, abstained: NDArray[np.bool_]) -> Floats:
        """Cost of each case by the cost matrix, float [N]."""
        found: Floats = np.where(abstained, self.abstain, self.opinion)
        return found


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
    roles = draw_roles(spec, draw.seed)
    matrix = cost_matrix(spec)
    unknown = unknown_conditions(spec, {*roles.train, *roles.validation})
    found = {}
    for name, score in squeezed.items():
        probabilities = draw.heads[head].calibrated(name)
        p_outlier = platt(score)
        outlier, right = draw.truth[name] < 0, probabilities.argmax(axis=1) == draw.truth[name]
        chosen, if_known = (
            choices_by_matrix(matrix, draw.inliers, unknown, probabilities, p)
            for p in (p_outlier, np.zeros(len(p_outlier)))
        )
        opinion, abstain = _realised(draw, name, right, chosen, matrix, spec, unknown)
        found[name] = Judged(
            p_outlier=p_outlier,
            p_top=probabilities.max(axis=1),
            score=score,
            outlier=outlier,
            right=right,
            choices=chosen,
            if_known=if_known,
            opinion=opinion,
            abstain=abstain,
        )
    return found


def _realised(
    draw: DrawRecord,
    name: str,
    right: NDArray[np.bool_],
    chosen: Choices,
    matrix: CostMatrix,
    spec: DataSpec,
    unknown: Sequence[str],
) -> tuple[Floats, Floats]:
    """Cost of an opinion on each case of a set, and of none."""
    outlier = draw.truth[name] < 0
    if name == VALIDATION:
        recorded, subgroups = draw.validation_outliers, draw.validation_subgroups
    else:
        recorded, subgroups = draw.outliers, draw.subgroups
    if subgroups is None:
        factors = np.ones(len(outlier))
    else:
        factors = subgroup_factors(spec.costs, subgroups)
    # Records of earlier versions do not tell which outlier is which: they cost the mean.
    assumed: Sequence[str | None] = [None] if recorded is not None else unknown
    found = np.zeros((2, len(outlier)))
    for stand_in in assumed:
        names = np.array(draw.inliers, dtype=object)[draw.truth[name]]
        names[outlier] = recorded[outlier] if recorded is not None else stand_in
        for row, (urgency, abstained) in enumerate(((chosen.urgency, False), (chosen.queue, True))):
            found[row] += case_costs(
                matrix,
                [str(label) for label in names],
                outlier,
                right,
                urgency,
                np.full(len(outlier), abstained),
                factors,
            ) / len(assumed)
    return found[0], found[1]


def _in_unit_interval(scores: dict[str, Floats]) -> dict[str, Floats]:
    """Scores in [0, 1] unchanged; others standardised by validation scores.

    The logistic curve is fitted to the logit of the returned value: the standardised score.
    """
    if all(((score >= 0) & (score <= 1)).all() for score in scores.values()):
        return scores
    centre, spread = scores[VALIDATION].mean(), scores[VALIDATION].std() or 1.0
    return {name: expit((score - centre) / spread) for name, score in scores.items()}


def joint_rejection(judged: dict[str, Judged], spec: DataSpec) -> NDArray[np.bool_]:
    """Test cases that abstain under the rule of `triage train`, bool [N]; no capacity."""
    seen, asked = judged[VALIDATION], judged[TEST]
    threshold, _ = fit_saving_threshold(
        seen.choices.saving,
        seen.opinion,
        seen.abstain,
        prevalence_weights(seen.outlier, spec.outlier_prevalence),
        largest=largest_cost(spec),
    )
    abstained: NDArray[np.bool_] = asked.choices.saving > threshold
    return abstained


def rejection_by_outcomes(judged: dict[str, Judged], spec: DataSpec) -> NDArray[np.bool_]:
    """Test cases that abstain where outcomes alone have a cost and urgencies none, bool [N]."""
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
