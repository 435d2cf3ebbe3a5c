"""Drift of one column: Kolmogorov-Smirnov, chi-square, population stability index."""

from __future__ import annotations

from collections.abc import Sequence

from numpy.typing import ArrayLike

from triage.monitoring.drift_test import DriftTest


def ks_drift(reference: ArrayLike, current: ArrayLike, *, level: float = 0.05) -> DriftTest:
    """Two-sample Kolmogorov-Smirnov test of a number; NaN is left out. Effect: the statistic."""
    raise NotImplementedError


def category_drift(
    reference: Sequence[str],
    current: Sequence[str],
    *,
    level: float = 0.05,
    n_permutations: int = 9999,
    seed: int = 0,
) -> DriftTest:
    """Chi-square test of a column of levels; effect: Cramer's V."""
    raise NotImplementedError


def psi(
    reference: ArrayLike,
    current: ArrayLike,
    n_bins: int = 10,
    *,
    level: float = 0.05,
    n_permutations: int = 999,
    seed: int = 0,
) -> DriftTest:
    """Population stability index of a number in bins of reference quantiles."""
    raise NotImplementedError


def category_psi(
    reference: Sequence[str],
    current: Sequence[str],
    *,
    level: float = 0.05,
    n_permutations: int = 9999,
    seed: int = 0,
) -> DriftTest:
    """Population stability index of a column of levels."""
    raise NotImplementedError
