"""Drift of vectors: maximum mean discrepancy with a Gaussian kernel, by permutation."""

from __future__ import annotations

from numpy.typing import ArrayLike

from triage.monitoring.drift_test import DriftTest


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
    """Test whether two samples of vectors [n, D], [m, D] come from one distribution.

    `units` are the patients of both; patients are then permuted. Effect: MMD^2 as multiples of the
    95 % quantile of MMD^2 between random halves of the reference. At levels below
    1 / (n_permutations + 1) no alarm could be raised: there are then more permutations.
    """
    raise NotImplementedError
