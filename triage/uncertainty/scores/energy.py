"""Free energy of the inlier logits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from triage.errors import UsageError
from triage.uncertainty.scores.families import LogitScore
from triage.uncertainty.scores.score import Floats, ScoreInfo


def energy(logits: Floats, temperature: float = 1.0) -> Floats:
    """Return - T log sum_c exp(z_c / T) of logits [N, K], [N] (Liu et al. 2020)."""
    top = logits.max(axis=1, keepdims=True)
    rest = np.exp((logits - top) / temperature).sum(axis=1)
    lowest: Floats = -top[:, 0] - temperature * np.log(rest)
    return lowest


@dataclass
class Energy(LogitScore):
    """s = - T log sum_c exp(z_c / T) over the inlier classes (Liu et al. 2020).

    Parameters
    ----------
    temperature : float
        T, positive.

    Raises
    ------
    UsageError
        If the temperature is not positive.
    """

    temperature: float = 1.0

    info: ClassVar[ScoreInfo] = ScoreInfo(
        key="energy",
        title="Energy",
        source="Liu et al. 2020",
        cost="the head once more",
        baseline=True,
    )

    def __post_init__(self) -> None:
        if not self.temperature > 0:
            raise UsageError("the temperature must be positive", where=self.info.key)

    def of(self, logits: Floats) -> Floats:
        """Score inlier logits [N, K]; returns [N]."""
        return energy(logits, self.temperature)
