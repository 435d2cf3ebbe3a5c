"""Candidates compared with a default on validation cases: paired differences with intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from triage.benchmark.draw_record import Floats
from triage.benchmark.resampling import CrossedResamples
from triage.benchmark.results import Number
from triage.benchmark.rows.metric_numbers import support
from triage.benchmark.validation_draw import ValidationDraw
from triage.evaluation.metrics import Interval
from triage.uncertainty.auroc import weighted_auroc

Values = Callable[[ValidationDraw], Floats]


@dataclass(frozen=True)
class Compared:
    """One candidate: its mean over draws, and what it gains over the default.

    Parameters
    ----------
    name : str
    value : float or None
    gain : Number
        In the direction in which it is better; without values for the default itself.
    """

    name: str
    value: float | None
    gain: Number

    @property
    def is_better(self) -> bool:
        """Whether the interval of the gain lies above 0."""
        return self.gain.low is not None and self.gain.low > 0

    @property
    def is_worse(self) -> bool:
        """Whether it lies below 0."""
        return self.gain.high is not None and self.gain.high < 0


def compare_means(
    draws: Sequence[ValidationDraw],
    candidates: dict[str, Values],
    default: str,
    resamples: CrossedResamples,
    *,
    larger_is_better: bool,
) -> list[Compared]:
    """Compare means over inliers of values of cases [N], NaN where they do not count."""

    def resampled(draw: ValidationDraw, values: Values) -> Floats:
        found = values(draw)
        counted = np.isfinite(found)
        weights = resamples.weights(draw.clusters[counted])
        total = weights.sum(axis=1)
        sums = weights @ found[counted]
        means: Floats = np.divide(sums, total, out=np.full(len(total), np.nan), where=total > 0)
        return means

    sign = 1.0 if larger_is_better else -1.0
    masks = [[draw.known] for draw in draws]
    return _compared(draws, candidates, default, resamples, resampled, sign, masks)


def compare_aurocs(
    draws: Sequence[ValidationDraw],
    candidates: dict[str, Values],
    default: str,
    resamples: CrossedResamples,
) -> list[Compared]:
    """Compare AUROCs of scores [N] for outliers of conditions that trained nothing."""

    def resampled(draw: ValidationDraw, values: Values) -> Floats:
        kept = _judged(draw)
        weights = resamples.weights(draw.clusters[kept])
        return weighted_auroc(values(draw)[kept], ~draw.known[kept], weights)

    masks = [[draw.known, _judged(draw) & ~draw.known] for draw in draws]
    return _compared(draws, candidates, default, resamples, resampled, 1.0, masks)


def _judged(draw: ValidationDraw) -> NDArray[np.bool_]:
    return np.ones(len(draw.truth), dtype=np.bool_) if draw.fresh is None else draw.fresh


def _compared(
    draws: Sequence[ValidationDraw],
    candidates: dict[str, Values],
    default: str,
    resamples: CrossedResamples,
    resampled: Callable[[ValidationDraw, Values], Floats],
    sign: float,
    masks: Sequence[Sequence[NDArray[np.bool_]]],
) -> list[Compared]:
    found = {
        name: np.stack([resampled(draw, values) for draw in draws])
        for name, values in candidates.items()
    }
    counted = support(zip((draw.clusters for draw in draws), masks, strict=True))
    rows = []
    for name, values in found.items():
        gain = Number()
        if name != default and default in found and counted.n_clusters > 1:
            difference = sign * (values - found[default])
            gain = resamples.number(difference, Interval.PERCENTILE, **counted._asdict())
        plain = values[np.isfinite(values[:, 0]), 0]
        rows.append(Compared(name, float(plain.mean()) if len(plain) else None, gain))
    # A stable sort: of equal ones the first named stays first.
    return sorted(rows, key=lambda row: np.inf if row.value is None else -sign * row.value)
