"""Probabilistic principal components: a Gaussian with a few free directions and even noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from triage.uncertainty.scores.covariance import Array, principal_axes, variance_floor
from triage.uncertainty.scores.score import Floats, State


@dataclass(frozen=True)
class ProbabilisticPca:
    """N(mu, C) with C = U diag(v) U^T + noise (I - U U^T) (Tipping & Bishop 1999).

    Parameters
    ----------
    centre : float array [D]
    axes : float array [D, P]
        Leading principal axes U.
    variances : float array [P]
        Variance v along each, largest first.
    noise : float
        Mean variance along all other directions.
    """

    centre: Floats
    axes: Floats
    variances: Floats
    noise: float

    @classmethod
    def fit(cls, cases: Array, components: int) -> Self:
        """Maximum likelihood on float64 [N, D], N >= 2.

        P is `components`, but leaves at least one direction in D, and half of the N - 1 that
        the cases span, to the noise.
        """
        n, width = cases.shape
        floor = variance_floor(cases)
        centre = cases.mean(axis=0)
        kept = max(min(components, width - 1, (n - 1) // 2), 1)
        variances, axes = principal_axes(cases - centre, kept)
        rest = float(((cases - centre) ** 2).sum()) / n - float(variances.sum())
        noise = rest / max(width - len(variances), 1)
        return cls(centre, axes, np.maximum(variances, floor), max(noise, floor))

    @classmethod
    def of_state(cls, state: State) -> Self:
        """The model that `state` gave."""
        return cls(state["centre"], state["axes"], state["variances"], float(state["noise"]))

    def state(self) -> State:
        """The model as arrays, float32."""
        parts = {"centre": self.centre, "axes": self.axes, "variances": self.variances}
        state: State = {name: part.astype(np.float32) for name, part in parts.items()}
        return state | {"noise": np.array(self.noise)}

    def squares(self, embedding: Floats) -> tuple[Floats, Floats]:
        """Squared distance from the centre within the axes, in their units, and off the axes.

        Parameters
        ----------
        embedding : float array [N, D]

        Returns
        -------
        latent : float array [N]
            sum_j (U_j^T (x - mu))^2 / v_j
        residual : float array [N]
            ||x - mu||^2 - ||U^T (x - mu)||^2, the squared error of reconstruction.
        """
        centred = embedding - self.centre
        placed = centred @ self.axes
        total = np.einsum("nd,nd->n", centred, centred)
        np.square(placed, out=placed)
        return placed @ (1 / self.variances), np.maximum(total - placed.sum(axis=1), 0)

    def log_density(self, latent: Floats, residual: Floats) -> Floats:
        """Log-density, float array [N], of cases whose two `squares` are given."""
        width, kept = self.axes.shape
        constant = width * np.log(2 * np.pi) + np.log(self.variances.astype(np.float64)).sum()
        constant += (width - kept) * np.log(self.noise)
        density: Floats = -0.5 * (constant + latent + residual / self.noise)
        return density
