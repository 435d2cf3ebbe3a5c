"""How typical several statistics of a generative model are: density of states."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from triage.uncertainty.scores.covariance import Array, check_cases, check_components
from triage.uncertainty.scores.families import EmbeddingScore, Truth
from triage.uncertainty.scores.probabilistic_pca import ProbabilisticPca
from triage.uncertainty.scores.score import Floats, ScoreInfo, State

FOLDS = 5
GRID = 1024
_MARGIN = 3.0
"""The grid reaches so many bandwidths beyond the training cases."""


@dataclass
class Dose(EmbeddingScore):
    """s = -sum_i log q_i(T_i(f)) (Morningstar et al. 2021, density of states estimator).

    The generative model is probabilistic principal components, without labels. Its statistics
    T_i are the log-density, the squared error of reconstruction, the squared distance in the
    latent space, and the length of the embedding itself. Each q_i is a Gaussian kernel density
    with Scott's bandwidth. A case is out-of-distribution where a statistic is rare on training
    cases: also where the density is *higher* than training cases have.

    A model has seen its training cases, so their statistics would look better than those of
    any new case: the kernels stand on statistics of held-out fifths, each under a model of the
    other cases, while new cases are judged by the model of all. With fewer than 4 training
    cases there is nothing to hold out, and their own statistics are taken. Which fifth a case is in
    depends on its row, so another order of the training cases changes the score a little.

    Parameters
    ----------
    components : int
        Latent dimensions of the model, at most D - 1 and half the training cases.

    Raises
    ------
    UsageError
        If the number of components is below 1.
    """

    info: ClassVar[ScoreInfo] = ScoreInfo(
        key="dose",
        title="Density of states (DoSE)",
        source="Morningstar et al. 2021, on probabilistic PCA of embeddings",
        cost="one matrix product, D x P",
    )

    components: int = 64

    def __post_init__(self) -> None:
        """Check the number of components."""
        check_components(self.components, self.info.key)

    def learn(self, embedding: Floats, truth: Truth) -> State:
        """Learn the model, and the log-density of each of its statistics on a grid."""
        cases = check_cases(embedding, self.info.key)
        seen = self._held_out_statistics(cases)
        grids, logs = zip(*(kernel_density(statistic) for statistic in seen.T), strict=True)
        model = ProbabilisticPca.fit(cases, self.components)
        return model.state() | {"grids": np.stack(grids), "logs": np.stack(logs)}

    def of(self, embedding: Floats, state: State) -> Floats:
        """Summed rarity of the statistics of embeddings [N, D], float64 [N]."""
        found = statistics(
            ProbabilisticPca.of_state(state), embedding.astype(np.float32, copy=False)
        )
        logs = [
            interpolate(column, grid, log)
            for column, grid, log in zip(found.T, state["grids"], state["logs"], strict=True)
        ]
        score: NDArray[np.float64] = -np.sum(logs, axis=0)
        return score

    def _held_out_statistics(self, cases: Array) -> Array:
        folds = min(FOLDS, len(cases) // 2)
        if folds < 2:
            return statistics(ProbabilisticPca.fit(cases, self.components), cases)
        # every fifth case: rows that lie together often come from one patient or one file
        fold = np.arange(len(cases)) % folds
        found = np.empty((len(cases), 4))
        for held in range(folds):
            model = ProbabilisticPca.fit(cases[fold != held], self.components)
            found[fold == held] = statistics(model, cases[fold == held])
        return found


def statistics(model: ProbabilisticPca, embedding: Floats) -> Array:
    """Log-density, squared error of reconstruction, latent distance and length, float64 [N, 4]."""
    latent, residual = model.squares(embedding)
    length = np.sqrt(np.einsum("nd,nd->n", embedding, embedding))
    columns = [model.log_density(latent, residual), residual, latent, length]
    return np.stack(columns, axis=1).astype(np.float64)


def kernel_density(values: Array) -> tuple[Array, Array]:
    """Tabulate a Gaussian kernel density with Scott's bandwidth, std * N^(-1/5).

    Parameters
    ----------
    values : float64 array [N]
        N >= 2 observations of one statistic.

    Returns
    -------
    grid, log_density : float64 array [1024]
        Even points from 3 bandwidths below the least value to 3 above the largest, and the log
        of the density there. Where all values are the same the bandwidth is a millionth of them.
    """
    from scipy.stats import gaussian_kde

    bandwidth = float(values.std(ddof=1)) * len(values) ** -0.2
    least = 1e-6 * float(np.abs(values).max()) or 1e-6
    if bandwidth < least:  # gaussian_kde refuses values without spread
        grid = values.mean() + np.linspace(-_MARGIN, _MARGIN, GRID) * least
        density = -0.5 * ((grid - values.mean()) / least) ** 2
        return grid, density - np.log(least * np.sqrt(2 * np.pi))
    margin = _MARGIN * bandwidth
    grid = np.linspace(values.min() - margin, values.max() + margin, GRID)
    return grid, gaussian_kde(values).logpdf(grid)


def interpolate(values: Array, grid: Array, log_density: Array) -> Array:
    """Log-density at values [N]: linear between the grid's points, and beyond it as it ends.

    A density of zero beyond the grid would give all far cases the same score.
    """
    step = grid[1] - grid[0]
    below = np.minimum(values - grid[0], 0) * (log_density[1] - log_density[0]) / step
    above = np.maximum(values - grid[-1], 0) * (log_density[-1] - log_density[-2]) / step
    inside: Array = np.interp(values, grid, log_density)
    extended: Array = inside + below + above
    return extended
