"""Compare two audits: two systems on the same cases, or two periods.

On the same cases a bounded mean is compared case by case, with Gaffke's interval of the mean
difference, and 0/1 values of cases of different patients by McNemar's exact test. All else is
compared by the intervals of both numbers and their correlation over patients, which is zero for
different cases (`triage.auditing.intervals.variance_recovery`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from triage.auditing.analyses.heal import heal_of
from triage.auditing.audit_plan import AuditPlan, Axis
from triage.auditing.audit_table import AuditTable
from triage.auditing.comparison_result import AuditComparison, HealChange, MetricChange
from triage.auditing.engine.measure import measure_scope
from triage.auditing.engine.scope import Scope, Scopes
from triage.auditing.intervals.choice import interval_of
from triage.auditing.intervals.levels import compare_levels
from triage.auditing.intervals.multiplicity import adjust_benjamini_hochberg, adjust_holm
from triage.auditing.intervals.paired import paired_difference_of, paired_proportions
from triage.auditing.measured import Measured
from triage.auditing.metric_columns import columns_of, measurable
from triage.auditing.same_cases import TablePair, pair_tables
from triage.errors import UsageError
from triage.evaluation.metrics.audit_registry import AUDIT_METRICS
from triage.evaluation.metrics.metric import Metric
from triage.progress import Progress
from triage.vocabulary.verdicts import Verdict

STAGE = "comparing"
MCNEMAR, RECOVERED = "exact McNemar", "variance recovery"
Audited = tuple[AuditTable, AuditPlan]


def compare_audits(
    first: Audited,
    second: Audited,
    *,
    margin: float = 0.0,
    progress: Progress = lambda *_: None,
) -> AuditComparison:
    """Compare every metric that both tables have, on all cases and on every level of both.

    Parameters
    ----------
    first, second : (AuditTable, AuditPlan)
        Settings of intervals, metrics and primary set are those of the first plan.
    margin : float
        Largest loss of accuracy of a group that the Pareto condition counts as none.
    progress : callable
        Called with a stage, how much of it is done, and its total.

    Returns
    -------
    AuditComparison
        Differences are second less first.

    Raises
    ------
    UsageError
        If a table has no case, the tables share no metric, or the margin is negative.
    """
    if margin < 0:
        raise UsageError(f"a margin of {margin:g} is negative", where="margin")
    if not len(first[0]) or not len(second[0]):
        raise UsageError("a table without cases cannot be compared")
    pair = pair_tables(first[0], second[0])
    if not len(pair.first):
        raise UsageError(
            "no case has the same true condition in both tables",
            hint="Compare tables with the same labels.",
        )
    plan = first[1]
    metrics = _metrics(pair, plan)
    if not metrics:
        raise UsageError(
            "the two tables have no metric in common",
            hint="Compare tables with the same columns, such as a named condition.",
        )
    sets = Scopes(pair.first, plan), Scopes(pair.second, _with_intervals(second[1], plan))
    numbers = _numbers_of_first(*sets, same_cases=pair.same_cases)
    scopes = list(_scopes(*sets))
    changes = []
    for done, (one, other) in enumerate(scopes):
        progress(STAGE, done, len(scopes))
        changes += _changes(one, other, metrics, plan, numbers, pair.same_cases)
    progress(STAGE, len(scopes), len(scopes))
    changes = _adjusted(changes)
    return AuditComparison(
        kind="same cases" if pair.same_cases else "different cases",
        first=first[1].system or first[1].title, second=second[1].system or second[1].title,
        first_plan=plan.sha256(), second_plan=second[1].sha256(),
        n_first=len(pair.first), n_second=len(pair.second), left_out=pair.left_out,
        notes=_notes(pair, plan, second[1]), changes=changes,
        heal=[
            found
            for axis in plan.axes
            if axis.burden and (found := _heal(pair, plan, axis, changes, margin)) is not None
        ],
    )  # fmt: skip


def _metrics(pair: TablePair, plan: AuditPlan) -> list[Metric]:
    keys = measurable(columns_of(pair.first) & columns_of(pair.second))
    wanted = plan.metrics or keys
    return [AUDIT_METRICS[key] for key in keys if key in wanted]


def _scopes(one: Scopes, two: Scopes) -> Iterator[tuple[Scope, Scope]]:
    """Yield the sets of cases that both tables have, all cases first."""
    yield one.overall(), two.overall()
    for axis in one.table.axes:
        if axis in two.table.axes:
            there = {scope.level: scope for scope in two.levels(axis)}
            for scope in one.levels(axis):
                if scope.level in there:
                    yield scope, there[scope.level]


def _numbers_of_first(one: Scopes, two: Scopes, *, same_cases: bool) -> NDArray[np.int32]:
    """Number in the first of each patient of the second; of other cases one that is not there."""
    if not same_cases:
        return (len(one.number) + np.arange(len(two.number))).astype(np.int32)
    found = np.empty_like(two.number)
    found[two.number] = one.number
    return found


def _renumbered(measured: Measured, numbers: NDArray[np.int32]) -> Measured:
    patients = numbers[measured.patients]
    order = np.argsort(patients)
    sums, sizes = (
        None if each is None else each[order] for each in (measured.sums, measured.sizes)
    )
    return replace(
        measured, patients=patients[order], influence=measured.influence[order], sums=sums,
        sizes=sizes,
    )  # fmt: skip


def _with_intervals(plan: AuditPlan, source: AuditPlan) -> AuditPlan:
    """Return a plan with the settings of intervals of another."""
    return plan.model_copy(update={"intervals": source.intervals})


def _changes(
    one: Scope,
    other: Scope,
    metrics: list[Metric],
    plan: AuditPlan,
    numbers: NDArray[np.int32],
    same_cases: bool,
) -> list[MetricChange]:
    measured = [
        measure_scope(scope, metrics, plan.intervals, plan.outlier_prevalence)
        for scope in (one, other)
    ]
    primary = {limit.metric for limit in plan.limits if limit.primary}
    return [
        _change(one, a, _renumbered(b, numbers), plan, same_cases, a.key in primary)
        for a, b in zip(*measured, strict=True)
    ]


@dataclass(frozen=True)
class _Difference:
    value: float | None
    low: float | None
    high: float | None
    interval: str
    test: str
    p_value: float | None
    evidence: str
    only_first: int | None = None
    only_second: int | None = None


def _change(
    scope: Scope, a: Measured, b: Measured, plan: AuditPlan, same_cases: bool, primary: bool
) -> MetricChange:
    paired = same_cases and _same_sizes(a, b)
    found = _paired(a, b, plan) if paired else _from_intervals(a, b, plan)
    return MetricChange(
        axis=scope.axis, level=scope.level, metric=a.key, title=a.title, unit=a.unit,
        larger_is_better=a.larger_is_better, first=_known(a.value), second=_known(b.value),
        n_first=a.n, n_second=b.n, n_patients=min(a.n_patients, b.n_patients),
        difference=found.value, low=found.low, high=found.high, interval=found.interval,
        test=found.test, only_first=found.only_first, only_second=found.only_second,
        p_value=found.p_value, primary=primary,
        correction="Holm" if primary else "Benjamini-Hochberg",
        evidence="enough" if found.evidence == "enough" else "not enough",
    )  # fmt: skip


def _same_sizes(a: Measured, b: Measured) -> bool:
    """Return whether two means are of the same cases."""
    return (
        a.sums is not None and b.sums is not None
        and a.sizes is not None and b.sizes is not None
        and np.array_equal(a.patients, b.patients) and np.array_equal(a.sizes, b.sizes)
    )  # fmt: skip


def _paired(a: Measured, b: Measured, plan: AuditPlan) -> _Difference:
    assert a.sums is not None
    assert b.sums is not None
    difference = paired_difference_of(a, b)
    result = interval_of(difference, plan.intervals)
    p_value, test = result.p_value(0.0), result.method
    only: tuple[int, int] | tuple[None, None] = (None, None)
    if a.n_positive is not None and b.n_positive is not None and a.one_case_a_patient:
        only = int((a.sums > b.sums).sum()), int((b.sums > a.sums).sum())
        if result.evidence == "enough":
            p_value, test = paired_proportions(*only), MCNEMAR
    return _Difference(
        _known(difference.value), result.low, result.high, result.method, test, p_value,
        result.evidence, *only,
    )  # fmt: skip


def _from_intervals(a: Measured, b: Measured, plan: AuditPlan) -> _Difference:
    levels = {name: (each, interval_of(each, plan.intervals)) for name, each in
              (("first", a), ("second", b))}  # fmt: skip
    (found,) = compare_levels("", a.key, levels, "first", None, plan.intervals)
    method = RECOVERED if found.difference_low is not None else "none"
    return _Difference(
        found.difference, found.difference_low, found.difference_high, method, method,
        found.p_value, found.evidence,
    )  # fmt: skip


def _adjusted(changes: list[MetricChange]) -> list[MetricChange]:
    p = np.array([np.nan if each.p_value is None else each.p_value for each in changes])
    primary = np.array([each.primary for each in changes], dtype=np.bool_)
    adjusted = np.full(len(changes), np.nan)
    adjusted[primary] = adjust_holm(p[primary])
    adjusted[~primary] = adjust_benjamini_hochberg(p[~primary])
    return [
        each.model_copy(update={"p_adjusted": _known(float(value))})
        for each, value in zip(changes, adjusted, strict=True)
    ]


def _heal(
    pair: TablePair, plan: AuditPlan, axis: Axis, changes: list[MetricChange], margin: float
) -> HealChange | None:
    """HEAL of both and the Pareto condition; None where an audit has no HEAL on the axis."""
    tables = (pair.first, pair.second)
    if any(axis.name not in each.axes or each.predicted is None for each in tables):
        return None
    one, other = (heal_of(each, plan, axis) for each in tables)
    if one is None or other is None:
        return None
    groups = [level for level in one.levels if level in other.levels]
    own = {
        each.level: each
        for each in changes
        if (each.axis, each.metric) == (axis.name, "accuracy") and each.level in groups
    }
    pareto, reason = pareto_condition(one.share, other.share, groups, own, margin)
    return HealChange(
        axis=axis.name, source=axis.burden_source, groups=groups, first=one.share,
        second=other.share, margin=margin, pareto=pareto, reason=reason,
    )  # fmt: skip


def pareto_condition(
    first: float,
    second: float,
    groups: list[str],
    changes: dict[str, MetricChange],
    margin: float,
) -> tuple[Verdict, str]:
    """Judge whether HEAL is no lower and no group is worse.

    Parameters
    ----------
    first, second : float
        HEAL of both audits.
    groups : list of str
    changes : dict of MetricChange
        Change of accuracy of each group.
    margin : float
        Largest loss that counts as none.
    """
    worse = [
        level for level in groups
        if level in changes and (high := changes[level].high) is not None and high < -margin
    ]  # fmt: skip
    if worse:
        return Verdict.FAILS, f"accuracy fell in: {', '.join(worse)}"
    if second < first:
        return Verdict.FAILS, "HEAL is lower"
    open_ = [
        level for level in groups
        if level not in changes or (low := changes[level].low) is None or low <= -margin
    ]  # fmt: skip
    if open_:
        return Verdict.NOT_ENOUGH, f"accuracy may have fallen in: {', '.join(open_)}"
    return Verdict.MEETS, "HEAL is no lower, and accuracy fell in no group"


def _notes(pair: TablePair, plan: AuditPlan, other: AuditPlan) -> list[str]:
    notes = [f"{count} cases left out: {why}." for why, count in pair.left_out.items()]
    if not pair.same_cases:
        notes.append(
            "The audits hold different cases. A patient with cases in both counts as two, which "
            "makes intervals wider where both cases are alike."
        )
    if plan.intervals != other.intervals:
        notes.append("Intervals are made by the settings of the first plan.")
    missing = sorted(set(pair.first.axes) ^ set(pair.second.axes))
    if missing:
        notes.append(f"Axes of one audit only are left out: {', '.join(missing)}.")
    return notes


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
