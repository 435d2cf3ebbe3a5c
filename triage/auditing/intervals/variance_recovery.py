"""Intervals of a difference and a ratio from the intervals of the two numbers.

The method of variance estimates recovery: the distance from an estimate to its limit stands for its
error on that side, so intervals that are never without width make a difference that never is.
"""

from __future__ import annotations

import math

from triage.auditing.intervals.result import Bounds


def difference_limits(
    a: float, of_a: Bounds, b: float, of_b: Bounds, correlation: float = 0.0
) -> Bounds:
    """Return the interval of a - b.

    With intervals [l, u] of a and [m, v] of b and correlation r of the two estimates::

        a - b - sqrt((a - l)^2 + (v - b)^2 - 2 r (a - l) (v - b))
        a - b + sqrt((u - a)^2 + (b - m)^2 - 2 r (u - a) (b - m))

    (Zou & Donner 2008, "Construction of confidence limits about effect measures: a general
    approach"; Newcombe 1998 for independent proportions.)
    """
    down_a, up_a = max(a - of_a.low, 0.0), max(of_a.high - a, 0.0)
    down_b, up_b = max(b - of_b.low, 0.0), max(of_b.high - b, 0.0)
    below = down_a**2 + up_b**2 - 2 * correlation * down_a * up_b
    above = up_a**2 + down_b**2 - 2 * correlation * up_a * down_b
    return Bounds(a - b - math.sqrt(max(below, 0.0)), a - b + math.sqrt(max(above, 0.0)))


def ratio_limits(
    a: float, of_a: Bounds, b: float, of_b: Bounds, correlation: float = 0.0
) -> Bounds | None:
    """Return the interval of a / b of numbers that are not negative.

    Its limits are the numbers R for which zero is the limit of the interval of a - R b: Donner &
    Zou 2012, "Closed-form confidence intervals for functions of the normal mean and standard
    deviation", for independent estimates; with their correlation derived in the same way.

    Returns
    -------
    Bounds, or None where the interval of b reaches down to zero.
    """
    if of_b.low <= 0 or of_a.low < 0 or a < 0:
        return None
    low_a, high_a = min(of_a.low, a), max(of_a.high, a)
    low_b, high_b = min(of_b.low, b), max(of_b.high, b)

    def middle_and_root(end_a: float, end_b: float) -> tuple[float, float]:
        middle = a * b - correlation * (a - end_a) * (end_b - b)
        product = end_a * (2 * a - end_a) * end_b * (2 * b - end_b)
        return middle, math.sqrt(max(middle**2 - product, 0.0))

    middle, root = middle_and_root(low_a, high_b)
    low = low_a * (2 * a - low_a) / (middle + root) if middle + root > 0 else 0.0
    middle, root = middle_and_root(high_a, low_b)
    return Bounds(low, (middle + root) / (low_b * (2 * b - low_b)))
