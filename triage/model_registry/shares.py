"""Shares of cases, and differences of two on the same cases, with intervals over patients."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from triage.evaluation.bounded_mean import draw_means, mean_interval
from triage.evaluation.metrics.weighted import CaseValues

Flags = NDArray[np.bool_]


class Share(BaseModel):
    """A share of cases, or a difference of two shares, with its 95 % interval; None of no case."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    value: float | None = None
    low: float | None = None
    high: float | None = None
    n_cases: int = 0
    n_patients: int = 0


def share_of_cases(values: Flags, where: Flags, patients: NDArray[np.str_], seed: int) -> Share:
    """Return the share of cases, among some, with Gaffke's interval over patients.

    Parameters
    ----------
    values : bool array [N]
    where : bool array [N]
        The cases that count.
    patients : array [N]
    seed : int
    """
    return _interval([values], where, patients, seed)


def difference_of_shares(
    pair: Sequence[Flags], where: Flags, patients: NDArray[np.str_], seed: int
) -> Share:
    """Return the second share less the first, of the difference on each case."""
    return _interval(pair, where, patients, seed)


def _interval(
    values: Sequence[Flags], where: Flags, patients: NDArray[np.str_], seed: int
) -> Share:
    if not where.any():
        return Share()
    low = 0.0 if len(values) == 1 else -1.0
    numbers = values[-1].astype(float) - (values[0] if len(values) == 2 else 0.0)
    part = CaseValues(numbers, where, low, 1.0)
    drawn = draw_means([part], patients, seed=seed)
    value = float(numbers[where].mean())
    bounds = mean_interval(value, drawn.least[0], drawn.most[0])
    return Share(
        value=value,
        low=bounds[0] if bounds else None,
        high=bounds[1] if bounds else None,
        n_cases=int(where.sum()),
        n_patients=len(set(patients[where].tolist())),
    )
