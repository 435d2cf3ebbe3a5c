"""ViM: the residual as the logit of one more, virtual class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from triage.uncertainty.scores.energy import energy
from triage.uncertainty.scores.families import FeatureScore, Truth
from triage.uncertainty.scores.residual import check_dimensions, learn_residual, residual
from triage.uncertainty.scores.score import Floats, ScoreInfo, State


@dataclass
class Vim(FeatureScore):
    """s = alpha ||R^T (f - u)|| - log sum_c exp(z_c) (Wang et al. 2022).

    u and R as in `Residual`; alpha = mean max logit / mean residual, both over training.
    It ranks as the softmax probability of the virtual class
    does. Where training leaves no residual alpha is 0, which leaves the energy.

    A constant added to all logits of a case leaves their softmax as it is, but not the mean max
    logit, which the paper takes to be positive: a negative alpha would rank cases far outside
    the subspace as the most inlying. Where it is not positive (our addition), the mean over the
    classes is subtracted from the logits of each case, in training and in scoring: the last layer
    becomes W less the mean of its rows and b less its mean, and u, R and alpha are those of
    this layer. Where even then all logits are equal, as with one class, alpha is 1.

    Parameters
    ----------
    dimensions : int, optional
        Of the principal subspace; by default that of `principal_dimensions`.

    Raises
    ------
    UsageError
        If it is less than 1, or not less than the number of features when fitted.
    """

    dimensions: int | None = None

    info: ClassVar[ScoreInfo] = ScoreInfo(
        key="vim",
        title="Virtual-logit matching (ViM)",
        source="Wang et al. 2022",
        cost="one matrix product",
    )

    def __post_init__(self) -> None:
        check_dimensions(self.dimensions, self.info.key)

    def learn(self, features: Floats, truth: Truth, weight: Floats, bias: Floats) -> State:
        """Learn from training features [N, H]; the last layer is [K, H], [K].

        Returns
        -------
        State
            That of `learn_residual`, its `matrix` after the last layer [H, K]; `alpha` float64;
            `centred` bool, whether the logits are centred.
        """
        state = self._learn_layer(features, weight, bias) | {"centred": np.array(False)}
        top, left_over = _mean_max_logit_and_residual(features, bias, state)
        if not top > 0:
            centred = weight - weight.mean(axis=0)
            state = self._learn_layer(features, centred, bias - bias.mean())
            state["centred"] = np.array(True)
            top, left_over = _mean_max_logit_and_residual(features, bias, state)
        rounding = 1e-6 * np.sqrt(np.square(features, dtype=np.float64).sum(axis=1).mean())
        if not left_over > rounding:
            return state | {"alpha": np.array(0.0)}
        return state | {"alpha": np.array(top / left_over if top > 0 else 1.0)}

    def _learn_layer(self, features: Floats, weight: Floats, bias: Floats) -> State:
        state = learn_residual(features, weight, bias, self.dimensions, self.info.key)
        last_layer = weight.T.astype(np.float32)
        return state | {"matrix": np.hstack([last_layer, state["matrix"]])}

    def of(self, features: Floats, weight: Floats, bias: Floats, state: State) -> Floats:
        """Score features [N, H]; returns [N]."""
        logits, outside = _logits_and_residual(features, bias, state)
        return float(state["alpha"]) * outside + energy(logits)


def _logits_and_residual(features: Floats, bias: Floats, state: State) -> tuple[Floats, Floats]:
    """Both in one matrix product: the matrix begins with the last layer."""
    # states of earlier releases do not have the field, and their logits are as they are
    if state.get("centred"):
        bias = bias - bias.mean()
    features = features.astype(np.float32, copy=False)
    products = features @ state["matrix"]
    n_classes = len(bias)
    return products[:, :n_classes] + bias, residual(features, products[:, n_classes:], state)


def _mean_max_logit_and_residual(
    features: Floats, bias: Floats, state: State
) -> tuple[float, float]:
    logits, outside = _logits_and_residual(features, bias, state)
    top = logits.max(axis=1).mean(dtype=np.float64)
    return float(top), float(outside.mean(dtype=np.float64))
