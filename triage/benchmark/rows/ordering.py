"""Sorting of rows by measured values, independent of rounding errors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cmp_to_key
from typing import TypeVar

from triage.benchmark.results import ScoreRow
from triage.evaluation.bootstrap_intervals import POINT

T = TypeVar("T")
Values = Sequence[float | None]


def in_order(
    rows: Sequence[T], values: Callable[[T], Values], *, descending: bool = True
) -> list[T]:
    """Sort by values, the first one first; undefined ones last.

    Means over draws are sums of floats: two that are equal by mathematics may differ in their
    last digits. Values no further apart than `POINT` are equal, the next value then decides,
    and equal rows keep their order.

    Parameters
    ----------
    rows : sequence
    values : callable
        A row -> its values, None where undefined; as many for every row.
    descending : bool
        The largest first.
    """

    def compare(one: T, other: T) -> int:
        for a, b in zip(values(one), values(other), strict=True):
            if a is None or b is None:
                if a is not b:
                    return 1 if a is None else -1
            elif abs(a - b) > POINT:
                return 1 if (a < b) is descending else -1
        return 0

    return sorted(rows, key=cmp_to_key(compare))


def ranked(rows: Sequence[ScoreRow]) -> list[ScoreRow]:
    """Sort scores by near AUROC, then far AUROC, the best first; undefined ones last."""
    return in_order(rows, lambda row: [row.near["ood_auroc"].value, row.far.value])


def first_of(rows: Sequence[T], value: Callable[[T], float], *, largest: bool = True) -> T:
    """Return the row with the largest (or smallest) value; of equal ones the first given."""
    bound = (max if largest else min)(value(row) for row in rows)
    return next(row for row in rows if abs(value(row) - bound) <= POINT)
