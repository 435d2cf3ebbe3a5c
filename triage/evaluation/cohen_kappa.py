"""Cohen's kappa of two readers of the same cases, with an interval from whole clusters."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from triage.evaluation.bootstrap import CHUNK_ELEMENTS
from triage.evaluation.bootstrap_intervals import quantiles, widened
from triage.evaluation.metrics.weighted import FloatArray

_Disagreement = Callable[[FloatArray], tuple[FloatArray, FloatArray]]
"""Weights of the cells of the table [B, C] to the observed and expected disagreement [B]."""


@dataclass(frozen=True, slots=True)
class Kappa:
    """Agreement beyond chance.

    Parameters
    ----------
    n_cases, n_clusters : int
    value : float or None
        1 of full agreement, 0 of as much as by chance; None without cases, or where both readers
        gave one and the same answer to all, so that chance alone would make them agree.
    low, high : float or None
        95 % interval; None of fewer than two clusters.
    """

    n_cases: int
    n_clusters: int
    value: float | None = None
    low: float | None = None
    high: float | None = None


def nominal_kappa(
    one: Sequence[Hashable], other: Sequence[Hashable], clusters: Sequence[Hashable], **draws: int
) -> Kappa:
    """Kappa of answers without an order: every disagreement counts the same.

    ``(p_o - p_e) / (1 - p_e)``, with p_o the share of equal answers and p_e the share that is
    expected of independent readers with the same frequencies (Cohen 1960).

    Parameters
    ----------
    one, other : sequence of N answers
        Of both readers, in the same order of cases.
    clusters : sequence of N
        What is resampled as a whole: the patient of each case.
    **draws : int
        `n_resamples` (1000) and `seed` (0).
    """
    cells = list(dict.fromkeys(zip(one, other, strict=True)))
    numbers: dict[Hashable, int] = {}
    codes = [
        np.array([numbers.setdefault(cell[reader], len(numbers)) for cell in cells], dtype=np.int64)
        for reader in (0, 1)
    ]

    def disagreement(weights: FloatArray) -> tuple[FloatArray, FloatArray]:
        total = weights.sum(axis=1)
        observed = weights @ (codes[0] != codes[1]).astype(np.float64) / total
        shares = [_frequencies(each, len(numbers), weights) / total for each in codes]
        return observed, 1 - (shares[0] * shares[1]).sum(axis=0)

    return _kappa(cells, zip(one, other, strict=True), clusters, disagreement, **draws)


def quadratic_kappa(
    one: Sequence[int], other: Sequence[int], clusters: Sequence[Hashable], **draws: int
) -> Kappa:
    """Kappa of answers on a scale: a disagreement counts by the square of its levels.

    ``1 - sum_ij d_ij o_ij / sum_ij d_ij e_ij`` with ``d_ij = (i - j)^2``, o the observed and e the
    expected shares (Cohen 1968). The expected sum is ``E[a^2] + E[b^2] - 2 E[a] E[b]``.

    Parameters
    ----------
    one, other : sequence of N int
        Level of each answer.
    clusters : sequence of N
    **draws : int
        As for `nominal_kappa`.
    """
    cells = list(dict.fromkeys(zip(one, other, strict=True)))
    a, b = (np.array([cell[reader] for cell in cells], dtype=np.float64) for reader in (0, 1))

    def disagreement(weights: FloatArray) -> tuple[FloatArray, FloatArray]:
        total = weights.sum(axis=1)
        observed = weights @ (a - b) ** 2 / total
        mean_a, mean_b = weights @ a / total, weights @ b / total
        return observed, weights @ (a**2 + b**2) / total - 2 * mean_a * mean_b

    return _kappa(cells, zip(one, other, strict=True), clusters, disagreement, **draws)


def _frequencies(codes: NDArray[np.int64], categories: int, weights: FloatArray) -> FloatArray:
    """Weight of each category [K, B] in each resample, from those of the cells."""
    cells = (np.ones(len(codes)), (codes, np.arange(len(codes))))
    found: FloatArray = sparse.csr_array(cells, shape=(categories, len(codes))) @ weights.T
    return found


def _kappa(
    cells: Sequence[Hashable],
    answers: Iterable[Hashable],
    clusters: Sequence[Hashable],
    disagreement: _Disagreement,
    *,
    n_resamples: int = 1000,
    seed: int = 0,
) -> Kappa:
    """Kappa of a table of answers.

    Parameters
    ----------
    cells : sequence of C
        The distinct pairs of answers.
    answers : iterable of N
        The pair of each case.
    clusters : sequence of N
    disagreement : callable
        Of weights of the cells.
    """
    numbers = {cell: number for number, cell in enumerate(cells)}
    by_cluster: dict[Hashable, list[int]] = {}
    for cluster, pair in zip(clusters, answers, strict=True):
        by_cluster.setdefault(cluster, []).append(numbers[pair])
    n_cases, n_clusters = len(clusters), len(by_cluster)
    if n_cases == 0:
        return Kappa(0, 0)
    counts = np.bincount([cell for found in by_cluster.values() for cell in found])
    value = float(_ratio(*disagreement(counts[None].astype(np.float64)))[0])
    if not math.isfinite(value) or n_clusters < 2:
        return Kappa(n_cases, n_clusters, value if math.isfinite(value) else None)
    drawn = np.concatenate(
        [
            _ratio(*disagreement(weights))
            for weights in _cell_weights(
                by_cluster.values(), len(cells), n_resamples=n_resamples, seed=seed
            )
        ]
    )
    drawn = drawn[np.isfinite(drawn)]
    if drawn.size == 0:
        return Kappa(n_cases, n_clusters, value)
    low, high = widened(*quantiles(drawn), n_clusters)
    return Kappa(n_cases, n_clusters, value, max(low, -1.0), min(high, 1.0))


def _cell_weights(
    clusters: Iterable[list[int]], n_cells: int, *, n_resamples: int, seed: int
) -> Iterator[FloatArray]:
    """Draw clusters with replacement and yield how often each cell was drawn [b, C].

    Clusters with the same cells are exchangeable, so the number of each kind of cluster is drawn:
    the same distribution as `triage.evaluation.bootstrap.cluster_weights`, from fewer numbers.
    """
    kinds = Counter(tuple(sorted(cells)) for cells in clusters)
    n_clusters = sum(kinds.values())
    shares = np.array([count / n_clusters for count in kinds.values()])
    rows = [(kind, cell) for kind, cells in enumerate(kinds) for cell in cells]
    place = tuple(np.array(rows, dtype=np.int64).T)
    cells_of = sparse.coo_array((np.ones(len(rows)), place), shape=(len(kinds), n_cells)).tocsr()
    generator = np.random.default_rng(seed)
    step = max(1, CHUNK_ELEMENTS // max(len(kinds), n_cells))
    for start in range(0, n_resamples, step):
        size = min(step, n_resamples - start)
        counts = generator.multinomial(n_clusters, shares, size=size)
        weights: FloatArray = (cells_of.T @ counts.T.astype(np.float64)).T
        yield weights


def _ratio(observed: FloatArray, expected: FloatArray) -> FloatArray:
    """Kappa of each resample; NaN where no disagreement is expected."""
    defined = expected > 1e-12  # what rounding leaves of no disagreement
    found: FloatArray = np.where(defined, 1 - observed / np.where(defined, expected, 1), np.nan)
    return found
