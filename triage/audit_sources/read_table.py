"""Read the cases of an audit from a table in a file: ours, or anybody's CSV or Parquet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from triage.audit_sources.column_values import (
    Coded,
    Identifiers,
    Numbers,
    Probabilities,
    Words,
    distinct_texts,
    numbers_of,
)
from triage.audit_sources.levels import Bands, joined_spellings, word_levels
from triage.audit_sources.own_table import OwnProbabilities, own_columns
from triage.audit_sources.raw_cases import RawCases, audit_table
from triage.audit_sources.table_columns import check_columns
from triage.audit_sources.table_file import TableFile, open_table
from triage.auditing.audit_plan import AuditPlan, Period
from triage.auditing.audit_table import AuditTable, LevelCodes
from triage.decisions.policy import Policy
from triage.errors import UsageError
from triage.evaluation.outcomes import SUM_TOLERANCE
from triage.progress import Progress, counting

_WORDS = (
    "predicted", "recommendation", "queue_urgency", "abstained", "true_urgency", "first_read",
    "final_decision", "first_urgency", "final_urgency", "ai_shown",
)  # fmt: skip
"""Roles of `Columns` whose values are words."""
OUTSIDE_PERIOD, OUTSIDE_COHORTS = "outside the period", "of other sources"


class _Collects(Protocol):
    def add(self, column: pa.Array, keep: NDArray[np.bool_] | None) -> None: ...


@dataclass
class _Collected:
    """What is collected of a table, by the role that the plan gives it."""

    names: dict[str, str]
    words: dict[str, Words]
    numbers: dict[str, Numbers]
    identifiers: dict[str, Identifiers]
    axes: dict[str, Words | Bands]
    probabilities: Probabilities | None
    excluded: dict[str, int] = field(default_factory=dict)


def read_table(
    plan: AuditPlan,
    predictions: Path,
    progress: Progress = lambda *_: None,
    policy: Policy | None = None,
) -> AuditTable:
    """Read the cases of a plan from a file: our predictions table, or anybody's CSV or Parquet.

    Our predictions may also be a folder of shards. Only the columns that the plan names are read,
    in batches; each is brought to a small type at once, and probabilities beyond 512 MiB stay in a
    temporary file.

    Parameters
    ----------
    plan : AuditPlan
    predictions : Path
    progress : callable
    policy : Policy, optional
        Of the bundle that made a predictions table of ours: calibrates its probabilities.

    Raises
    ------
    UsageError
        If the file or a column cannot be used as the plan says: which, where, and what to do.
    """
    with open_table(predictions) as table:
        own = None if table.own is None else OwnProbabilities.of(table, plan, policy)
        named = plan if own is None else plan.model_copy(update={"columns": own_columns(plan)})
        check_columns(named, table)
        if own is None and named.columns.probabilities is None and named.columns.predicted is None:
            raise UsageError(
                "the plan names no columns of probabilities, nor one of the named condition",
                where="columns",
                hint="Make the plan with --probabilities name=column,..., or give a predictions "
                "table of `triage score`.",
            )
        digest = table.digest()
        collected = _collectors(named, own)
        _read(named, table, collected, own, progress)
        raw = _raw_cases(named, table, collected, own)
    raw.facts = {"predictions": digest, **raw.facts}
    return audit_table(named, raw)


def _collectors(plan: AuditPlan, own: OwnProbabilities | None) -> _Collected:
    columns = plan.columns.model_dump(exclude_none=True)
    roles = {role: name for role, name in columns.items() if role != "probabilities"}

    def where(role: str) -> str:
        return f"columns.{role}"

    numbers: dict[str, Numbers] = {}
    for role in ("ood_score", "cost"):
        if role in roles:
            numbers[role] = Numbers(roles[role], where(role), np.float64)
    if "seconds" in roles:
        numbers["seconds"] = Numbers(roles["seconds"], where("seconds"), np.float32, missing=True)
    classes = own.classes if own else tuple(plan.columns.probabilities or ())
    return _Collected(
        names=roles,
        words={
            role: Words(roles[role], where(role)) for role in ("label", *_WORDS) if role in roles
        },
        numbers=numbers,
        identifiers={
            role: Identifiers(roles[role], where(role))
            for role in ("case", "patient")
            if role in roles
        },
        axes={
            axis.name: Words(axis.column, f"axes.{axis.name}")
            if axis.bands is None
            else Bands(axis)
            for axis in plan.axes
            if axis.column is not None
        },
        probabilities=Probabilities(len(classes)) if classes else None,
    )


def _read(
    plan: AuditPlan,
    table: TableFile,
    collected: _Collected,
    own: OwnProbabilities | None,
    progress: Progress,
) -> None:
    columns = plan.columns
    by_class = columns.probabilities or {}
    axes = {axis.name: axis.column for axis in plan.axes if axis.column is not None}
    period = None if plan.period is None else plan.period.column
    wanted = {*collected.names.values(), *by_class.values(), *axes.values()}
    wanted |= {*(own.columns if own else ()), *([period] if period else [])}
    ordered = [name for name in table.columns if name in wanted]
    collecting: list[tuple[str, _Collects]] = [
        (collected.names[role], one)
        for group in (collected.words, collected.numbers, collected.identifiers)
        for role, one in group.items()
    ]
    collecting += [(axes[name], one) for name, one in collected.axes.items()]
    total = -(-table.size >> 20)
    advance = counting(progress, "reading cases (MiB)", total)
    rows = read = 0
    for batch in table.batches(ordered):
        keep = _kept(plan, batch, rows, collected.excluded)
        for name, one in collecting:
            one.add(batch.column(name), keep)
        if collected.probabilities is not None:
            found = own.of_batch(batch) if own else _probabilities(batch, by_class, rows)
            collected.probabilities.add(found if keep is None else found[keep])
        rows += batch.num_rows
        now = max(read, table.stream.tell() >> 20)
        advance(now - read)
        read = now
    advance(total - read)  # of a Parquet file the position says little
    if not rows:
        raise UsageError("has no rows", where=str(table.path), hint="Name a table with cases.")


def _probabilities(
    batch: pa.RecordBatch, by_class: Mapping[str, str], first: int
) -> NDArray[np.float64]:
    """Return the probabilities of a batch, float [n, K]; UsageError if they are no such."""
    found = np.column_stack(
        [
            numbers_of(batch.column(column), column, f"columns.probabilities.{name}", first,
                       missing=False)
            for name, column in by_class.items()
        ]
    )  # fmt: skip
    outside = ((found < 0) | (found > 1)).any(axis=1)
    apart = np.abs(found.sum(axis=1) - 1.0) > SUM_TOLERANCE
    for wrong, what in ((outside, "lie outside 0 to 1"), (apart, "do not sum to one")):
        if wrong.any():
            raise UsageError(
                f"the probabilities {what} in case {first + int(wrong.argmax()) + 1} "
                "(counted from 1)",
                where="columns.probabilities",
                hint="Give one column for each condition that the system knows, and the "
                "probabilities as shares, such as 0.25.",
            )
    return found


def _kept(
    plan: AuditPlan, batch: pa.RecordBatch, first: int, excluded: dict[str, int]
) -> NDArray[np.bool_] | None:
    """Which rows of a batch are of the plan's period and cohorts; None where all are."""
    keep: NDArray[np.bool_] | None = None
    if plan.period is not None and plan.period.column is not None:
        keep = _within(plan.period, batch.column(plan.period.column), first)
        excluded[OUTSIDE_PERIOD] = excluded.get(OUTSIDE_PERIOD, 0) + int((~keep).sum())
    if plan.cohorts and plan.columns.source is not None:
        codes, words = distinct_texts(batch.column(plan.columns.source))
        wanted = np.array([word in plan.cohorts for word in words] + [False])[codes]
        others = ~wanted if keep is None else keep & ~wanted
        excluded[OUTSIDE_COHORTS] = excluded.get(OUTSIDE_COHORTS, 0) + int(others.sum())
        keep = wanted if keep is None else keep & wanted
    return keep


