"""Drift of vectors: maximum mean discrepancy with a Gaussian kernel, by permutation.

Gretton et al. 2012: the unbiased estimate of MMD^2, lemma 6, with k(x, y) = exp(-|x - y|^2 / (2
s^2)). The convention for s, of two in use: s^2 is half the median of the *squared* distances
between reference cases; s as the median distance would be larger by the square root of 2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from triage.errors import UsageError
from triage.monitoring.drift_test import (
    MIN_CURRENT,
    DriftTest,
    judged,
    permutations_for,
    too_few,
)
from triage.vocabulary.monitoring import ChartVerdict

Floats = NDArray[np.float64]
Places = NDArray[np.int64]
BASIS_SHARE = 1 / 3
"""Of the reference's patients: those that components and bandwidth are taken from."""
N_HALVES = 200
ENOUGH_ABOVE = 50
"""Permuted values as large as the true one after which no more are drawn."""
_QUANTILE = 0.95
_ELEMENTS = 2**21
_METHOD = "kernel MMD by permutation"


@dataclass(frozen=True)
class _Sample:
    """Vectors [n, D] and the patient of each as a number, 0 to the number of patients - 1."""

    vectors: Floats
    unit: Places

    @property
    def n_units(self) -> int:
        return int(self.unit.max()) + 1 if len(self.unit) else 0

    def of_units(self, chosen: Places) -> _Sample:
        held = np.isin(self.unit, chosen)
        return _Sample(self.vectors[held], _numbered(self.unit[held]))


def mmd_test(
    reference: ArrayLike,
    current: ArrayLike,
    *,
    units: tuple[ArrayLike, ArrayLike] | None = None,
    level: float = 0.05,
    n_permutations: int = 999,
    seed: int = 0,
    n_components: int = 20,
    max_cases: int = 2000,
) -> DriftTest:
    """Test whether two samples of vectors come from one distribution.

    The p-value is (1 + b) / (1 + B), b of B permutations having an MMD^2 at least as large. What
    is permuted are patients with all their vectors, so that several vectors of a patient are no
    evidence of drift; a patient of both samples counts once in each. Components and bandwidth are
    taken from a third of the reference's patients, chosen by the seed, which the test then leaves
    out: taken from the cases that are tested they would tell the two samples apart. The kernel
    matrix is computed once.

    A level below 2 / (1 + n_permutations) needs more permutations: these are drawn until 50 had an
    MMD^2 as large, and the p-value is then 50 / (number drawn) (Besag & Clifford 1991).

    Parameters
    ----------
    reference : float array [n, D]
    current : float array [m, D]
    units : (array [n], array [m]), optional
        Patients of both; else every vector is one.
    level : float
        Probability of an alarm without drift.
    n_permutations : int
        At least as many as the level needs.
    seed : int
    n_components : int
        Wider vectors are projected onto so many principal components.
    max_cases : int
        Of each sample; more are thinned at random, whole patients at a time.

    Returns
    -------
    DriftTest
        The effect is MMD^2 as multiples of the 95 % quantile of that between random halves of the
        reference's patients: it does not grow with the number of cases. Where the bandwidth is 0,
        the answer is `not enough evidence`.

    Raises
    ------
    UsageError
        If shapes do not fit, or a value is not finite.
    """
    old, new = _samples(reference, current, units)
    number = permutations_for(level, n_permutations)
    if few := too_few(_METHOD, old.n_units, new.n_units, level):
        return few
    generator = np.random.default_rng(seed)
    shuffled = generator.permutation(old.n_units)
    n_basis = max(1, round(BASIS_SHARE * old.n_units))
    basis, old = old.of_units(shuffled[:n_basis]), old.of_units(shuffled[n_basis:])
    seen = len(old.vectors), len(new.vectors)
    basis, old, new = (_thinned(sample, max_cases, generator) for sample in (basis, old, new))
    project = _projection(basis.vectors, n_components)
    squared = _median_squared_distance(project(basis.vectors))
    if squared == 0:
        note = "half of the reference's vectors are equal: there is no bandwidth"
        return _untested(len(old.vectors), len(new.vectors), level, note)
    kernel = _kernel(project(np.concatenate([old.vectors, new.vectors])), squared)
    return _tested(
        kernel, old, new, level=level, number=number, exact=number <= n_permutations,
        generator=generator, note=_note(seen, old, new, n_basis),
    )  # fmt: skip


def unbiased_mmd(kernel: Floats, is_current: NDArray[np.bool_]) -> Floats:
    """MMD^2 of B divisions of N cases, from their kernel matrix.

    Parameters
    ----------
    kernel : float array [N, N]
        With zeros on the diagonal, which the unbiased estimate leaves out.
    is_current : bool array [B, N]

    Returns
    -------
    float array [B]
    """
    chosen = is_current.T.astype(np.float64)
    m = chosen.sum(axis=0)
    n = len(kernel) - m
    within_new = (chosen * (kernel @ chosen)).sum(axis=0)
    cross = kernel.sum(axis=1) @ chosen - within_new
    within_old = kernel.sum() - 2 * cross - within_new
    found: Floats = within_old / (n * (n - 1)) + within_new / (m * (m - 1)) - 2 * cross / (n * m)
    return found


