"""Distance to the nearest training pictures: of their statistics, or of their embeddings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from triage.uncertainty.scores.covariance import (
    chosen_shrinkage,
    principal_axes,
    shrunk_covariance,
)

NEIGHBOUR = 3
"""Which neighbour: one odd picture among those trained on must not make others like it usual."""
MOST_PICTURES = 4096
"""Training pictures kept for comparison, evenly spaced where there are more."""
_ROWS = 512
_TINY = 1e-12


@dataclass(frozen=True)
class NeighbourDistance:
    """Distance to the k-th nearest training picture (Sun et al. 2022).

    Parameters
    ----------
    centre : float32 array [D]
        About the middle of the training pictures.
    axes : float32 array [D, P]
        Map to the coordinates in which pictures are compared.
    table : float32 array [N, P]
        The training pictures in these coordinates.
    remainder : float32 array [N], optional
        Squared length of what the axes leave of each training picture, where they are orthonormal.
        What two pictures share beyond the axes is neglected, which is little.
    """

    centre: NDArray[np.float32]
    axes: NDArray[np.float32]
    table: NDArray[np.float32]
    remainder: NDArray[np.float32] | None = None

    @classmethod
    def whitened(cls, values: NDArray[np.floating], floor: float) -> Self:
        """Compare in coordinates in which the training pictures [N, D] have unit covariance.

        Parameters
        ----------
        values : float array [N, D]
            With N at least 2.
        floor : float
            Added to every standard deviation: what is equal in all training pictures must not
            make the least difference infinite.

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
        axes = turn / np.sqrt(variances) / scale[:, None]
        table = (exact[_kept(len(exact))] - centre) @ axes
        return cls(*(part.astype(np.float32) for part in (centre, axes, table)))

    @classmethod
    def plain(cls, values: NDArray[np.floating], components: int) -> Self:
        """Compare the training pictures [N, D] as they are; only their principal axes are kept.

        Whitening would drown the directions in which nothing trained on differs, and these tell
        other kinds of pictures.
        """
        exact = values.astype(np.float64)
        centre = exact.mean(axis=0)
        _, axes = principal_axes(exact - centre, components)
        centred = exact[_kept(len(exact))] - centre
        table = centred @ axes
        remainder = np.maximum((centred**2).sum(axis=1) - (table**2).sum(axis=1), 0)
        return cls(*(part.astype(np.float32) for part in (centre, axes, table, remainder)))

    def __call__(self, values: NDArray[np.floating]) -> NDArray[np.float64]:
        """Logarithm of the distance of pictures [M, D], float64 [M]."""
        found = [
            self._part(values[start : start + _ROWS]) for start in range(0, len(values), _ROWS)
        ]
        return np.concatenate(found) if found else np.zeros(0)

    def _part(self, values: NDArray[np.floating]) -> NDArray[np.float64]:
        centred = values.astype(np.float64) - self.centre
        placed, table = centred @ self.axes, self.table.astype(np.float64)
        own = (placed**2).sum(axis=1)
        squares = own[:, None] + (table**2).sum(axis=1) - 2 * placed @ table.T
        if self.remainder is not None:
            rest = np.maximum((centred**2).sum(axis=1) - own, 0)
            squares += rest[:, None] + self.remainder
        k = min(NEIGHBOUR, len(table)) - 1
        nearest = np.partition(squares, k, axis=1)[:, k]
        distance: NDArray[np.float64] = 0.5 * np.log(np.maximum(nearest, _TINY))
        return distance


def _kept(n: int) -> NDArray[np.int64]:
    """Rows of the training pictures that others are compared with."""
    return np.linspace(0, n - 1, min(n, MOST_PICTURES)).round().astype(np.int64)