def _within(period: Period, column: pa.Array, first: int) -> NDArray[np.bool_]:
    """Whether the time of each case lies in the period; the last day is included."""
    kind = pa.timestamp("us")
    try:
        if pa.types.is_timestamp(column.type) and column.type.tz is not None:
            column = pc.local_timestamp(column)
        times = pc.cast(column, kind, safe=False)
    except pa.ArrowException as error:
        raise UsageError(
            f"column {period.column!r} holds what is no date among the cases from {first + 1} on",
            where="period.column",
            hint="Write dates as 2025-12-31 or 2025-12-31 08:30:00.",
        ) from error
    if times.null_count:
        raise UsageError(
            f"column {period.column!r} has missing values", where="period.column",
            hint="Complete them, or leave the period out of the plan.",
        )  # fmt: skip
    after = pa.scalar(end_of(period), kind)
    since = pa.scalar(period.first.replace(tzinfo=None), kind)
    inside = pc.and_(pc.greater_equal(times, since), pc.less(times, after))
    found: NDArray[np.bool_] = inside.to_numpy(zero_copy_only=False)
    return found


def end_of(period: Period) -> datetime:
    """Return the moment after the last of a period: after its last day, where that is a day."""
    last = period.last.replace(tzinfo=None)
    whole_day = (last.hour, last.minute, last.second, last.microsecond) == (0, 0, 0, 0)
    return last + (timedelta(days=1) if whole_day else timedelta(microseconds=1))


