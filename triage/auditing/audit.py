"""`triage.audit`: the metrics of a table of labels and probabilities, overall and per subgroup.

Examples
--------
>>> import pandas as pd, triage
>>> frame = pd.DataFrame({
...     "y": ["a", "b", "a", "b"], "p_a": [0.9, 0.2, 0.4, 0.1], "p_b": [0.1, 0.8, 0.6, 0.9],
...     "skin_type": [1, 1, 6, 6]})
>>> result = triage.audit(
...     frame, label="y", probabilities=["p_a", "p_b"], groups=["skin_type"], n_resamples=100)
>>> float(result.overall.loc["accuracy", "value"])
0.75
>>> result.by_group["accuracy"]["value"].tolist()
[1.0, 0.5]
>>> "ood_auroc" in result.metrics
False
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from triage.auditing.arguments import (
    check_callable,
    check_frame,
    class_columns,
    group_columns,
    outlier_names,
    share,
    whole_number,
)
from triage.auditing.audit_plan import AuditPlan, IntervalSettings
from triage.auditing.audit_result import AuditResult
from triage.auditing.audit_table import AuditTable, LevelCodes
from triage.auditing.engine.user_metrics import Function, user_metrics
from triage.auditing.frame_columns import (
    group_levels,
    numbers,
    present_texts,
    truth_values,
    urgency_ranks,
)
from triage.auditing.metric_columns import Column
from triage.auditing.run import measure_audit
from triage.auditing.true_classes import true_classes
from triage.errors import UsageError
from triage.evaluation.outcomes import SUM_TOLERANCE
from triage.evaluation.results import level_order
from triage.progress import Progress

_NO_TIME = datetime(1970, 1, 1, tzinfo=UTC)
"""Of the plan of a table that was audited without one; nothing shows it."""

_READERS = {
    Column.OOD_SCORE: numbers,
    Column.ABSTAINED: truth_values,
    Column.COST: numbers,
    Column.TRUE_URGENCY: urgency_ranks,
    Column.QUEUE_URGENCY: urgency_ranks,
}


def audit(
    frame: pd.DataFrame,
    *,
    label: Hashable,
    probabilities: Sequence[Hashable] | Mapping[str, Hashable],
    groups: Sequence[Hashable] = (),
    patient: Hashable | None = None,
    outliers: Sequence[object] = (),
    ood_score: Hashable | None = None,
    abstained: Hashable | None = None,
    cost: Hashable | None = None,
    true_urgency: Hashable | None = None,
    queue_urgency: Hashable | None = None,
    outlier_prevalence: float | None = None,
    metrics: Mapping[str, Function] | Sequence[Function] = (),
    n_resamples: int = 1000,
    seed: int = 0,
    progress: Progress = lambda *_: None,
) -> AuditResult:
    """Measure the predictions of a table, overall and in every level of every group.

    A metric whose columns are not given is absent. Order and index of the rows do not matter.

    Parameters
    ----------
    frame : DataFrame of N rows
        One row a case.
    label : column
        True class of each case: a name, or, in a column of whole numbers, the position of its
        probability column (unless a class is itself named by a whole number).
    probabilities : sequence of columns, or mapping of class to column
        One for each class. The classes of a sequence are the names of the columns, without `p_` or
        `probability_` where all of them begin so.
    groups : sequence of columns
        Subgroups, such as skin type; each value is a level, missing values are "unknown". None may
        be named "overall", which is what results call all cases.
    patient : column, optional
        Cases of one patient are resampled together. Without it every case counts as a patient of
        its own, and the intervals of repeated patients are too narrow.
    outliers : sequence
        Labels that are out-of-distribution: none of the classes is right for them. In a column of
        positions, numbers that are the position of no class, such as -1.
    ood_score, abstained, cost : column, optional
        Score, larger = more out-of-distribution; whether there was no opinion; what it cost.
    true_urgency, queue_urgency : column, optional
        Urgency of the true condition and that the case was queued at: `urgent`, `semi_urgent`,
        `routine`, `observation`, or 0 to 3.
    outlier_prevalence : float, optional
        Share of outliers that costs, AUPR and rates of all cases are given for; that of the table
        by default.
    metrics : sequence of functions, or mapping of key to function
        Metrics of your own: `f(cases, weights)` takes a data frame of the cases and how often each
        counts, and returns a number; see `triage.auditing.engine.user_metrics`.
    n_resamples, seed : int
        Bootstrap resamples of patients, at least 100; the same seed, from 0, and table give the
        same numbers. Above 5,000 patients intervals are made without resamples.
    progress : callable
        Called with a stage, how much of it is done, and its total.

    Returns
    -------
    AuditResult

    Raises
    ------
    UsageError
        If the table is empty, a column is absent or holds what it cannot, probabilities are no
        such, a label is that of no class, there is one class only, or an argument is wrong.
    """
    check_frame(frame)
    plan = _plan(outlier_prevalence, n_resamples, seed)
    check_callable(progress, "progress")
    own = user_metrics(metrics)
    asked = (ood_score, abstained, cost, true_urgency, queue_urgency)
    named = dict(zip(_READERS, asked, strict=True))
    columns = class_columns(probabilities)
    outside = outlier_names(outliers, columns)
    axes = group_columns(groups)
    table = _table(frame, label, columns, axes, patient, outside, named)
    return AuditResult(measure_audit(table, plan, metrics=own, analyses=False, progress=progress))


def _plan(outlier_prevalence: object, n_resamples: object, seed: object) -> AuditPlan:
    replicates = whole_number(n_resamples, "n_resamples", at_least=100, example=1000)
    start = whole_number(seed, "seed", at_least=0, example=0)
    return AuditPlan(
        title="audit",
        source="not planned",
        created_at=_NO_TIME,
        intervals=IntervalSettings(replicates=replicates, seed=start % 2**32),
        outlier_prevalence=share(outlier_prevalence, "outlier_prevalence"),
    )


def _table(
    frame: pd.DataFrame,
    label: Hashable,
    columns: Mapping[str, Hashable],
    groups: Sequence[Hashable],
    patient: Hashable | None,
    outside: set[str],
    named: Mapping[Column, Hashable | None],
) -> AuditTable:
    """Return the columns that are used, in checked types."""
    patients = _patients(frame, patient)
    matrix = _probabilities(frame, columns)
    truth = true_classes(frame, label, list(columns), outside).astype(np.int16)
    given = {
        each: _READERS[each](frame, source, str(each))
        for each, source in named.items()
        if source is not None
    }
    return AuditTable(
        classes=tuple(columns),
        truth=truth,
        cluster=patients,
        patients_known=patient is not None,
        axes={str(name): _levels(group_levels(frame, name)) for name in groups},
        probabilities=matrix,
        ood_score=_as(given.get(Column.OOD_SCORE), np.float64),
        abstained=_as(given.get(Column.ABSTAINED), np.bool_),
        cost=_costs(_as(given.get(Column.COST), np.float64)),
        true_urgency=_as(given.get(Column.TRUE_URGENCY), np.int8),
        queue_urgency=_as(given.get(Column.QUEUE_URGENCY), np.int8),
    )


def _patients(frame: pd.DataFrame, patient: Hashable | None) -> NDArray[np.int32]:
    if patient is None:
        return np.arange(len(frame), dtype=np.int32)
    return _codes(present_texts(frame, patient, "patient"))[0].astype(np.int32)


def _codes(texts: Sequence[str]) -> tuple[NDArray[np.int64], list[str]]:
    codes, names = pd.factorize(np.asarray(texts, dtype=object))
    return codes, [str(name) for name in names]


def _levels(texts: Sequence[str]) -> LevelCodes:
    codes, names = _codes(texts)
    levels = sorted(names, key=level_order)
    place = np.array([levels.index(name) for name in names], dtype=np.int16)
    return LevelCodes(tuple(levels), place[codes])


def _as(values: NDArray[Any] | None, kind: type[np.generic]) -> NDArray[Any] | None:
    return None if values is None else np.asarray(values).astype(kind)


def _probabilities(frame: pd.DataFrame, columns: Mapping[str, Hashable]) -> NDArray[np.float32]:
    matrix = np.column_stack([numbers(frame, each, "probabilities") for each in columns.values()])
    if (matrix < 0).any() or (matrix > 1 + SUM_TOLERANCE).any():
        raise UsageError(
            f"hold values from {matrix.min():.3g} to {matrix.max():.3g}, outside 0 to 1",
            where="probabilities",
            hint="Give probabilities, not logits or percentages.",
        )
    if (wrong := np.abs(matrix.sum(axis=1) - 1) > SUM_TOLERANCE).any():
        raise UsageError(
            f"do not sum to one in {int(wrong.sum())} of {len(wrong)} rows",
            where="probabilities",
            hint="Name the columns of all classes, and of no outlier class: divide the others by "
            "their sum.",
        )

    return matrix.astype(np.float32)


def _costs(cost: NDArray[np.float64] | None) -> NDArray[np.float64] | None:
    if cost is not None and (cost < 0).any():
        raise UsageError(
            f"the smallest cost is {cost.min():g}, below 0",
            where="cost",
            hint="Give costs from 0, which means that nothing was lost.",
        )
    return cost
