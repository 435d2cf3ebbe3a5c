"""Read the cases of an audit from the case database.

True is what histology says, else the outcome of an adjudication, as in the figures of reviews. A
read of a single person is no label here: it is one of the things that the audit judges, and under
the AI it repeats what the AI said. Such cases, and those without any label, are unlabelled. Planted
cases are left out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from triage.audit_sources.column_values import Coded
from triage.audit_sources.levels import Bands, word_levels
from triage.audit_sources.raw_cases import RawCases, audit_table
from triage.audit_sources.read_table import OUTSIDE_COHORTS, OUTSIDE_PERIOD, end_of
from triage.auditing.audit_plan import AuditPlan, Period
from triage.auditing.audit_table import AuditTable, LevelCodes
from triage.data.cell_text import cell_text
from triage.errors import UsageError, nearest_name
from triage.progress import Progress
from triage.review.figures.reviewed_cases import ReviewedCase, reviewed_by_number, truth_labels
from triage.review.figures.truth import Truth, truth_of
from triage.store import Store
from triage.store.tables import Bundle, Case, Event, Label, PlantedCase, Prediction
from triage.vocabulary.bundle_aliases import CHAMPION
from triage.vocabulary.clinical import NO_AI_OPINION

NOT_SCORED = "not scored by the audited system"
NOT_READ = "that the audited system could not read"
SEVERAL = "with several true conditions"
_FACTS = ("source", "age", "modality", "laterality")
"""Columns that every case has beside its groups."""


@dataclass(frozen=True)
class _Row:
    """One case with the audited prediction and what people said of it."""

    number: int
    patient: int
    columns: Mapping[str, str]
    condition: str
    recommendation: str
    queue: str
    decision: Mapping[str, Any]
    truth: Truth | None
    review: ReviewedCase | None


def read_database(
    plan: AuditPlan, store: Store, progress: Progress = lambda *_: None
) -> AuditTable:
    """Read the cases of a plan from the case database.

    The prediction is that of the bundle of the plan, else of the one in use.

    Parameters
    ----------
    plan : AuditPlan
        `columns` is not read: the database has its own.
    store : Store
    progress : callable

    Raises
    ------
    UsageError
        If the bundle has scored no case, or an axis is none of the cases'.
    """
    excluded: dict[str, int] = {}
    with store.reading() as session:
        bundle = _bundle(session, plan)
        rows = _rows(session, plan, bundle, excluded, progress)
        single = _labelled_by_readers(session, rows)
        facts = {"bundle": bundle.digest, **_ledger(session)}
        classes = tuple(bundle.conditions)
        notes = _notes(session, plan, bundle, single)
    raw = _raw_cases(plan, rows, classes)
    raw.notes, raw.excluded = [*notes, *raw.notes], excluded
    table = audit_table(_with_other_conditions(plan, raw), raw)
    return replace(table, facts={"cases": _content_sha256(table), **facts})


def _bundle(session: Session, plan: AuditPlan) -> Bundle:
    wanted = Bundle.alias == CHAMPION if plan.bundle is None else Bundle.digest == plan.bundle
    found = session.scalar(select(Bundle).where(wanted))
    if found is None:
        raise UsageError(
            "no system is in use in the case database"
            if plan.bundle is None
            else f"the case database knows no bundle {plan.bundle[:12]}",
            where="bundle",
            hint="Score cases into it with triage score --db, or name another bundle in the plan.",
        )
    return found


def _notes(session: Session, plan: AuditPlan, bundle: Bundle, single: int) -> list[str]:
    found = []
    used = session.scalar(select(Bundle.digest).where(Bundle.alias == CHAMPION))
    if plan.bundle is not None and used != plan.bundle:
        found.append(
            "The bundle in use changed since the plan: the plan is for "
            f"{plan.bundle[:12]}, in use is {(used or 'none')[:12]}. The plan's was audited."
        )
    named = {one.name for one in plan.conditions}
    if absent := [name for name in bundle.conditions if named and name not in named]:
        raise UsageError(
            f"the system knows {absent[0]!r}, which is no condition of the plan",
            where="conditions",
            hint="Make a plan with the data spec of the audited system.",
        )
    if single:
        found.append(
            f"{single} cases have labels of single readers only. They count as unlabelled: true is "
            "what histology or an adjudication says."
        )
    return found


def _rows(
    session: Session,
    plan: AuditPlan,
    bundle: Bundle,
    excluded: dict[str, int],
    progress: Progress,
) -> list[_Row]:
    reviewed = reviewed_by_number(session)
    labels = truth_labels(session)
    query = (
        select(
            Case.id, Case.patient_id, Case.source, Case.groups, Case.received_at, Case.modality,
            Case.laterality, Case.age, Prediction.condition, Prediction.recommendation,
            Prediction.queue_urgency, Prediction.decision,
        )
        .outerjoin(
            Prediction, (Prediction.case_id == Case.id) & (Prediction.bundle_id == bundle.id)
        )
        .where(~exists().where(PlantedCase.case_id == Case.id))
        .order_by(Case.id)
        .execution_options(yield_per=1000)
    )  # fmt: skip
    found: list[_Row] = []
    for read, row in enumerate(session.execute(query), start=1):
        truth = truth_of(labels.get(row.id, ()))
        why = _reason_to_leave_out(plan, row, truth)
        if why:
            excluded[why] = excluded.get(why, 0) + 1
            continue
        columns = {
            name: cell_text(value)
            for name, value in {**{name: getattr(row, name) for name in _FACTS},
                                **{k: v for k, v in row.groups.items() if v is not None}}.items()
        }  # fmt: skip
        found.append(
            _Row(
                row.id, row.patient_id, columns, row.condition, row.recommendation,
                row.queue_urgency, row.decision, truth, reviewed.get(row.id),
            )
        )  # fmt: skip
        if read % 1000 == 0:
            progress("reading cases", read, read)
    if not found:
        raise UsageError(
            "the case database has no case to audit",
            where="--db",
            hint="Check the period and the cohorts of the plan, and which bundle scored the cases.",
        )
    return found


def _reason_to_leave_out(plan: AuditPlan, row: Any, truth: Truth | None) -> str:
    if plan.cohorts and row.source not in plan.cohorts:
        return OUTSIDE_COHORTS
    if plan.period is not None and not _inside(plan.period, row.received_at):
        return OUTSIDE_PERIOD
    if row.recommendation is None:
        return NOT_SCORED
    if row.condition is None:
        return NOT_READ
    return SEVERAL if truth is not None and len(truth.conditions) > 1 else ""


def _inside(period: Period, at: datetime) -> bool:
    moment = at.astimezone(UTC).replace(tzinfo=None)
    return bool(period.first.replace(tzinfo=None) <= moment < end_of(period))


def _labelled_by_readers(session: Session, rows: list[_Row]) -> int:
    """How many cases without a truth have a standing label."""
    labelled = set(
        session.scalars(select(Label.case_id).where(Label.withdrawn_at.is_(None)).distinct())
    )
    return sum(row.truth is None and row.number in labelled for row in rows)


def _raw_cases(plan: AuditPlan, rows: list[_Row], classes: tuple[str, ...]) -> RawCases:
    patients = np.array([row.patient for row in rows])
    scores = [row.decision.get("ood_score") for row in rows]
    reviews = [row.review for row in rows]
    decided = any(one is not None and one.decision is not None for one in reviews)
    labels = [_named(None if row.truth is None else row.truth.conditions) for row in rows]
    axes, axis_notes = _axes(plan, rows)
    raw = RawCases(
        classes=classes,
        labels=Coded.of(labels),
        cluster=np.unique(patients, return_inverse=True)[1].astype(np.int32),
        patients_known=True,
        axes=axes,
        notes=axis_notes,
        probabilities=_probabilities(rows, classes),
        predicted=Coded.of([row.condition for row in rows]),
        recommendation=Coded.of([row.recommendation for row in rows]),
        abstained=Coded.of([str(int(row.recommendation == NO_AI_OPINION)) for row in rows]),
        queue_urgency=Coded.of([row.queue for row in rows]),
        true_urgency=_true_urgency(plan, rows),
        case_numbers=np.array([row.number for row in rows], dtype=np.int64),
    )
    if all(score is not None for score in scores):
        raw.ood_score = np.array(scores, dtype=np.float64)
    if not decided:
        return raw
    firsts = [None if one is None else one.first for one in reviews]
    finals = [None if one is None else one.decision for one in reviews]
    raw.first_read = Coded.of([_named(None if one is None else one.conditions) for one in firsts])
    raw.final_decision = Coded.of(
        [_named(None if one is None else one.conditions) for one in finals]
    )
    raw.first_urgency = Coded.of(["" if one is None else str(one.urgency) for one in firsts])
    raw.final_urgency = Coded.of(["" if one is None else str(one.urgency) for one in finals])
    raw.seconds = np.array(
        [np.nan if one is None or one.seconds is None else sum(one.seconds) for one in reviews],
        dtype=np.float32,
    )
    raw.ai_shown = Coded.of(
        ["" if one is None or one.decision is None else str(int(one.revealed)) for one in reviews]
    )
    return raw


def _with_other_conditions(plan: AuditPlan, raw: RawCases) -> AuditPlan:
    """The plan with conditions that only labels name, such as those not listed, as outliers."""
    named = {*raw.classes, *plan.outliers, *(one.name for one in plan.conditions)}
    others = sorted({*raw.labels.values} - named - {""})
    return plan.model_copy(update={"outliers": (*plan.outliers, *others)})


def _named(conditions: Any) -> str:
    """One word for the conditions that a label or a read names, in any order."""
    return "" if conditions is None else " + ".join(sorted(conditions))


def _true_urgency(plan: AuditPlan, rows: list[_Row]) -> Coded | None:
    """The urgency that the truth states, else that of the condition in the plan."""
    stated, found = plan.urgency_of, []
    for row in rows:
        urgency = None
        if row.truth is not None:
            urgency = row.truth.urgency or stated.get(_named(row.truth.conditions))
        found.append("" if urgency is None else str(urgency))
    return Coded.of(found) if any(found) else None


def _probabilities(rows: list[_Row], classes: tuple[str, ...]) -> Any:
    """Probabilities of all classes, where each decision states all of them; else None."""
    place = {name: at for at, name in enumerate(classes)}
    found = np.empty((len(rows), len(classes)), dtype=np.float64)
    for row, case in zip(found, rows, strict=True):
        ranked = case.decision.get("differential") or []
        if {one["condition"] for one in ranked} != place.keys():
            return None
        for one in ranked:
            row[place[one["condition"]]] = one["probability"]
    return (found / found.sum(axis=1, keepdims=True)).astype(np.float32)


def _axes(plan: AuditPlan, rows: list[_Row]) -> tuple[dict[str, LevelCodes], list[str]]:
    """Return the axes of columns, and what the report has to say of them."""
    known = sorted({name for row in rows for name in row.columns})
    found: dict[str, LevelCodes] = {}
    notes: list[str] = []
    for axis in plan.axes:
        if axis.column is None:
            continue
        if axis.column not in known:
            near = nearest_name(axis.column, known)
            raise UsageError(
                f"no case has a group {axis.column!r}",
                where=f"axes.{axis.name}",
                hint=f"Did you mean {near!r}?" if near else f"There are {', '.join(known)}.",
            )
        words = [row.columns.get(axis.column, "") for row in rows]
        if axis.bands is None:
            found[axis.name] = word_levels(axis, Coded.of(words))
        else:
            bands = Bands(axis)
            bands.add(pa.array(words, pa.string()), None)
            found[axis.name] = bands.levels()
            notes += bands.notes()
    return found, notes


def _ledger(session: Session) -> dict[str, str]:
    """The last event of a case: its hash covers all events before it.

    Later events, such as those of audits and of signing in, are none of the data.
    """
    last = session.execute(
        select(Event.id, Event.hash)
        .where(Event.case_id.is_not(None))
        .order_by(Event.id.desc())
        .limit(1)
    ).first()
    return {} if last is None else {"ledger_sequence": str(last.id), "ledger_head": last.hash}


def _content_sha256(table: AuditTable) -> str:
    """SHA-256 over the columns of a table: names, types and values in the order of the cases."""
    digest = hashlib.sha256("\0".join(table.classes).encode())
    columns = {each.name: getattr(table, each.name) for each in fields(table)}
    for axis in table.axes:
        columns[f"axis {axis}"] = table.axes[axis].codes
        digest.update("\0".join((axis, *table.axes[axis].levels)).encode())
    for name, values in columns.items():
        if isinstance(values, np.ndarray):
            digest.update(f"{name}\0{values.dtype.str}\0{values.shape}".encode())
            digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()
