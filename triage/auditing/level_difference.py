"""Difference of a metric between two levels of a group, from the two intervals."""

from __future__ import annotations

import math
from typing import NamedTuple

from triage.evaluation.results import Estimate, Evidence


class LevelDifference(NamedTuple):
    """A difference with its 95 % interval; NaN where it is undefined."""

    value: float
    low: float
    high: float
    evidence: Evidence


def level_difference(one: Estimate | None, other: Estimate | None) -> LevelDifference:
    """Return one estimate less another, of disjoint sets of cases.

    With estimates a, b and their intervals [a1, a2], [b1, b2] the limits are::

        a - b - sqrt((a - a1)^2 + (b2 - b)^2)
        a - b + sqrt((a2 - a)^2 + (b - b1)^2)

    (Zou & Donner 2008, "Construction of confidence limits about effect measures: a general
    approach", eqs. 6 and 7; Newcombe 1998 for proportions.) It takes the two as independent, which
    levels are that share no patient; where they do, and patients are alike in both, it is wider
    than need be. Intervals that are never without width make a difference that never is.

    Parameters
    ----------
    one, other : Estimate or None
        None gives NaN.
    """
    if one is None or other is None or one.value is None or other.value is None:
        return LevelDifference(math.nan, math.nan, math.nan, "not enough")
    value = one.value - other.value
    both = one.evidence == other.evidence == "enough"
    low = high = math.nan
    if not (one.low is None or one.high is None or other.low is None or other.high is None):
        low = value - math.hypot(one.value - one.low, other.high - other.value)
        high = value + math.hypot(one.high - one.value, other.value - other.low)
    return LevelDifference(value, low, high, "enough" if both else "not enough")
