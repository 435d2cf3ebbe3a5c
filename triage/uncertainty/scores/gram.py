"""Gram-OOD*: statistics of feature maps outside the range that training showed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from triage.errors import UsageError
from triage.hashing import hash_bytes
from triage.uncertainty.scores.families import FeatureMapScore, Truth
from triage.uncertainty.scores.score import Floats, ScoreInfo, State

_EPSILON = 1e-5


@dataclass
class Gram(FeatureMapScore):
    """s = sum over layers of the deviation from the range of the class (Pacheco et al. 2020).

    A layer's deviation is the sum over its statistics x (`triage.backbones.feature_maps`) of
    max(0, lo - x) / |lo| + max(0, x - hi) / |hi|, with lo and hi the class's smallest and largest
    of training (Sastry & Oore 2020); each layer is divided by its mean deviation over cases
    held out of training. Our reading: ranges go by the true class of training cases (the
    authors take the predicted one), and a class without training cases has the range of all.

    Parameters
    ----------
    held_out : float
        Share of each class's training cases that norms the layers instead of setting ranges,
        in (0, 1). Which ones depends on their content, not on their order.

    Raises
    ------
    UsageError
        If the share is out of bounds.
    """

    held_out: float = 0.1

    info: ClassVar[ScoreInfo] = ScoreInfo(
        key="gram",
        title="Gram-OOD*",
        source="Pacheco et al. 2020, after Sastry & Oore 2020",
        cost="one forward pass of the backbone",
    )

    def __post_init__(self) -> None:
        if not 0 < self.held_out < 1:
            raise UsageError("the held-out share must lie in (0, 1)", where=self.info.key)

    def learn(self, maps: tuple[Floats, ...], truth: Truth) -> State:
        """Learn ranges and norms from training statistics, [N, P] a layer."""
        held = self._held_out(maps[0], truth)
        n_classes = int(truth.max()) + 1
        state: State = {}
        for layer, values in enumerate(maps):
            seen, classes = values[~held], truth[~held]
            of_class = [
                _range(seen[classes == c] if c in classes else seen) for c in range(n_classes)
            ]
            ranges = np.stack([*of_class, _range(seen)])
            state[f"low_{layer}"], state[f"high_{layer}"] = ranges[:, 0], ranges[:, 1]
            norm = 0.0
            if held.any():
                norm = float(self._deviation(values[held], truth[held], state, layer).mean())
            state[f"norm_{layer}"] = np.array(norm if norm > 0 else 1.0)
        return state

    def of(self, maps: tuple[Floats, ...], predicted: Truth, state: State) -> Floats:
        """Score statistics [N, P] a layer, given the predicted inlier classes [N]; returns [N].

        Raises
        ------
        UsageError
            If there are other layers than the score was fitted on.
        """
        widths = [values.shape[1] for values in maps]
        fitted = [state[f"low_{layer}"].shape[1] for layer in range(len(state) // 3)]
        if widths != fitted:
            raise UsageError(
                f"was fitted on layers of {fitted} statistics, not {widths}", where=self.info.key
            )
        total = np.zeros(len(predicted))
        for layer, values in enumerate(maps):
            deviation = self._deviation(values, predicted, state, layer)
            total += deviation / float(state[f"norm_{layer}"])
        return total

    def _held_out(self, values: Floats, truth: Truth) -> NDArray[np.bool_]:
        order = np.array([hash_bytes(row.tobytes()) for row in values])
        held = np.zeros(len(values), dtype=bool)
        for c in np.unique(truth):
            members = np.flatnonzero(truth == c)
            drawn = members[np.argsort(order[members])]
            held[drawn[: int(len(members) * self.held_out)]] = True
        return held

    @staticmethod
    def _deviation(values: Floats, classes: Truth, state: State, layer: int) -> Floats:
        low, high = state[f"low_{layer}"], state[f"high_{layer}"]
        rows = np.minimum(classes, len(low) - 1)  # the last row is the range of all classes
        low, high = low[rows], high[rows]
        below = np.maximum(low - values, 0) / (np.abs(low) + _EPSILON)
        above = np.maximum(values - high, 0) / (np.abs(high) + _EPSILON)
        deviation: Floats = (below + above).sum(axis=1, dtype=np.float64)
        return deviation


def _range(values: Floats) -> Floats:
    return np.stack([values.min(axis=0), values.max(axis=0)])
