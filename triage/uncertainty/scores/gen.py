"""Generalised entropy of the most probable inlier classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from triage.errors import UsageError
from triage.uncertainty.scores.families import ProbabilityScore
from triage.uncertainty.scores.score import Doubles, ScoreInfo


@dataclass
class Gen(ProbabilityScore):
    """s = sum over the M most probable inlier classes of p^gamma (1 - p)^gamma.

    A small gamma gives weight to classes of a few per mille, which entropy hardly counts
    (Liu et al. 2023). The probabilities are renormalised over the inlier classes;
    where all of these are zero they count as equal. They are not kept above a floor: to the power
    0.1, a floor of 1e-12 would count as 0.06 a class. A probability of zero adds nothing.

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
        p = _shares(probabilities[:, :n_inliers])
        if self.largest < n_inliers:
            p = np.partition(p, -self.largest, axis=1)[:, -self.largest :]
        score: Doubles = (np.clip(p * (1.0 - p), 0.0, None) ** self.gamma).sum(axis=1)
        return score


def _shares(values: Doubles) -> Doubles:
    """Make rows of float64 [N, K] sum to one; a row of zeros becomes uniform."""
    largest = values.max(axis=1, keepdims=True)
    # by the largest first: the sum of values near the least float would lose their digits
    scaled = np.divide(values, largest, out=np.ones_like(values), where=largest > 0)
    shares: Doubles = scaled / scaled.sum(axis=1, keepdims=True)
    return shares
