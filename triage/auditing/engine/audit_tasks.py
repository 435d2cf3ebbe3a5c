"""The tasks of an audit: the levels of one axis, or one analysis."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from triage.auditing.analyses.run_analyses import run_analysis
from triage.auditing.engine.axis_results import Pair, axis_results
from triage.auditing.engine.measure import measure_scope
from triage.auditing.engine.prepared import Prepared, prepared_of
from triage.auditing.engine.scope import Scope
from triage.auditing.engine.user_metrics import measure_user_metrics
from triage.auditing.intervals import interval_of
from triage.auditing.measurement import OVERALL, LevelSummary
from triage.engine import task_function
from triage.progress import Advance, Progress, counting

AXIS_TASK = "triage.auditing.engine.audit_tasks:measure_axis"
ANALYSIS_TASK = "triage.auditing.engine.audit_tasks:measure_analysis"
LEVELS = "levels of a group"
"""The stage that a task of an axis reports."""


@task_function
def measure_axis(
    *, table: str, content: str, plan: dict[str, Any], axis: str, progress: Progress
) -> dict[str, Any]:
    """Measure every metric on the levels of an axis, or on all cases, and compare the levels.

    Parameters
    ----------
    table, content : str
        Path and hash of the table's file, see `triage.auditing.engine.prepared`.
    plan : dict
        `AuditPlan` as JSON.
    axis : str
    progress : callable

    Returns
    -------
    dict
        `AxisResults` as JSON.
    """
    prepared = prepared_of((table, content), plan)
    scopes = prepared.scopes
    sets = [scopes.overall()] if axis == OVERALL else scopes.levels(axis)
    total = 1 if axis == OVERALL else len(prepared.table.axes[axis].levels)
    measured = _levels(sets, prepared, counting(progress, LEVELS, total))
    return axis_results(axis, measured, prepared.planned.plan).model_dump(mode="json")


@task_function
def measure_analysis(
    *, table: str, content: str, plan: dict[str, Any], analysis: str, progress: Progress
) -> dict[str, Any]:
    """Run one analysis beyond the table of metrics; returns `Analysis` as JSON.

    Parameters are those of `measure_axis`, with the name of the analysis.
    """
    prepared = prepared_of((table, content), plan)
    found = run_analysis(analysis, prepared.numbered, prepared.planned.plan)
    return found.model_dump(mode="json")


def _levels(
    sets: Iterable[Scope], prepared: Prepared, advance: Advance
) -> list[tuple[LevelSummary, list[Pair]]]:
    planned = prepared.planned
    settings, prevalence = planned.plan.intervals, planned.plan.outlier_prevalence

    def measure(scope: Scope) -> tuple[LevelSummary, list[Pair]]:
        found = measure_scope(scope, planned.metrics, settings, prevalence)
        found += measure_user_metrics(scope, planned.user_metrics, settings)
        return scope.summary(), [(each, interval_of(each, settings)) for each in found]

    finished = []
    with ThreadPoolExecutor(prepared.threads) as threads:
        for found in threads.map(measure, sets):
            advance(1)
            finished.append(found)
    return finished
