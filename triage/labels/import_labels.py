"""Labels from a table into the case database: histology, adjudications, reads given elsewhere."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from triage.accounts import SYSTEM_ACTOR, Action, Actor, require
from triage.csv_file import write_csv
from triage.data.spec import DataSpec
from triage.errors import UsageError
from triage.labels.agreement import fleiss_kappa
from triage.labels.label_table import (
    CASE,
    CASE_SOURCE,
    CONDITION,
    ONE_PER_CASE,
    VOTES,
    LabelRow,
    LabelTable,
    RejectedRow,
    read_labels,
)
from triage.store import Store, add_label, close_label_requests, known_conditions
from triage.store.base import utc_now
from triage.store.tables import Case, Label, Patient
from triage.vocabulary.label_sources import LabelSource
from triage.vocabulary.read_answers import NOT_LISTED
from triage.vocabulary.reader_names import reader_key

ANSWERED = "a label was imported"
"""Why an import closes the open requests for a label of its cases."""
_CHUNK = 500


@dataclass(frozen=True)
class ImportedLabels:
    """What an import did, or would do.

    Parameters
    ----------
    added : int
        Labels that were not there.
    present : int
        Labels that were there already, so that nothing was added.
    requests_closed : int
        Requests for a label that these answer.
    rejected : tuple of RejectedRow
    ignored : tuple of str
        Columns that are none of a table of labels.
    table : LabelTable
    """

    added: int
    present: int
    requests_closed: int
    rejected: tuple[RejectedRow, ...]
    ignored: tuple[str, ...]
    table: LabelTable

    @property
    def kappa(self) -> float | None:
        """Fleiss' kappa of the votes in the rows that could be read; None where it has none."""
        return fleiss_kappa(row.votes for row in self.table.rows if row.votes)


def import_labels(
    store: Store,
    path: Path,
    source: LabelSource,
    actor: Actor,
    *,
    spec: DataSpec | None = None,
    dry_run: bool = False,
    now: datetime | None = None,
) -> ImportedLabels:
    """Add the labels of a table in one transaction; the same table again adds nothing.

    The whole table is checked before anything is added. Rows that are wrong are rejected and the
    others added.

    Parameters
    ----------
    store : Store
    path : Path
        See `triage.labels.label_table.read_labels`.
    source : LabelSource
    actor : Actor
        Who imports; the events name this account, and the labels who gave them.
    spec : DataSpec, optional
        Its conditions may be named; those of all bundles of the database by default.
    dry_run : bool
        Whether only to check.

    Raises
    ------
    SpecError
        If the file is no table of labels.
    UsageError
        If nothing says which conditions there are.
    PermissionDenied
        If the actor may not add labels.
    """
    if actor != SYSTEM_ACTOR:  # of a database without accounts
        require(actor, Action.ADD_LABEL)
    moment = now or utc_now()
    with store.reading() as session:
        known = known_conditions(session) if spec is None else tuple(spec.by_name)
    if not known:
        raise UsageError(
            "no bundle is in the case database, so that nothing says which conditions there are",
            where="--spec",
            hint="Name the data spec.",
        )
    table = read_labels(path, source, [*known, NOT_LISTED], now=moment)

    def work(session: Session) -> ImportedLabels:
        fresh, present, refused = _checked(session, table.rows, source)
        closed = 0
        for case_id, row in () if dry_run else fresh:
            add_label(
                session,
                case_id,
                row.condition,
                source,
                given_by=row.given_by,
                ai_visible=source is LabelSource.AI_VISIBLE,
                votes=row.votes,
                given_at=row.given_at,
                actor=actor.name,
                at=moment,
            )
            closed += close_label_requests(session, case_id, ANSWERED, actor=actor.name, at=moment)
        rejected = tuple(sorted([*table.rejected, *refused], key=lambda one: one.number))
        return ImportedLabels(len(fresh), present, closed, rejected, table.ignored, table)

    if dry_run:
        with store.reading() as session:
            return work(session)
    return store.write(work)


