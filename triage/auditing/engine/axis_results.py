"""Intervals, p-values and comparisons of the levels of one axis, in a form that can be kept."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from triage.auditing.audit_plan import AuditPlan, Margin
from triage.auditing.intervals import Bounds, IntervalResult, compare_levels
from triage.auditing.measured import Measured
from triage.auditing.measurement import AuditEstimate, LevelComparison, LevelSummary
from triage.vocabulary.subgroup_levels import UNKNOWN

Pair = tuple[Measured, IntervalResult]


class Row(BaseModel):
    """An estimate, and what its limits are judged by.

    Parameters
    ----------
    estimate : AuditEstimate
    trials : float, optional
        As in `IntervalResult`.
    p_values : list of (bound, p)
        Two-sided p-values that the true value is the bound, one for each limit of the metric.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    estimate: AuditEstimate
    trials: float | None
    p_values: list[tuple[float, float]]

    def interval(self) -> IntervalResult:
        """Return the interval, which knows the p-values of the plan's limits."""
        found = self.estimate
        return IntervalResult(
            found.low, found.high, found.interval, found.evidence, found.undefined_replicates,
            trials=self.trials, law=_KnownPValues(dict(self.p_values)) if self.p_values else None,
        )  # fmt: skip


class AxisResults(BaseModel):
    """What was measured of one axis, or of all cases: `rows` by level, then by metric."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    levels: list[LevelSummary]
    rows: list[Row]
    comparisons: list[LevelComparison]


@dataclass(frozen=True)
class _KnownPValues:
    """The law of a true value, at the limits of a plan only."""

    p_values: Mapping[float, float]

    def limits(self, confidence: float) -> Bounds:
        raise NotImplementedError("a kept interval has the limits of one confidence")

    def p_value(self, bound: float) -> float:
        return self.p_values[bound]


def axis_results(
    axis: str, measured: Sequence[tuple[LevelSummary, Sequence[Pair]]], plan: AuditPlan
) -> AxisResults:
    """Return the estimates of every level and metric, and the comparisons of levels.

    Parameters
    ----------
    axis : str
    measured : sequence of (LevelSummary, sequence of (Measured, IntervalResult))
        Of each level, with the same metrics.
    plan : AuditPlan
    """
    rows: list[Row] = []
    by_metric: dict[str, dict[str, Pair]] = {}
    for level, metrics in measured:
        for each, result in metrics:
            rows.append(_row(axis, level.level, each, result, plan))
            by_metric.setdefault(each.key, {})[level.level] = (each, result)
    levels = [level for level, _ in measured]
    comparisons = [
        found
        for key, pairs in by_metric.items()
        if len(levels) > 1
        for found in _compared(axis, key, pairs, levels, plan)
    ]
    return AxisResults(levels=levels, rows=rows, comparisons=comparisons)


def _row(axis: str, level: str, found: Measured, result: IntervalResult, plan: AuditPlan) -> Row:
    bounds = [limit.bound for limit in plan.limits if limit.metric == found.key]
    p_values = [(bound, p) for bound in bounds if (p := result.p_value(bound)) is not None]
    estimate = AuditEstimate(
        axis=axis,
        level=level,
        metric=found.key,
        title=found.title,
        unit=found.unit,
        value=found.value if math.isfinite(found.value) else None,
        low=result.low,
        high=result.high,
        display_low=result.display_low,
        display_high=result.display_high,
        n=found.n,
        n_patients=found.n_patients,
        n_positive=found.n_positive,
        interval=result.method,
        evidence=result.evidence,
        undefined_replicates=result.undefined_replicates,
        note=found.note,
    )
    return Row(estimate=estimate, trials=result.trials, p_values=p_values)


def _compared(
    axis: str,
    key: str,
    pairs: Mapping[str, Pair],
    levels: Sequence[LevelSummary],
    plan: AuditPlan,
) -> list[LevelComparison]:
    """Compare with the reference of each margin; else with the known level of most labels."""
    margins: list[Margin | None] = [
        each for each in plan.margins if (each.axis, each.metric) == (axis, key)
    ]
    known = [each for each in levels if each.level != UNKNOWN] or list(levels)
    largest = max(known, key=lambda each: (each.n_labelled or 0, each.n_cases or 0)).level
    found = []
    for margin in margins or [None]:
        named = None if margin is None else margin.reference
        reference = largest if named is None or named not in pairs else named
        at_most = None if margin is None else margin.at_most
        found += compare_levels(axis, key, pairs, reference, at_most, plan.intervals)
    return found
