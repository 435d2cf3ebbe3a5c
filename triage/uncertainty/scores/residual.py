"""Residual: how far features lie outside the principal subspace of training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from triage.errors import UsageError
from triage.uncertainty.scores.families import FeatureScore, Truth
from triage.uncertainty.scores.score import Floats, ScoreInfo, State

SMALLEST_SHARE = 1e-3
"""Below this share of the squared length, a residual is not computed as a difference in float32."""


def principal_dimensions(width: int, n_cases: int) -> int:
    """Dimensions of the principal subspace where none are given.

    1,000 from 2,048 features on, else 256 (as published implementations have it); half of the
    features where there are no more than 256, and at most half as many as cases, for with a
    dimension to each case nothing would be left over (both ours).
    """
    usual = 1000 if width >= 2048 else 256 if width > 256 else width // 2
    return min(usual, n_cases // 2)


def learn_residual(
    features: Floats, weight: Floats, bias: Floats, dimensions: int | None, where: str
) -> State:
    """Learn the origin and the subspace whose complement the residual is measured in.

    Parameters
    ----------
    features : float array [N, H]
        Of training.
    weight, bias : float array [K, H], [K]
        The last layer.
    dimensions : int or None
        Of the principal subspace; None is `principal_dimensions`.
    where : str
        The score, for messages.

    Returns
    -------
    State
        `matrix` float32 [H, R + 1]: an orthonormal basis of the principal subspace or of its
        complement, and the origin u; `complement` bool, which of the two it is; `shift`
        float32 [R], u on the basis; `length` float64, ||u||^2.

    Raises
    ------
    UsageError
        If the principal subspace would leave no dimension of the features.
    """
    n_cases, width = features.shape
    chosen = principal_dimensions(width, n_cases) if dimensions is None else dimensions
    if chosen >= width:
        raise UsageError(
            f"{chosen} principal dimensions of {width} features leave nothing over",
            where=where,
            hint="Choose fewer dimensions.",
        )
    origin = -np.linalg.pinv(weight.astype(np.float64)) @ bias
    centred = features - origin
    values, vectors = np.linalg.eigh(centred.T @ centred / n_cases)  # ascending
    complement, principal = np.split(vectors, [width - chosen], axis=1)
    length = float(origin @ origin)
    left_over = values[: width - chosen].clip(0).sum()
    subtracted = np.square(features, dtype=np.float64).sum() / n_cases + length
    direct = bool(left_over < SMALLEST_SHARE * subtracted or complement.shape[1] <= chosen)
    basis = complement if direct else principal
    return {
        "matrix": np.column_stack([basis, origin]).astype(np.float32),
        "shift": (origin @ basis).astype(np.float32),
        "length": np.array(length),
        "complement": np.array(direct),
    }


def residual(features: Floats, products: Floats, state: State) -> Floats:
    """Return ||R^T (f - u)||, float32 [N]; R spans the complement of the principal subspace.

    The principal subspace P is usually the smaller of the two. The squared residual is then
    ||f||^2 - 2 f.u + ||u||^2 - ||P^T (f - u)||^2: all but the first in one thin product.

    Parameters
    ----------
    features : float32 array [N, H]
    products : float32 array [N, R + 1]
        Features times the `matrix` of the state.
    state : State
        As `learn_residual` returns it.
    """
    projected = products[:, :-1] - state["shift"]
    square = np.vecdot(projected, projected)
    if not state["complement"]:
        length = np.vecdot(features, features) - 2.0 * products[:, -1]
        square = np.maximum(length + np.float32(state["length"]) - square, 0.0)
    outside: Floats = np.sqrt(square)
    return outside


@dataclass
class Residual(FeatureScore):
    """s = ||R^T (f - u)||, u = - pinv(W) b (Wang et al. 2022, the residual of ViM alone).

    R spans the complement of the D principal directions of the training features around u,
    the point where all logits are as close to zero as they can be.

    Parameters
    ----------
    dimensions : int, optional
        D; by default that of `principal_dimensions`.

    Raises
    ------
    UsageError
        If D is less than 1, or not less than the number of features when fitted.
    """

    dimensions: int | None = None

    info: ClassVar[ScoreInfo] = ScoreInfo(
        key="residual",
        title="Residual",
        source="Wang et al. 2022",
        cost="one matrix product",
    )

    def __post_init__(self) -> None:
        check_dimensions(self.dimensions, self.info.key)

    def learn(self, features: Floats, truth: Truth, weight: Floats, bias: Floats) -> State:
        """Learn from training features [N, H]; the last layer is [K, H], [K]."""
        return learn_residual(features, weight, bias, self.dimensions, self.info.key)

    def of(self, features: Floats, weight: Floats, bias: Floats, state: State) -> Floats:
        """Score features [N, H]; returns [N]."""
        features = features.astype(np.float32, copy=False)
        return residual(features, features @ state["matrix"], state)


def check_dimensions(dimensions: int | None, where: str) -> None:
    """Raise UsageError unless there is at least one dimension, or None."""
    if dimensions is not None and dimensions < 1:
        raise UsageError("needs at least one principal dimension", where=where)
