"""SCALE: energy after all features of a case are scaled by how concentrated they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from triage.uncertainty.scores.ash import check_percentile, large_activations
from triage.uncertainty.scores.energy import energy
from triage.uncertainty.scores.families import FeatureScore, Truth
from triage.uncertainty.scores.score import Floats, ScoreInfo, State


@dataclass
class Scale(FeatureScore):
    """s = energy of W f exp(s1 / s2) + b: ASH-S without the pruning (Xu et al. 2024).

    s1 is the sum of a case's activations and s2 that of those above its percentile. Meant for
    features after a ReLU; nothing is fitted.

    Parameters
    ----------
    percentile : float
        Share of each case's features that s2 leaves out, in [0, 100).

    Raises
    ------
    UsageError
        If the percentile is out of bounds.
    """

    percentile: float = 85.0

    info: ClassVar[ScoreInfo] = ScoreInfo(
        key="scale",
        title="SCALE with energy",
        source="Xu et al. 2024",
        cost="the last layer once more, and a partial sort",
    )
    fitted: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_percentile(self.percentile, self.info.key)

    def learn(self, features: Floats, truth: Truth, weight: Floats, bias: Floats) -> State:
        """Learn nothing: each case is scaled by its own features."""
        return {}

    def of(self, features: Floats, weight: Floats, bias: Floats, state: State) -> Floats:
        """Score features [N, H]; returns [N]."""
        _, factor = large_activations(features, self.percentile)
        return energy(factor * (features @ weight.T) + bias)
