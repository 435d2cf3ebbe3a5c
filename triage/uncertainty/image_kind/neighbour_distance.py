"""Distance to the nearest training pictures, in coordinates in which these spread evenly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from triage.uncertainty.scores.covariance import chosen_shrinkage, shrunk_covariance

NEIGHBOUR = 3
"""Which neighbour: one odd picture among those trained on must not make others like it usual."""
MOST_PICTURES = 4096
"""Training pictures kept for comparison, evenly spaced where there are more."""
_ROWS = 512
_TINY = 1e-12


@dataclass(frozen=True)
class NeighbourDistance:
    """Distance to the k-th nearest training picture (Sun et al. 2022), in whitened coordinates.

    Parameters
    ----------
    centre : float32 array [D]
        Median of the training pictures.
    axes : float32 array [D, P]
        Map to coordinates in which the training pictures have about unit covariance.
    table : float32 array [N, P]
        The training pictures in these coordinates.
    """

    centre: NDArray[np.float32]
    axes: NDArray[np.float32]
    table: NDArray[np.float32]

    @classmethod
    def fit(
        cls, values: NDArray[np.floating], *, floor: float, components: int | None = None
    ) -> Self:
        """Learn from training pictures.

        Parameters
        ----------
        values : float array [N, D]
            With N at least 2.
        floor : float
            Added to every standard deviation: what is equal in all training pictures must not
            make the least difference infinite.
        components : int, optional
            Leading principal axes kept; all by default.

        Notes
        -----
        The covariance of the standardised values is shrunk after Ledoit & Wolf 2004.
        """
        exact = values.astype(np.float64)
        centre = np.median(exact, axis=0)
        scale = exact.std(axis=0) + floor
        standard = (exact - centre) / scale
        centred = standard - standard.mean(axis=0)
        covariance = shrunk_covariance(centred, chosen_shrinkage(centred), _TINY)
        variances, turn = np.linalg.eigh(covariance)
        kept = slice(None) if components is None else slice(-components, None)
        axes = turn[:, kept] / np.sqrt(variances[kept]) / scale[:, None]
        rows = np.linspace(0, len(exact) - 1, min(len(exact), MOST_PICTURES)).round().astype(int)
        table = (exact[rows] - centre) @ axes
        return cls(*(part.astype(np.float32) for part in (centre, axes, table)))

    def __call__(self, values: NDArray[np.floating]) -> NDArray[np.float64]:
        """Logarithm of the distance of pictures [M, D], float64 [M]."""
        found = [
            self._part(values[start : start + _ROWS]) for start in range(0, len(values), _ROWS)
        ]
        return np.concatenate(found) if found else np.zeros(0)

    def _part(self, values: NDArray[np.floating]) -> NDArray[np.float64]:
        placed = (values.astype(np.float64) - self.centre) @ self.axes
        table = self.table.astype(np.float64)
        squares = (placed**2).sum(axis=1)[:, None] + (table**2).sum(axis=1) - 2 * placed @ table.T
        k = min(NEIGHBOUR, len(table)) - 1
        nearest = np.partition(squares, k, axis=1)[:, k]
        distance: NDArray[np.float64] = 0.5 * np.log(np.maximum(nearest, _TINY))
        return distance
