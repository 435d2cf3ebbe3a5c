"""Columns of a table as the gate reads them: distinct values, numbers, probabilities."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from triage.audit_sources.column_values import distinct_texts
from triage.audit_sources.own_table import OwnProbabilities
from triage.audit_sources.table_file import open_table
from triage.auditing.audit_plan import AuditPlan, PlannedCondition
from triage.data.spec import DataSpec
from triage.decisions.cost_matrix import cost_matrix, largest_cost
from triage.errors import UsageError
from triage.evaluation.outcomes import SUM_TOLERANCE
from triage.predictions import Predictions

CASE, PATIENT, CLUSTER, LABEL = "case_id", "patient_id", "cluster", "label"
CONDITION, RECOMMENDATION, QUEUE, OOD = "condition", "recommendation", "queue_urgency", "ood_score"
_COLUMNS = (CASE, PATIENT, CLUSTER, LABEL, CONDITION, RECOMMENDATION, QUEUE, OOD)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class RawColumns:
    """The columns of a table that the gate reads, as they stand there.

    Parameters
    ----------
    table : pyarrow Table of N rows
    probabilities : float32 array [N, K], optional
        Calibrated probability of each known condition.
    where : str
        Name of the table in messages.
    """

    table: pa.Table
    probabilities: NDArray[np.float32] | None
    where: str

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def has(self, name: str) -> bool:
        """Return whether there is a column of that name."""
        return name in self.table.column_names

    def words(self, name: str) -> tuple[NDArray[np.int64], list[str]]:
        """Return the place of each value in the list of distinct ones, and these as clean text."""
        column = self.table.column(name)
        if pa.types.is_nested(column.type):
            raise UsageError(f"column {name!r} holds lists", where=self.where)
        return distinct_texts(_one_array(column))


def plan_of(spec: DataSpec) -> AuditPlan:
    """Return what a spec says of the cases, in the words of the measuring engine."""
    return AuditPlan(
        title="Gate",
        source=spec.name,
        created_at=_EPOCH,
        conditions=tuple(
            PlannedCondition(
                name=one.name, known=one.role == "inlier", urgency=one.urgency, risk=one.risk
            )
            for one in spec.conditions
        ),
        costs=cost_matrix(spec),
        largest_cost=largest_cost(spec),
        outlier_prevalence=spec.outlier_prevalence,
    )


def known_conditions(spec: DataSpec) -> tuple[str, ...]:
    """Return the conditions that the system knows; those of every other role are outliers."""
    return tuple(one.name for one in spec.conditions if one.role == "inlier")


def columns_of_file(path: Path, spec: DataSpec) -> RawColumns:
    """Read the gate's columns of a CSV or Parquet table.

    Raises
    ------
    UsageError
        If the file is no table, is damaged or has no rows.
    """
    with open_table(path) as table:
        given = probability_columns(table.columns, spec)
        own = None if table.own is None else OwnProbabilities.of(table, plan_of(spec))
        names = _wanted(table.columns, spec, path.name)
        extra = list(own.columns) if own else list(given.values())
        batches, parts = [], []
        for batch in table.batches(list(dict.fromkeys([*names, *extra]))):
            if own is not None:
                parts.append(own.of_batch(batch).astype(np.float32))
            batches.append(batch.select(names))
    if not any(len(batch) for batch in batches):
        raise UsageError("has no rows", where=str(path), hint="Name a table with cases.")
    found = pa.Table.from_batches(batches)
    if own is not None:
        place = [own.place[name] for name in known_conditions(spec) if name in own.place]
        whole = len(place) == len(known_conditions(spec))
        return RawColumns(found, np.concatenate(parts)[:, place] if whole else None, path.name)
    return RawColumns(found, _probabilities(found, given, path.name), path.name)


def columns_of_frame(frame: pd.DataFrame, spec: DataSpec, where: str = "table") -> RawColumns:
    """Return the gate's columns of a data frame."""
    if not len(frame):
        raise UsageError("has no rows", where=where, hint="Give a table with cases.")
    columns = [str(name) for name in frame.columns]
    if len({*columns}) < len(columns):
        raise UsageError("several columns have one name", where=where, hint="Rename them.")
    given = probability_columns(columns, spec)
    names = _wanted(columns, spec, where)
    arrays = [_array_of(frame[name]) for name in names]
    table = pa.table(arrays, names=names)
    return RawColumns(table, _probabilities(table, given, where), where)