def _raw_cases(
    plan: AuditPlan, table: TableFile, collected: _Collected, own: OwnProbabilities | None
) -> RawCases:
    words: dict[str, Coded] = {role: one.coded() for role, one in collected.words.items()}
    numbers = {role: one.array() for role, one in collected.numbers.items()}
    labels = words["label"]
    n = len(labels.codes)
    names = None
    if "case" in collected.identifiers:
        _refuse_doubled(collected.identifiers["case"], collected.names["case"])
        names = collected.identifiers["case"].array().combine_chunks()
    cluster = np.arange(n, dtype=np.int32)
    if "patient" in collected.identifiers:
        cluster = collected.identifiers["patient"].places()
    notes = [] if own is None else own.notes(plan)
    axes: dict[str, LevelCodes] = {}
    for axis in plan.axes:
        if axis.column is None:
            continue
        one = collected.axes[axis.name]
        if isinstance(one, Bands):
            axes[axis.name] = one.levels()
            notes += one.notes()
            continue
        coded = one.coded()
        axes[axis.name] = word_levels(axis, coded)
        if joined := joined_spellings(coded):
            notes.append(
                f"Axis {axis.name}: spellings that differ in case or blanks only were joined, of "
                f"{joined} level{'s' if joined > 1 else ''}."
            )
    if plan.cohorts and plan.columns.source is None:
        notes.append("The table names no source of its cases, so the plan's cohorts had no effect.")
    if plan.period is not None and plan.period.column is None:
        notes.append("The plan names no column of times, so its period had no effect.")
    return RawCases(
        classes=own.classes if own else _classes(plan),
        labels=labels,
        cluster=cluster,
        patients_known="patient" in collected.identifiers,
        axes=axes,
        probabilities=None if collected.probabilities is None else collected.probabilities.array(),
        ood_score=numbers.get("ood_score"),
        cost=numbers.get("cost"),
        seconds=numbers.get("seconds"),
        predicted=words.get("predicted"),
        recommendation=words.get("recommendation"),
        queue_urgency=words.get("queue_urgency"),
        abstained=words.get("abstained"),
        true_urgency=words.get("true_urgency"),
        first_read=words.get("first_read"),
        final_decision=words.get("final_decision"),
        first_urgency=words.get("first_urgency"),
        final_urgency=words.get("final_urgency"),
        ai_shown=words.get("ai_shown"),
        case_names=names,
        facts={} if own is None else own.facts(),
        notes=notes,
        excluded={why: count for why, count in collected.excluded.items() if count},
    )


def _classes(plan: AuditPlan) -> tuple[str, ...]:
    if plan.columns.probabilities is not None:
        return tuple(plan.columns.probabilities)
    known = tuple(one.name for one in plan.conditions if one.known)
    if not known:
        raise UsageError(
            "the plan names no condition", where="conditions",
            hint="Without probabilities a plan has to name the conditions that the system knows.",
        )  # fmt: skip
    return known


def _refuse_doubled(cases: Identifiers, column: str) -> None:
    """Refuse a case that is there twice, by the places of its rows and not by its name."""
    codes = cases.places()
    if (doubled := len(codes) - int(codes.max(initial=-1)) - 1) == 0:
        return
    _, first = np.unique(codes, return_index=True)
    again = np.ones(len(codes), dtype=np.bool_)
    again[first] = False
    place = int(again.argmax())
    before = int(first[codes[place]])
    raise UsageError(
        f"column {column!r} names {doubled} cases more than once: case {place + 1} is that of "
        f"case {before + 1} (counted from 1)",
        where="columns.case",
        hint="Give each case once. Several cases of one patient share the column of patients.",
    )
