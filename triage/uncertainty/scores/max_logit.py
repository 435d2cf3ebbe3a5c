"""Maximum logit, as an out-of-distribution score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from triage.uncertainty.scores.families import LogitScore
from triage.uncertainty.scores.score import Floats, ScoreInfo


@dataclass
class MaxLogit(LogitScore):
    """s = - max_c z_c over the inlier classes (Hendrycks et al. 2022)."""

    info: ClassVar[ScoreInfo] = ScoreInfo(
        key="max_logit",
        title="Maximum logit",
        source="Hendrycks et al. 2022",
        cost="the head once more",
    )

    def of(self, logits: Floats) -> Floats:
        """Score inlier logits [N, K]; returns [N]."""
        score: Floats = -logits.max(axis=1)
        return score
