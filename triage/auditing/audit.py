"""`triage.audit`: the metrics of a table of labels and probabilities, overall and per subgroup.

Examples
--------
>>> import pandas as pd, triage
>>> frame = pd.DataFrame({
...     "y": ["a", "b", "a", "b"], "p_a": [0.9, 0.2, 0.4, 0.1], "p_b": [0.1, 0.8, 0.6, 0.9],
...     "skin_type": [1, 1, 6, 6]})
>>> result = triage.audit(
...     frame, label="y", probabilities=["p_a", "p_b"], groups=["skin_type"], n_resamples=50)
>>> float(result.overall.loc["accuracy", "value"])
0.75
>>> result.by_group["accuracy"]["value"].tolist()
[1.0, 0.5]
>>> "ood_auroc" in result.metrics
False
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

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
from triage.auditing.audit_result import AuditResult
from triage.auditing.frame_columns import (
    group_levels,
    numbers,
    present_texts,
    truth_values,
    urgency_ranks,
)
from triage.auditing.metric_columns import Column, measurable
from triage.auditing.true_classes import true_classes
from triage.errors import UsageError
from triage.evaluation.evaluate import evaluate
from triage.evaluation.outcomes import SUM_TOLERANCE, Outcomes
from triage.progress import Progress

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
    n_resamples, seed : int
        Bootstrap resamples of patients, at least 2; the same seed, from 0, and table give the same
        numbers.
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
    outlier_prevalence = share(outlier_prevalence, "outlier_prevalence")
    n_resamples = whole_number(n_resamples, "n_resamples", at_least=2, example=1000)
    check_callable(progress, "progress")
    seed = whole_number(seed, "seed", at_least=0, example=0)
    asked = (ood_score, abstained, cost, true_urgency, queue_urgency)
    named = dict(zip(_READERS, asked, strict=True))
    columns = class_columns(probabilities)
    outside = outlier_names(outliers, columns)
    axes = group_columns(groups)
    plain = _plain_table(frame, label, columns, axes, patient, outside, named)
    outcomes = _outcomes(plain, columns, axes, named, outlier_prevalence)
    keys = measurable(_given(named, outcomes))
    found = evaluate(outcomes, n_resamples=n_resamples, seed=seed, metrics=keys, progress=progress)
    return AuditResult(found, tuple(keys), patients_known=patient is not None)


def _given(named: Mapping[Column, Hashable | None], outcomes: Outcomes) -> set[Column]:
    given = {each for each, name in named.items() if name is not None}
    return given | {Column.OUTLIERS} if outcomes.is_outlier.any() else given


def _plain_table(
    frame: pd.DataFrame,
    label: Hashable,
    columns: Mapping[str, Hashable],
    groups: Sequence[Hashable],
    patient: Hashable | None,
    outside: set[str],
    named: Mapping[Column, Hashable | None],
) -> pd.DataFrame:
    """Return the columns that are used, in checked types, sorted by their own values.

    Sorted, because resampling and sums of floats depend on the order of the rows.
    """
    data: dict[tuple[str, str], object] = {}
    if patient is not None:
        data["cluster", ""] = present_texts(frame, patient, "patient")
    for name, each in columns.items():
        data["probability", name] = numbers(frame, each, "probabilities")
    data["truth", ""] = true_classes(frame, label, list(columns), outside)
    for each in named:
        if (source := named[each]) is not None:
            data["column", str(each)] = _READERS[each](frame, source, str(each))
    for source in groups:
        data["group", str(source)] = group_levels(frame, source)
    plain = pd.DataFrame(data)
    plain = plain.sort_values(list(plain.columns), kind="stable", ignore_index=True)
    if patient is None:
        plain["cluster", ""] = [f"case {number:09d}" for number in range(len(plain))]
    return plain


def _outcomes(
    plain: pd.DataFrame,
    columns: Mapping[str, Hashable],
    groups: Sequence[Hashable],
    named: Mapping[Column, Hashable | None],
    outlier_prevalence: float | None,
) -> Outcomes:
    """Return what metrics read; what is not given is filled, and no metric that reads it asked."""
    matrix = np.column_stack([plain["probability", name] for name in columns])
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

    def given(each: Column) -> NDArray[np.float64]:
        if named[each] is None:
            return np.zeros(len(plain))
        return plain["column", str(each)].to_numpy(dtype=np.float64)

    cost = given(Column.COST)
    if (cost < 0).any():
        raise UsageError(
            f"the smallest cost is {cost.min():g}, below 0",
            where="cost",
            hint="Give costs from 0, which means that nothing was lost.",
        )
    return Outcomes(
        classes=tuple(columns),
        truth=plain["truth", ""].to_numpy(),
        probabilities=matrix,
        ood_score=given(Column.OOD_SCORE),
        abstained=given(Column.ABSTAINED),  # type: ignore[arg-type]  # converted there
        cost=cost,
        true_urgency=given(Column.TRUE_URGENCY),  # type: ignore[arg-type]
        queue_urgency=given(Column.QUEUE_URGENCY),  # type: ignore[arg-type]
        cluster=plain["cluster", ""].to_numpy(),
        subgroups=pd.DataFrame(
            {str(name): plain["group", str(name)] for name in groups}, index=plain.index
        ),
        outlier_prevalence=outlier_prevalence,
    )
