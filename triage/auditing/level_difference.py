"""Difference of a metric between two levels of a group, from the two intervals."""

from __future__ import annotations

import math
from typing import NamedTuple

from triage.auditing.intervals.result import Bounds
from triage.auditing.intervals.variance_recovery import difference_limits
from triage.auditing.measurement import AuditEstimate
from triage.evaluation.results import Estimate, Evidence


class LevelDifference(NamedTuple):
    """A difference with its 95 % interval; NaN where it is undefined."""

    value: float
    low: float
    high: float
    evidence: Evidence


Found = Estimate | AuditEstimate


def level_difference(one: Found | None, other: Found | None) -> LevelDifference:
    """Return one estimate less another, of disjoint sets of cases.

    By variance recovery, the two taken as independent
    (`triage.auditing.intervals.variance_recovery.difference_limits`), which levels are that share
    no patient; where they do, and patients are alike in both, it is wider than need be.

    Parameters
    ----------
    one, other : Estimate, AuditEstimate or None
        None gives NaN.
    """
    if one is None or other is None or one.value is None or other.value is None:
        return LevelDifference(math.nan, math.nan, math.nan, "not enough")
    value = one.value - other.value
    both = one.evidence == other.evidence == "enough"
    low = high = math.nan
    if not (one.low is None or one.high is None or other.low is None or other.high is None):
        low, high = difference_limits(
            one.value, Bounds(one.low, one.high), other.value, Bounds(other.low, other.high)
        )
    return LevelDifference(value, low, high, "enough" if both else "not enough")
