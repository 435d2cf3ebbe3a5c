"""Levels of an axis compared with its reference level."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from triage.auditing.audit_plan import IntervalSettings
from triage.auditing.intervals.choice import patient_variance
from triage.auditing.intervals.multiplicity import adjust_benjamini_hochberg, adjust_holm
from triage.auditing.intervals.result import Bounds, Evidence, IntervalResult
from triage.auditing.intervals.scaled import Scale, scaled_from_limits
from triage.auditing.intervals.variance_recovery import difference_limits, ratio_limits
from triage.auditing.measured import AS_FOUND, Measured
from triage.auditing.measurement import LevelComparison
from triage.vocabulary.verdicts import Verdict

Pair = tuple[Measured, IntervalResult]


def compare_levels(
    axis: str,
    metric: str,
    levels: Mapping[str, Pair],
    reference: str,
    margin: float | None,
    settings: IntervalSettings,
) -> list[LevelComparison]:
    """Compare every level of an axis with its reference level, by difference and ratio.

    Parameters
    ----------
    axis, metric : str
    levels : mapping of str to (Measured, IntervalResult)
        The reference among them.
    reference : str
    margin : float, optional
        The largest tolerated difference. It is met where the interval of the difference lies
        within plus and minus the margin, and failed where it lies outside.
    settings : IntervalSettings

    Returns
    -------
    list of LevelComparison
        In the order of the levels, without a difference where one value is of the plan's share of
        outliers and the other is not; adjusted p-values are added by `adjust_comparisons`.
    """
    return [
        _compare(axis, metric, (level, *pair), (reference, *levels[reference]), margin, settings)
        for level, pair in levels.items()
        if level != reference
    ]


def adjust_comparisons(comparisons: Sequence[LevelComparison]) -> list[LevelComparison]:
    """Return the comparisons of a whole audit with adjusted p-values.

    Those that the plan states a margin for are adjusted by Holm's method, all others by Benjamini
    and Hochberg's.
    """
    p = np.array([np.nan if one.p_value is None else one.p_value for one in comparisons])
    planned = np.array([one.margin is not None for one in comparisons], dtype=np.bool_)
    adjusted = np.full(len(comparisons), np.nan)
    adjusted[planned] = adjust_holm(p[planned])
    adjusted[~planned] = adjust_benjamini_hochberg(p[~planned])
    return [
        one if np.isnan(each) else one.model_copy(update={"p_adjusted": float(each)})
        for one, each in zip(comparisons, adjusted, strict=True)
    ]


def _compare(
    axis: str,
    metric: str,
    one: tuple[str, Measured, IntervalResult],
    other: tuple[str, Measured, IntervalResult],
    margin: float | None,
    settings: IntervalSettings,
) -> LevelComparison:
    (level, a, of_a), (reference, b, of_b) = one, other
    of_one_share = (AS_FOUND in a.note) == (AS_FOUND in b.note)
    there = bool(np.isfinite(a.value) and np.isfinite(b.value)) and of_one_share
    limits, ratio, p_value = None, None, None
    if there and (bounds_a := _bounds(of_a)) and (bounds_b := _bounds(of_b)):
        shared = correlation(a, b)
        limits = difference_limits(a.value, bounds_a, b.value, bounds_b, shared)
        freedom = min(of_a.freedom, of_b.freedom)
        law = scaled_from_limits(a.value - b.value, limits, settings.confidence, freedom, Scale())
        p_value = law.p_value(0.0)
        if a.bounds[0] >= 0:
            ratio = ratio_limits(a.value, bounds_a, b.value, bounds_b, shared)
    both = there and of_a.evidence == of_b.evidence == "enough"
    evidence: Evidence = "enough" if both else "not enough"
    has_ratio = there and a.bounds[0] >= 0 and b.value > 0
    return LevelComparison(
        axis=axis,
        level=level,
        reference=reference,
        metric=metric,
        title=a.title,
        difference=a.value - b.value if there else None,
        difference_low=limits.low if limits else None,
        difference_high=limits.high if limits else None,
        ratio=a.value / b.value if has_ratio else None,
        ratio_low=ratio.low if ratio else None,
        ratio_high=ratio.high if ratio else None,
        p_value=p_value if both else None,
        p_adjusted=None,
        correction="Benjamini-Hochberg" if margin is None else "Holm",
        evidence=evidence,
        margin=margin,
        verdict=None if margin is None else _verdict(limits if both else None, margin),
    )


def correlation(a: Measured, b: Measured) -> float:
    """Return the correlation of two estimates, from the influences of patients in both sets."""
    scale = np.sqrt(patient_variance(a) * patient_variance(b))
    if not scale > 0:
        return 0.0
    of_b = np.zeros(max(a.patients.max(), b.patients.max()) + 1)
    of_b[b.patients] = b.influence
    return float(np.clip(a.influence @ of_b[a.patients] / scale, -1.0, 1.0))


def _bounds(result: IntervalResult) -> Bounds | None:
    if result.low is None or result.high is None:
        return None
    return Bounds(result.low, result.high)


def _verdict(limits: Bounds | None, margin: float) -> Verdict:
    if limits is None:
        return Verdict.NOT_ENOUGH
    if -margin <= limits.low and limits.high <= margin:
        return Verdict.MEETS
    if limits.low > margin or limits.high < -margin:
        return Verdict.FAILS
    return Verdict.NOT_ENOUGH
