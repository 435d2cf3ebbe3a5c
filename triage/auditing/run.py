"""Measure an audit: a table of cases and a plan to everything that the report says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory

from triage import __version__
from triage.auditing.analyses.run_analyses import NAMES
from triage.auditing.analyses.run_analyses import STAGE as ANALYSES_STAGE
from triage.auditing.audit_plan import AuditPlan
from triage.auditing.audit_table import AuditTable
from triage.auditing.engine.audit_tasks import ANALYSIS_TASK, AXIS_TASK
from triage.auditing.engine.axis_results import AxisResults
from triage.auditing.engine.content import table_hash
from triage.auditing.engine.planned_metrics import PlannedMetrics
from triage.auditing.engine.prepared import Name, Prepared, offered
from triage.auditing.engine.table_file import contiguous, write_table
from triage.auditing.engine.user_metrics import UserMetric
from triage.auditing.intervals import adjust_comparisons, judge_all
from triage.auditing.measured import AS_FOUND
from triage.auditing.measurement import (
    OVERALL,
    Analysis,
    AuditEstimate,
    AuditMeasurement,
    WorstLevel,
)
from triage.engine import Executor, ResultFolder, Task
from triage.engine.local import LocalExecutor
from triage.errors import UsageError
from triage.hashing import hash_json
from triage.progress import Progress

STAGE = "measuring groups"
TABLE_FILE = "table.safetensors"
_THREADS = 2
"""Levels measured at once in this process; one in each of several."""


def measure_audit(
    table: AuditTable,
    plan: AuditPlan,
    *,
    metrics: Sequence[UserMetric] = (),
    analyses: bool = True,
    progress: Progress = lambda *_: None,
    folder: Path | None = None,
    executor: Executor | None = None,
) -> AuditMeasurement:
    """Measure every metric, analysis and comparison of a plan.

    Parameters
    ----------
    table : AuditTable
    plan : AuditPlan
    metrics : sequence of UserMetric
        Metrics of the user's own, beside those of the plan's `metrics_file`. Parts that were
        kept are not used with them, and they are measured in this process only.
    analyses : bool
        Whether to run what goes beyond the table of metrics.
    progress : callable
        Called with a stage, how much of it is done, and its total.
    folder : Path, optional
        Where finished parts are kept, so that an interrupted run goes on from there; parts of
        another plan or other data are not used.
    executor : Executor, optional
        Where the axes and the analyses are measured, each a task; by default in this process.
        Others read the table from a file in `folder`, else in a folder for temporary files, which
        is removed in the end.

    Returns
    -------
    AuditMeasurement
        The same for the same table and plan, in whatever order the rows are, on every engine.

    Raises
    ------
    UsageError
        If there are no cases, the plan names a metric, an axis or a file of metrics that there
        is not, or functions are given for another process.
    EngineError
        If a worker does not find the table.
    """
    _check(table, plan)
    executor = executor or LocalExecutor(1)
    here = isinstance(executor, LocalExecutor)
    if metrics and not here:
        raise UsageError(
            "functions cannot be given to other processes", where="metrics",
            hint="Name a file of metrics in the plan, or use the local engine.",
        )  # fmt: skip
    folder = None if metrics else folder
    prepared = Prepared.of(contiguous(table), plan, metrics, _THREADS if here else 1)
    with _named(prepared, plan, folder, here=here) as name:
        kept = None if folder is None else ResultFolder(folder)
        tasks = _tasks(AXIS_TASK, "axis", [OVERALL, *table.axes], name, plan)
        of_axes = executor.map(tasks, stage=STAGE, progress=progress, results=kept)
        beyond = []
        if analyses:
            tasks = _tasks(ANALYSIS_TASK, "analysis", NAMES, name, plan)
            beyond = executor.map(tasks, stage=ANALYSES_STAGE, progress=progress, results=kept)
    return _measurement(
        prepared,
        plan,
        [AxisResults.model_validate(each) for each in of_axes],
        [Analysis.model_validate(each) for each in beyond],
    )


def _measurement(
    prepared: Prepared,
    plan: AuditPlan,
    results: Sequence[AxisResults],
    analyses: list[Analysis],
) -> AuditMeasurement:
    """Judge what was measured, over all axes."""
    table, planned = prepared.table, prepared.planned
    rows = [row for each in results for row in each.rows]
    comparisons = [found for each in results for found in each.comparisons]
    estimates = [row.estimate for row in rows]
    return AuditMeasurement(
        plan_sha256=plan.sha256(),
        facts=table.facts,
        excluded=table.excluded,
        deviations=[*table.notes, *planned.deviations],
        n_cases=len(table),
        n_patients=len(prepared.scopes.hashes),
        n_labelled=int(table.labelled.sum()),
        patients_known=table.patients_known,
        classes=list(table.classes),
        levels=[level for each in results for level in each.levels],
        estimates=estimates,
        findings=judge_all([(row.estimate, row.interval()) for row in rows], planned.plan),
        comparisons=adjust_comparisons(comparisons),
        worst=_worst(estimates, planned),
        analyses=analyses,
    )


@contextmanager
def _named(
    prepared: Prepared, plan: AuditPlan, folder: Path | None, *, here: bool
) -> Iterator[Name]:
    """Yield the name of the table: of one in memory, or of a file that is removed in the end."""
    hashes = prepared.scopes.hashes
    content = hash_json([__version__, plan.sha256(), table_hash(prepared.table, hashes)])
    if here:
        place = token_hex(16) if folder is None else str((folder / TABLE_FILE).absolute())
        with offered((place, content), prepared):
            yield place, content
        return
    with TemporaryDirectory(prefix="triage-audit-") as temporary:
        path = ((folder or Path(temporary)) / TABLE_FILE).absolute()
        try:
            write_table(path, prepared.table, content)
            yield str(path), content
        finally:
            path.unlink(missing_ok=True)


def _tasks(
    function: str, kind: str, names: Sequence[str], table: Name, plan: AuditPlan
) -> list[Task]:
    if plan.metrics_file is not None:  # relative to where this process runs
        changed = {"metrics_file": str(Path(plan.metrics_file).absolute())}
        plan = plan.model_copy(update=changed)
    shared = {"table": table[0], "content": table[1], "plan": plan.model_dump(mode="json")}
    return [Task(function, shared | {kind: name}, f"{kind} {name}") for name in names]


def _check(table: AuditTable, plan: AuditPlan) -> None:
    if len(table) == 0:
        raise UsageError("there are no cases to audit", hint="Look at the period and the cohorts.")
    strata = plan.intervals.strata
    if strata is not None and strata not in table.axes:
        raise UsageError(
            f"there is no axis {strata!r}", where="intervals.strata",
            hint=f"There are {', '.join(table.axes) or 'none'}.",
        )  # fmt: skip


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