def _samples(
    reference: ArrayLike, current: ArrayLike, units: tuple[ArrayLike, ArrayLike] | None
) -> tuple[_Sample, _Sample]:
    vectors = [np.asarray(given, dtype=np.float64) for given in (reference, current)]
    if any(given.ndim != 2 for given in vectors) or vectors[0].shape[1] != vectors[1].shape[1]:
        shapes = " and ".join(str(given.shape) for given in vectors)
        raise UsageError(f"vectors have shapes {shapes}, not [n, D] and [m, D]")
    if not all(np.isfinite(given).all() for given in vectors):
        raise UsageError("a vector that is tested for drift holds a value that is not finite")
    if units is None:
        old, new = (_Sample(given, np.arange(len(given))) for given in vectors)
        return old, new
    named = [np.asarray(given) for given in units]
    if any(names.shape != given.shape[:1] for names, given in zip(named, vectors, strict=True)):
        raise UsageError("there is not one patient for every vector")
    old, new = (_Sample(given, _numbered(n)) for given, n in zip(vectors, named, strict=True))
    return old, new


def _numbered(units: NDArray[np.generic]) -> Places:
    found: Places = np.unique(units, return_inverse=True)[1].astype(np.int64)
    return found


def _thinned(sample: _Sample, max_cases: int, generator: np.random.Generator) -> _Sample:
    """At most so many cases: patients in a random order for as long as they fit."""
    if len(sample.vectors) <= max_cases:
        return sample
    order = generator.permutation(sample.n_units)
    cases = np.cumsum(np.bincount(sample.unit)[order])
    kept = max(MIN_CURRENT, int((cases <= max_cases).sum()))
    return sample.of_units(order[:kept])


def _projection(basis: Floats, n_components: int) -> Callable[[Floats], Floats]:
    """Projection onto principal components of the basis, without scaling; of wide vectors only."""
    centre = basis.mean(axis=0)
    if basis.shape[1] <= n_components:
        return lambda vectors: vectors - centre
    axes = np.linalg.svd(basis - centre, full_matrices=False)[2][:n_components].T
    return lambda vectors: (vectors - centre) @ axes


def _squared_distances(vectors: Floats) -> Floats:
    length = (vectors**2).sum(axis=1)
    squared: Floats = length[:, None] + length[None] - 2 * vectors @ vectors.T
    return np.maximum(squared, 0.0)


def _median_squared_distance(vectors: Floats) -> float:
    """Of all pairs of different vectors' places; 0 where there is a single one."""
    if len(vectors) < 2:
        return 0.0
    return float(np.median(_squared_distances(vectors)[np.triu_indices(len(vectors), 1)]))


def _kernel(vectors: Floats, median_squared: float) -> Floats:
    """Gaussian kernel with 2 s^2 = the median squared distance; zeros on the diagonal."""
    kernel: Floats = np.exp(-_squared_distances(vectors) / median_squared)
    np.fill_diagonal(kernel, 0.0)
    return kernel


def _divisions(
    units: Places, n_new: int, rows: int, generator: np.random.Generator
) -> NDArray[np.bool_]:
    """Random sets of `n_new` patients as the current ones, bool [rows, N cases]."""
    drawn = np.zeros((rows, int(units.max()) + 1), dtype=np.bool_)
    drawn[:, :n_new] = True
    divided: NDArray[np.bool_] = generator.permuted(drawn, axis=1)[:, units]
    return divided


def _tested(
    kernel: Floats,
    old: _Sample,
    new: _Sample,
    *,
    level: float,
    number: int,
    exact: bool,
    generator: np.random.Generator,
    note: str,
) -> DriftTest:
    n, m = len(old.vectors), len(new.vectors)
    units = np.concatenate([old.unit, new.unit + old.n_units])
    true = np.arange(n + m) >= n
    statistic = float(unbiased_mmd(kernel, true[None])[0])
    p_value = _p_value(kernel, units, new.n_units, statistic, number, exact, generator)
    halves = _divisions(old.unit, old.n_units // 2, N_HALVES, generator)
    usual = float(np.quantile(unbiased_mmd(kernel[:n, :n], halves), _QUANTILE))
    return DriftTest(
        method=_METHOD,
        n_reference=n,
        n_current=m,
        level=level,
        verdict=judged(p_value, level),
        statistic=statistic,
        p_value=p_value,
        effect=statistic / usual if usual > 0 else None,
        expected=0.0,
        note=note,
    )


def _p_value(
    kernel: Floats,
    units: Places,
    n_new: int,
    statistic: float,
    number: int,
    exact: bool,
    generator: np.random.Generator,
) -> float:
    # Divisions that are the same but for the order of a sum count as equal.
    least = statistic - 1e-12
    above, drawn = 0, 0
    step = max(1, _ELEMENTS // len(kernel))
    while drawn < number:
        rows = min(step, number - drawn)
        is_above = unbiased_mmd(kernel, _divisions(units, n_new, rows, generator)) >= least
        if not exact and above + is_above.sum() >= ENOUGH_ABOVE:
            last = int(np.nonzero(is_above)[0][ENOUGH_ABOVE - above - 1])
            return ENOUGH_ABOVE / (drawn + last + 1)
        above, drawn = above + int(is_above.sum()), drawn + rows
    return (1 + above) / (1 + drawn)


def _note(seen: tuple[int, int], old: _Sample, new: _Sample, n_basis: int) -> str:
    said = [f"components and bandwidth from {n_basis} other patients or vectors of the reference"]
    left = len(old.vectors), len(new.vectors)
    if left != seen:
        said.append(f"thinned from {seen[0]} reference and {seen[1]} current cases")
    return "; ".join(said)


def _untested(n: int, m: int, level: float, note: str) -> DriftTest:
    return DriftTest(_METHOD, n, m, level, ChartVerdict.NOT_ENOUGH, note=note)
