"""`Measured` of generated cases, computed here from definitions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from triage.auditing.measured import Measured

FloatArray = NDArray[np.float64]


def measured(value: float, influence: FloatArray, **given: object) -> Measured:
    """Return a metric of one case a patient, with what is not given filled."""
    filled: dict[str, object] = {
        "key": "metric", "title": "Metric", "unit": "", "larger_is_better": True,
        "n": len(influence), "n_patients": len(influence),
        "patients": np.arange(len(influence), dtype=np.int32),
    }  # fmt: skip
    return Measured(value=value, influence=influence, **{**filled, **given})  # type: ignore[arg-type]


def mean(sums: FloatArray, sizes: FloatArray | None = None, **given: object) -> Measured:
    """Return the mean of values between 0 and 1 from each patient's sum and number of cases."""
    sizes = np.ones(len(sums)) if sizes is None else sizes
    value = float(sums.sum() / sizes.sum())
    influence = (sums - value * sizes) / sizes.sum()
    filled = {"n": int(sizes.sum()), "bounds": (0.0, 1.0), "sums": sums, "sizes": sizes}
    return measured(value, influence, **{**filled, **given})


def proportion(hits: int, n: int, **given: object) -> Measured:
    """Return a proportion of n patients with one case each."""
    values = np.zeros(n)
    values[:hits] = 1.0
    return mean(values, **{"n_positive": hits, "one_case_a_patient": True, **given})


def clustered_proportion(hits: FloatArray, sizes: FloatArray, **given: object) -> Measured:
    """Return a proportion from each patient's hits and cases."""
    return mean(hits, sizes, n_positive=int(hits.sum()), **given)


def draws(n: int, replicates: int, generator: np.random.Generator) -> FloatArray:
    """Return how often each of n patients is drawn in each resample; float [B, n]."""
    return generator.multinomial(n, np.full(n, 1 / n), size=replicates).astype(np.float64)


def ratio(
    above: FloatArray, below: FloatArray, weights: FloatArray | None, **given: object
) -> Measured:
    """Return sum(above) / sum(below) over patients, with its replicates."""
    value = float(above.sum() / below.sum())
    drawn = None if weights is None else (weights @ above) / (weights @ below)
    return measured(value, (above - value * below) / below.sum(), replicates=drawn, **given)


def auroc(scores: FloatArray, other: FloatArray, weights: FloatArray | None) -> Measured:
    """Return the chance that one of `scores` is above one of `other`, one case a patient.

    `weights` are of the patients of `scores`, then those of `other`.
    """
    wins = (scores[:, None] > other) + 0.5 * (scores[:, None] == other)
    value = float(wins.mean())
    influence = np.concatenate(
        [(wins.mean(1) - value) / len(scores), (wins.mean(0) - value) / len(other)]
    )
    drawn = None
    if weights is not None:
        first, second = weights[:, : len(scores)], weights[:, len(scores) :]
        pairs = first.sum(1) * second.sum(1)
        total = ((first @ wins) * second).sum(1)
        drawn = np.divide(total, pairs, out=np.full(len(pairs), np.nan), where=pairs > 0)
    fewest = min(len(scores), len(other))
    return measured(value, influence, replicates=drawn, bounds=(0.0, 1.0), n_patients=fewest)


def calibration_error(
    confidence: FloatArray, right: FloatArray, weights: FloatArray | None, bins: int = 15
) -> Measured:
    """Return the expected calibration error over bins of equal width, one case a patient."""
    gap = confidence - right
    inside = np.minimum((confidence * bins).astype(int), bins - 1)[:, None] == np.arange(bins)
    parts = inside * gap[:, None]
    total = parts.sum(0)
    value = float(np.abs(total).sum() / len(gap))
    influence = ((parts * np.sign(total)).sum(1) - value) / len(gap)
    drawn = None if weights is None else np.abs(weights @ parts).sum(1) / len(gap)
    return measured(value, influence, replicates=drawn, bounds=(0.0, 1.0), key="ece")


def rankings(n: int, other: int, gap: float, replicates: int = 1000) -> Callable[..., Measured]:
    """Return what makes the AUROC of two normal distributions at a distance."""

    def make(generator: np.random.Generator) -> Measured:
        weights = draws(n + other, replicates, generator) if replicates else None
        first, second = generator.normal(gap, 1, n), generator.normal(0, 1, other)
        return auroc(first, second, weights)

    return make