def columns_of_predictions(
    predictions: Predictions, spec: DataSpec, probabilities: NDArray[np.float64] | None
) -> RawColumns:
    """Return the gate's columns of predictions with decisions.

    Raises
    ------
    UsageError
        If they carry no decisions.
    """
    if predictions.decisions is None:
        raise UsageError("the predictions carry no decisions", hint="Apply a policy first.")
    frame = pd.concat(
        [predictions.cases.reset_index(drop=True), predictions.decisions.reset_index(drop=True)],
        axis=1,
    )
    raw = columns_of_frame(frame, spec, "predictions")
    given = None if probabilities is None else probabilities.astype(np.float32)
    return RawColumns(raw.table, given, raw.where)


def probability_columns(columns: Iterable[str], spec: DataSpec) -> dict[str, str]:
    """Return the column of the probability of each known condition; empty where one is missing.

    A column is named as the condition is, perhaps with `p_` before it; underscores stand for
    blanks.
    """
    by_key = {_key(name): name for name in columns}
    found = {}
    for name in known_conditions(spec):
        for key in (_key(f"p {name}"), _key(name)):
            if key in by_key:
                found[name] = by_key[key]
                break
    return found if len(found) == len(known_conditions(spec)) else {}


def _key(name: str) -> str:
    return " ".join(name.casefold().replace("_", " ").replace("-", " ").split())


def _wanted(columns: Sequence[str], spec: DataSpec, where: str) -> list[str]:
    wanted = {*_COLUMNS, *(axis.column for axis in spec.subgroups)}
    wanted |= {*probability_columns(columns, spec).values()}
    found = [name for name in columns if name in wanted]
    if CASE not in found or LABEL not in found:
        absent = CASE if CASE not in found else LABEL
        raise UsageError(
            f"there is no column {absent!r}", where=where,
            hint="The gate reads case_id, patient_id, label, condition, recommendation, "
            "ood_score and the columns of subgroups.",
        )  # fmt: skip
    return found


def _array_of(column: pd.Series) -> pa.Array:
    try:
        return pa.Array.from_pandas(column)
    except (pa.ArrowException, TypeError, ValueError):  # values of several types
        return pa.array([None if pd.isna(one) else str(one) for one in column.astype(object)])


def _one_array(column: pa.ChunkedArray) -> pa.Array:
    found = column.combine_chunks()
    return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found


def number_column(raw: RawColumns, name: str) -> NDArray[np.float64]:
    """Return a column of numbers, NaN where there is none, float64 [N]."""
    codes, words = raw.words(name)
    values = np.array([_number(word) for word in words], dtype=np.float64)
    found: NDArray[np.float64] = values[codes]
    return found


def _number(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        return float("nan")


def _probabilities(
    table: pa.Table, given: dict[str, str], where: str
) -> NDArray[np.float32] | None:
    if not given:
        return None
    raw = RawColumns(table, None, where)
    found = np.column_stack([number_column(raw, column) for column in given.values()])
    wrong = ~np.isfinite(found).all(axis=1) | (found < 0).any(axis=1) | (found > 1).any(axis=1)
    wrong |= np.abs(found.sum(axis=1) - 1.0) > SUM_TOLERANCE
    if wrong.any():
        raise UsageError(
            f"the probabilities of {int(wrong.sum())} of {len(wrong)} rows are missing, outside 0 "
            "to 1 or do not sum to one",
            where=f"{where}: {next(iter(given.values()))}",
            hint="Give one column of shares for each condition that the system knows, or none.",
        )
    return found.astype(np.float32)
