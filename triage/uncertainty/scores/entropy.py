"""Entropy of the ensemble's inlier distribution, as an out-of-distribution score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from scipy.special import entr

from triage.uncertainty.calibration.temperature_scaling import apply_temperature
from triage.uncertainty.scores.families import ProbabilityScore
from triage.uncertainty.scores.score import Doubles, ScoreInfo


@dataclass
class Entropy(ProbabilityScore):
    """s = - sum_c p_c log p_c in nats, with p renormalised over the inlier classes.

    In [0, log K]. Of the averaged probabilities, this is the total uncertainty of the ensemble:
    how much the members doubt plus how much they disagree.
    """

    info: ClassVar[ScoreInfo] = ScoreInfo(
        key="entropy",
        title="Predictive entropy",
        source="Lakshminarayanan et al. 2017, of the averaged softmax",
        cost="none beyond the prediction",
        baseline=True,
    )

    def of(self, probabilities: Doubles, n_inliers: int) -> Doubles:
        """Score probabilities [N, C], inlier classes first; returns [N]."""
        score: Doubles = entr(apply_temperature(probabilities, n_inliers, 1.0)).sum(axis=1)
        return score
