"""Generalised entropy of the most probable inlier classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from triage.errors import UsageError
from triage.uncertainty.calibration.temperature_scaling import apply_temperature
from triage.uncertainty.scores.families import ProbabilityScore
from triage.uncertainty.scores.score import Doubles, ScoreInfo


@dataclass
class Gen(ProbabilityScore):
    """s = sum over the M most probable inlier classes of p^gamma (1 - p)^gamma.

    A small gamma makes the score feel classes of a few per mille, which entropy hardly does
    (Liu et al. 2023). The probabilities are renormalised over the inlier classes.

    Parameters
    ----------
    gamma : float
        Exponent, in (0, 1).
    largest : int
        M: how many of the most probable classes count; all where there are fewer.

    Raises
    ------
    UsageError
        If a setting is out of bounds.
    """

    gamma: float = 0.1
    largest: int = 100

    info: ClassVar[ScoreInfo] = ScoreInfo(
        key="gen",
        title="Generalised entropy (GEN)",
        source="Liu et al. 2023",
        cost="none beyond the prediction",
    )

    def __post_init__(self) -> None:
        if not 0 < self.gamma < 1 or self.largest < 1:
            raise UsageError("needs 0 < gamma < 1 and at least one class", where=self.info.key)

    def of(self, probabilities: Doubles, n_inliers: int) -> Doubles:
        """Score probabilities [N, C], inlier classes first; returns [N]."""
        p = apply_temperature(probabilities, n_inliers, 1.0)
        if self.largest < n_inliers:
            p = np.partition(p, -self.largest, axis=1)[:, -self.largest :]
        score: Doubles = (np.clip(p * (1.0 - p), 0.0, None) ** self.gamma).sum(axis=1)
        return score