def write_rejected(path: Path, result: ImportedLabels) -> None:
    """Write the rejected rows as they came, each with the row, the column and the reason.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    columns = ("row", "column", "reason", *result.table.columns)
    rows = [
        (one.number, one.column, one.reason, *result.table.cells[one.number])
        for one in result.rejected
    ]
    write_csv(path, columns, rows)


def _checked(
    session: Session, rows: Sequence[LabelRow], source: LabelSource
) -> tuple[list[tuple[int, LabelRow]], int, list[RejectedRow]]:
    """Return the rows to add with their cases, how many are stored already, and those refused."""
    cases = _cases(session, {row.case for row in rows})
    stored = _stored(session, source, {one.id for found in cases.values() for one in found})
    fresh: list[tuple[int, LabelRow]] = []
    taken: set[tuple[int, str]] = set()
    present, refused = 0, []
    for row in rows:
        found = [
            one
            for one in cases.get(row.case, ())
            if row.case_source is None or one.source == row.case_source
        ]
        if problem := _problem_of_case(row, found):
            refused.append(problem)
            continue
        case_id = found[0].id
        same = [one for one in stored.get(case_id, ()) if _is_of_same(one, row, source)]
        if any(one.condition != row.condition for one in same):
            reason = f"contradicts the {source.value.replace('_', ' ')} label that is stored"
            refused.append(RejectedRow(row.number, CONDITION, reason))
        elif any((one.votes or None) != row.votes for one in same):
            refused.append(RejectedRow(row.number, VOTES, "the label is stored with other votes"))
        elif same:
            present += 1
        elif (case_id, _place(row, source)) in taken:
            reason = "the case is there twice, once with and once without its source"
            refused.append(RejectedRow(row.number, CASE, reason))
        else:
            taken.add((case_id, _place(row, source)))
            fresh.append((case_id, row))
    return fresh, present, refused


@dataclass(frozen=True, slots=True)
class _Found:
    id: int
    source: str
    has_consent: bool


def _cases(session: Session, names: Iterable[str]) -> dict[str, list[_Found]]:
    found: dict[str, list[_Found]] = defaultdict(list)
    ordered = sorted(names)
    for at in range(0, len(ordered), _CHUNK):
        query = (
            select(Case, Patient.consent_withdrawn_at, Patient.deleted_at)
            .join(Patient, Case.patient_id == Patient.id)
            .where(Case.external_id.in_(ordered[at : at + _CHUNK]))
            .order_by(Case.id)
        )
        for case, withdrawn, deleted in session.execute(query):
            consent = withdrawn is None and deleted is None
            found[case.external_id].append(_Found(case.id, case.source, consent))
    return found


def _stored(session: Session, source: LabelSource, cases: Iterable[int]) -> dict[int, list[Label]]:
    found: dict[int, list[Label]] = defaultdict(list)
    numbers = sorted(cases)
    for at in range(0, len(numbers), _CHUNK):
        query = select(Label).where(
            Label.case_id.in_(numbers[at : at + _CHUNK]),
            Label.source == source,
            Label.read_id.is_(None),
            Label.withdrawn_at.is_(None),
        )
        for label in session.scalars(query):
            found[label.case_id].append(label)
    return found


def _problem_of_case(row: LabelRow, found: Sequence[_Found]) -> RejectedRow | None:
    if not found:
        column = CASE if row.case_source is None else CASE_SOURCE
        return RejectedRow(row.number, column, "the database has no such case")
    if len(found) > 1:
        reason = f"{len(found)} sources have a case of this name: state {CASE_SOURCE}"
        return RejectedRow(row.number, CASE, reason)
    if not found[0].has_consent:
        return RejectedRow(row.number, CASE, "its patient has withdrawn consent, or was deleted")
    return None


def _place(row: LabelRow, source: LabelSource) -> str:
    return "" if source in ONE_PER_CASE else reader_key(row.given_by)


def _is_of_same(label: Label, row: LabelRow, source: LabelSource) -> bool:
    """Whether a stored label is what the row states again, or contradicts."""
    return source in ONE_PER_CASE or reader_key(label.given_by) == reader_key(row.given_by)
