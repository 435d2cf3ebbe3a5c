"""Measure an audit: a table of cases and a plan to everything that the report says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from triage import __version__
from triage.auditing.analyses.run_analyses import run_analyses
from triage.auditing.audit_plan import AuditPlan
from triage.auditing.audit_table import AuditTable
from triage.auditing.engine.axis_results import AxisResults, Pair, axis_results
from triage.auditing.engine.content import table_hash
from triage.auditing.engine.measure import measure_scope
from triage.auditing.engine.parts import Parts
from triage.auditing.engine.planned_metrics import PlannedMetrics, planned_metrics
from triage.auditing.engine.scope import Scope, Scopes
from triage.auditing.engine.user_metrics import (
    UserMetric,
    measure_user_metrics,
    planned_user_metrics,
)
from triage.auditing.intervals import adjust_comparisons, interval_of, judge_all
from triage.auditing.measured import AS_FOUND
from triage.auditing.measurement import (
    OVERALL,
    Analysis,
    AuditEstimate,
    AuditMeasurement,
    LevelSummary,
    WorstLevel,
)
from triage.errors import UsageError
from triage.hashing import hash_json
from triage.progress import Advance, Progress, counting

STAGE = "measuring groups"
_THREADS = 2
"""Levels measured at once. Each is measured by itself, so their number changes no number."""


class _Analyses(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    analyses: list[Analysis]


def measure_audit(
    table: AuditTable,
    plan: AuditPlan,
    *,
    metrics: Sequence[UserMetric] = (),
    analyses: bool = True,
    progress: Progress = lambda *_: None,
    folder: Path | None = None,
) -> AuditMeasurement:
    """Measure every metric, analysis and comparison of a plan.

    Parameters
    ----------
    table : AuditTable
    plan : AuditPlan
    metrics : sequence of UserMetric
        Metrics of the user's own, beside those of the plan's `metrics_file`. Parts that were
        kept are not used with them.
    analyses : bool
        Whether to run what goes beyond the table of metrics.
    progress : callable
        Called with a stage, how much of it is done, and its total.
    folder : Path, optional
        Where finished parts are kept, so that an interrupted run goes on from there; parts of
        another plan or other data are not used.

    Returns
    -------
    AuditMeasurement
        The same for the same table and plan, in whatever order the rows are.

    Raises
    ------
    UsageError
        If there are no cases, or the plan names a metric, an axis or a file of metrics that there
        is not.
    """
    _check(table, plan)
    planned = planned_metrics(table, plan, [*planned_user_metrics(plan), *metrics])
    scopes = Scopes(table, plan)
    key = hash_json([__version__, plan.sha256(), table_hash(table, scopes.hashes)])
    parts = Parts(None if metrics else folder, key)
    results = list(_measured(scopes, planned, parts, progress))
    beyond = _analyses(table, planned.plan, parts, progress) if analyses else []
    rows = [row for each in results for row in each.rows]
    comparisons = [found for each in results for found in each.comparisons]
    estimates = [row.estimate for row in rows]
    return AuditMeasurement(
        plan_sha256=plan.sha256(),
        facts=table.facts,
        excluded=table.excluded,
        deviations=[*table.notes, *planned.deviations],
        n_cases=len(table),
        n_patients=len(scopes.hashes),
        n_labelled=int(table.labelled.sum()),
        patients_known=table.patients_known,
        classes=list(table.classes),
        levels=[level for each in results for level in each.levels],
        estimates=estimates,
        findings=judge_all([(row.estimate, row.interval()) for row in rows], planned.plan),
        comparisons=adjust_comparisons(comparisons),
        worst=_worst(estimates, planned),
        analyses=beyond,
    )


def _check(table: AuditTable, plan: AuditPlan) -> None:
    if len(table) == 0:
        raise UsageError("there are no cases to audit", hint="Look at the period and the cohorts.")
    strata = plan.intervals.strata
    if strata is not None and strata not in table.axes:
        raise UsageError(
            f"there is no axis {strata!r}", where="intervals.strata",
            hint=f"There are {', '.join(table.axes) or 'none'}.",
        )  # fmt: skip


def _measured(
    scopes: Scopes, planned: PlannedMetrics, parts: Parts, progress: Progress
) -> Iterator[AxisResults]:
    """Yield the results of all cases, then of each axis, from those kept where there are."""
    axes = [OVERALL, *scopes.table.axes]
    total = 1 + sum(len(axis.levels) for axis in scopes.table.axes.values())
    advance = counting(progress, STAGE, total)
    for axis in axes:
        found = parts.get(f"axis {axis}", AxisResults)
        if found is None:
            sets = [scopes.overall()] if axis == OVERALL else scopes.levels(axis)
            found = axis_results(axis, _levels(sets, planned, advance), planned.plan)
            parts.put(f"axis {axis}", found)
        else:
            advance(len(found.levels))
        yield found


def _analyses(
    table: AuditTable, plan: AuditPlan, parts: Parts, progress: Progress
) -> list[Analysis]:
    found = parts.get("analyses", _Analyses)
    if found is None:
        found = _Analyses(analyses=run_analyses(table, plan, progress))
        parts.put("analyses", found)
    return found.analyses


def _levels(
    sets: Iterable[Scope], planned: PlannedMetrics, advance: Advance
) -> list[tuple[LevelSummary, list[Pair]]]:
    settings, prevalence = planned.plan.intervals, planned.plan.outlier_prevalence

    def measure(scope: Scope) -> tuple[LevelSummary, list[Pair]]:
        found = measure_scope(scope, planned.metrics, settings, prevalence)
        found += measure_user_metrics(scope, planned.user_metrics, settings)
        return scope.summary(), [(each, interval_of(each, settings)) for each in found]

    finished = []
    with ThreadPoolExecutor(_THREADS) as threads:
        for found in threads.map(measure, sets):
            advance(1)
            finished.append(found)
    return finished


def _worst(estimates: Sequence[AuditEstimate], planned: PlannedMetrics) -> list[WorstLevel]:
    """Return the worst level of each axis and metric that has a better end."""
    found = []
    for axis in dict.fromkeys(each.axis for each in estimates if each.axis != OVERALL):
        for metric in planned.metrics:
            if metric.larger_is_better is None:
                continue
            known = [
                (each.value, each)
                for each in estimates
                if (each.axis, each.metric, each.evidence) == (axis, metric.key, "enough")
                and each.value is not None
            ]
            pick = min if metric.larger_is_better else max
            if len({AS_FOUND in each.note for _, each in known}) > 1:
                known = []  # of different shares of outliers
            worst = pick(known, key=lambda pair: pair[0])[1] if len(known) > 1 else None
            found.append(
                WorstLevel(
                    axis=axis,
                    metric=metric.key,
                    title=metric.title,
                    level=worst.level if worst else None,
                    value=worst.value if worst else None,
                    low=worst.low if worst else None,
                    high=worst.high if worst else None,
                )
            )
    return found
