"""Maximum softmax probability, as an out-of-distribution score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from triage.uncertainty.scores.families import ProbabilityScore
from triage.uncertainty.scores.score import Doubles, ScoreInfo


@dataclass
class MaxSoftmax(ProbabilityScore):
    """s = 1 - max_c p_c over the inlier classes (Hendrycks & Gimpel 2017).

    In [0, 1], and at most 1 - 1/K where the head has no outlier class. The probabilities are
    not renormalised: what an outlier class takes counts as out of distribution.
    """

    info: ClassVar[ScoreInfo] = ScoreInfo(
        key="max_softmax",
        title="Maximum softmax probability",
        source="Hendrycks & Gimpel 2017",
        cost="none beyond the prediction",
        baseline=True,
    )

    def of(self, probabilities: Doubles, n_inliers: int) -> Doubles:
        """Score probabilities [N, C], inlier classes first; returns [N]."""
        score: Doubles = 1.0 - probabilities[:, :n_inliers].max(axis=1)
        return score
