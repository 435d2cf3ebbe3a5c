"""ReAct: energy after features are clipped to what training rarely exceeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from triage.errors import UsageError
from triage.uncertainty.scores.energy import energy
from triage.uncertainty.scores.families import FeatureScore, Truth
from triage.uncertainty.scores.score import Floats, ScoreInfo, State


@dataclass
class React(FeatureScore):
    """s = energy of W min(f, c) + b, with c a percentile of all training features.

    Unusually large activations make a network sure of outliers; clipping takes them away
    (Sun et al. 2021). One c for all features.

    Parameters
    ----------
    percentile : float
        Of the training features, in (0, 100].

    Raises
    ------
    UsageError
        If the percentile is out of bounds.
    """

    percentile: float = 90.0

    info: ClassVar[ScoreInfo] = ScoreInfo(
        key="react",
        title="ReAct with energy",
        source="Sun et al. 2021",
        cost="the last layer once more",
    )

    def __post_init__(self) -> None:
        if not 0 < self.percentile <= 100:
            raise UsageError("the percentile must lie in (0, 100]", where=self.info.key)

    def learn(self, features: Floats, truth: Truth, weight: Floats, bias: Floats) -> State:
        """Learn the clip from training features [N, H]."""
        return {"clip": np.array(np.percentile(features, self.percentile))}

    def of(self, features: Floats, weight: Floats, bias: Floats, state: State) -> Floats:
        """Score features [N, H]; returns [N]."""
        clipped = np.minimum(features, features.dtype.type(state["clip"]))
        return energy(clipped @ weight.T + bias)
