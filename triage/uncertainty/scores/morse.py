"""Morse network: a small network learns where training embeddings lie in the box around them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from triage.errors import UsageError
from triage.uncertainty.scores.covariance import (
    check_cases,
    principal_axes,
    variance_floor,
)
from triage.uncertainty.scores.families import EmbeddingScore, Truth
from triage.uncertainty.scores.score import Floats, ScoreInfo, State

Weights = dict[str, NDArray[np.float32]]

_BATCH = 128
_MOMENTS = (0.9, 0.999)


@dataclass
class Morse(EmbeddingScore):
    """Unsupervised Morse network on embeddings (Dherin et al. 2023).

    A network phi with one hidden ReLU layer learns mu(x) = exp(-lambda^2/2 ||phi(x) - a||^2) by
    the loss -E_train[log mu] + E_uniform[mu]. The point a is the origin: the last layer's bias
    moves it anywhere. The paper's score is 1 - mu(x); ours is -log mu(x), which orders cases the
    same way and still separates distant cases where mu is zero to machine precision.

    The network reads the leading principal components of the training cases, each brought
    to variance 1, and the uniform law is that of the box they span: in all of 1,024
    dimensions every uniform draw is so far from all cases that nothing is learned from it.

    Parameters
    ----------
    components, hidden, outputs : int
        Width of the network's input (at most D and N - 1), hidden layer and output.
    scale : float
        lambda, above 0.
    steps : int
        Steps of Adam on batches of 128 cases and 128 uniform draws.
    rate : float
        Adam's step size, falling linearly to nothing.
    seed : int
        Not negative. The same seed gives the same numbers for the same training cases in the
        same order: batches are drawn by row, so another order changes them a little.

    Raises
    ------
    UsageError
        If a setting is out of its range.
    """

    info: ClassVar[ScoreInfo] = ScoreInfo(
        key="morse",
        title="Morse network",
        source="Dherin et al. 2023",
        cost="one matrix product, D x P, and a small network",
    )

    components: int = 32
    hidden: int = 64
    outputs: int = 8
    scale: float = 1.0
    steps: int = 600
    rate: float = 0.003
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the settings."""
        for name in ("components", "hidden", "outputs", "steps", "scale", "rate"):
            if not getattr(self, name) > 0:
                raise UsageError(f"{name} is not above 0", where=self.info.key)
        if self.seed < 0:
            raise UsageError(f"the seed is {self.seed}: at least 0 is needed", where=self.info.key)

    def learn(self, embedding: Floats, truth: Truth) -> State:
        """Learn the components' map and the network's weights."""
        cases = check_cases(embedding, self.info.key)
        centre = cases.mean(axis=0)
        variances, axes = principal_axes(cases - centre, self.components)
        axes = axes / np.sqrt(np.maximum(variances, variance_floor(cases)))
        inputs = ((cases - centre) @ axes).astype(np.float32)
        state = {"centre": centre.astype(np.float32), "axes": axes.astype(np.float32)}
        return state | self._train(inputs)

    def of(self, embedding: Floats, state: State) -> Floats:
        """-log mu of embeddings [N, D], float32 [N]."""
        inputs = (embedding.astype(np.float32, copy=False) - state["centre"]) @ state["axes"]
        return potential(state, inputs, self.scale)

    def _train(self, cases: NDArray[np.float32]) -> Weights:
        rng = np.random.default_rng(self.seed)
        low, high = cases.min(axis=0), cases.max(axis=0)
        weights = self._initial(cases.shape[1], rng)
        first = {name: np.zeros_like(weight) for name, weight in weights.items()}
        second = {name: np.zeros_like(weight) for name, weight in weights.items()}
        for step in range(1, self.steps + 1):
            batch = cases[rng.integers(len(cases), size=_BATCH)]
            uniform = low + (high - low) * rng.random((_BATCH, len(low)), dtype=np.float32)
            _, slopes = loss(weights, batch, uniform, self.scale)
            rate = self.rate * (1 - (step - 1) / self.steps)
            for name, slope in slopes.items():
                first[name] += (1 - _MOMENTS[0]) * (slope - first[name])
                second[name] += (1 - _MOMENTS[1]) * (slope**2 - second[name])
                mean = first[name] / (1 - _MOMENTS[0] ** step)
                size = np.sqrt(second[name] / (1 - _MOMENTS[1] ** step)) + 1e-8
                weights[name] -= rate * mean / size
        return weights

    def _initial(self, width: int, rng: np.random.Generator) -> Weights:
        shapes = {"weight1": (width, self.hidden), "weight2": (self.hidden, self.outputs)}
        weights = {
            name: rng.standard_normal(shape, dtype=np.float32) * np.float32(np.sqrt(2 / shape[0]))
            for name, shape in shapes.items()
        }
        return weights | {
            "bias1": np.zeros(self.hidden, np.float32),
            "bias2": np.zeros(self.outputs, np.float32),
        }


def potential(weights: State, inputs: Floats, scale: float) -> Floats:
    """-log mu = lambda^2/2 ||phi||^2 of inputs [N, P], float [N]."""
    hidden = np.maximum(inputs @ weights["weight1"] + weights["bias1"], 0)
    phi = hidden @ weights["weight2"] + weights["bias2"]
    energy: Floats = scale**2 / 2 * np.einsum("nk,nk->n", phi, phi)
    return energy


def loss(weights: State, cases: Floats, uniform: Floats, scale: float) -> tuple[float, State]:
    """The loss -E_cases[log mu] + E_uniform[mu], and its gradient by weight.

    Parameters
    ----------
    weights : dict of float array
        `weight1` [P, H], `bias1` [H], `weight2` [H, K], `bias2` [K].
    cases, uniform : float array [N, P], [M, P]
    scale : float
        lambda.
    """
    inputs = np.concatenate([cases, uniform])
    before = inputs @ weights["weight1"] + weights["bias1"]
    hidden = np.maximum(before, 0)
    phi = hidden @ weights["weight2"] + weights["bias2"]
    energy = scale**2 / 2 * np.einsum("nk,nk->n", phi, phi)
    density = np.exp(-energy[len(cases) :])
    value = float(energy[: len(cases)].mean() + density.mean())
    # d loss / d energy: 1/N on cases, -mu/M on uniform draws; d energy / d phi = lambda^2 phi
    slope = np.concatenate([np.full(len(cases), 1 / len(cases)), -density / len(uniform)])
    to_phi = (scale**2 * slope[:, None] * phi).astype(phi.dtype)
    to_before = (to_phi @ weights["weight2"].T) * (before > 0)
    return value, {
        "weight1": inputs.T @ to_before,
        "bias1": to_before.sum(axis=0),
        "weight2": hidden.T @ to_phi,
        "bias2": to_phi.sum(axis=0),
    }
