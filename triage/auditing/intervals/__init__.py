"""Intervals of an audit's metrics, p-values, verdicts and comparisons of levels."""

from triage.auditing.intervals.choice import interval_of, patient_variance
from triage.auditing.intervals.judging import judge_all
from triage.auditing.intervals.levels import adjust_comparisons, compare_levels
from triage.auditing.intervals.multiplicity import adjust_benjamini_hochberg, adjust_holm
from triage.auditing.intervals.paired import paired_proportions
from triage.auditing.intervals.result import Bounds, IntervalResult

__all__ = [
    "Bounds",
    "IntervalResult",
    "adjust_benjamini_hochberg",
    "adjust_comparisons",
    "adjust_holm",
    "compare_levels",
    "interval_of",
    "judge_all",
    "paired_proportions",
    "patient_variance",
]
