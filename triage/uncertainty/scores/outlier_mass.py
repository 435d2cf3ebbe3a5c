"""Summed probability of the outlier classes: the score of HOD and of the reject bucket."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from triage.errors import UsageError
from triage.uncertainty.scores.families import ProbabilityScore
from triage.uncertainty.scores.score import OUTLIER_CLASSES, Doubles, ScoreInfo


@dataclass
class OutlierMass(ProbabilityScore):
    """s = sum of p_c over the outlier classes, in [0, 1] (Roy et al. 2022)."""

    info: ClassVar[ScoreInfo] = ScoreInfo(
        key="outlier_mass",
        title="Outlier mass",
        source="Roy et al. 2022, hierarchical outlier detection",
        cost="none beyond the prediction",
        needs=(OUTLIER_CLASSES,),
    )

    def of(self, probabilities: Doubles, n_inliers: int) -> Doubles:
        """Score probabilities [N, C], the K = n_inliers inlier classes first; returns [N].

        Raises
        ------
        UsageError
            If the head has no outlier class.
        """
        if probabilities.shape[1] <= n_inliers:
            raise UsageError(
                "this score needs a head with outlier classes",
                where=self.info.key,
                hint="Use the head `reject` or `hod`.",
            )
        score: Doubles = probabilities[:, n_inliers:].sum(axis=1)
        return score
