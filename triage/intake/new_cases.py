"""Many cases that are new, with the opinions of one bundle, in a few statements.

`add_case` and `add_prediction` look at one case after the other, since a stored case may differ
from what comes. A case that is not stored has nothing to compare, so such cases are added together:
the rows and events are the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from triage.decision import Decision
from triage.errors import StoreError
from triage.ledger.event import LedgerEvent
from triage.ledger.events.case_events import CaseReceived, CaseScored, ImagesChecked
from triage.store.cases import case_columns, image_rows, is_decoded
from triage.store.ledger import SYSTEM, append_event
from triage.store.predictions import prediction_columns, prediction_sha256
from triage.store.records import CaseRecord, ReadingRecord
from triage.store.tables import Case, Image, Patient, Prediction
from triage.store.upsert import insert_absent, table_of
from triage.store.worklist_order import set_order, share_order
from triage.vocabulary.case_states import CaseState


@dataclass(frozen=True, slots=True)
class ScoredCase:
    """A case, and what a bundle decided on it."""

    case: CaseRecord
    decision: Decision
    reading: ReadingRecord | None = None


def add_new_cases(
    session: Session, bundle: int, cases: Sequence[ScoredCase], *, actor: str = SYSTEM
) -> dict[int, int]:
    """Add those of some cases that are not stored yet, with a bundle's decisions on them.

    Parameters
    ----------
    session : Session
        An open transaction.
    bundle : int
        Row of `bundle`.
    cases : sequence of ScoredCase
        In an order that all writers share, so that they do not wait for each other in turn.
    actor : str
        Who had them scored; stands in their events.

    Returns
    -------
    dict of int to int
        The number of each case that was added, by its place in `cases`. The others were stored
        before, or come twice: nothing of them was done.

    Raises
    ------
    StoreError
        If another writer adds one of them at the same time.
    sqlalchemy.exc.IntegrityError, sqlalchemy.exc.DataError
        If the database does not take a value of any of them.

    After an error the transaction, or its savepoint, has to be rolled back.
    """
    share_order(session)
    stored = _stored(session, cases)
    first: dict[tuple[str, str], int] = {}
    for place, one in enumerate(cases):
        if (one.case.source, one.case.external_id) not in stored:
            first.setdefault((one.case.source, one.case.external_id), place)
    if not first:
        return {}
    patients = _patients(session, [cases[place].case for place in first.values()])
    rows = []
    for place in first.values():
        record = cases[place].case
        patient = patients[record.source, record.patient_name]
        rows.append(case_columns(record, patient) | {"state": CaseState.INFERRED})
    unique = ("source", "external_id")
    found = session.execute(
        insert_absent(session, Case, unique).returning(Case.id, Case.source, Case.external_id), rows
    )
    numbers = {first[row.source, row.external_id]: row.id for row in found}
    if len(numbers) < len(first):  # patients were added for nothing
        raise StoreError("Another writer has added one of the cases meanwhile.")
    if images := [row for p, n in numbers.items() for row in image_rows(n, cases[p].case.images)]:
        session.execute(insert(Image), images)
    _add_opinions(session, bundle, cases, numbers, patients, actor)
    set_order(session, Case.id.in_(list(numbers.values())))
    return numbers


def _add_opinions(
    session: Session,
    bundle: int,
    cases: Sequence[ScoredCase],
    numbers: dict[int, int],
    patients: dict[tuple[str, str], int],
    actor: str,
) -> None:
    columns = {
        place: {
            "bundle_id": bundle,
            **prediction_columns(cases[place].decision, cases[place].reading),
        }
        for place in numbers
    }
    rows = [{"case_id": numbers[place], **row} for place, row in columns.items()]
    table = table_of(Prediction)
    added = session.execute(insert(table).returning(table.c.id, table.c.case_id), rows)
    predictions = {row.case_id: row.id for row in added}
    for place in sorted(numbers):
        record, number = cases[place].case, numbers[place]
        hashes = {str(position): one for position, one in enumerate(record.hashes)}
        patient = patients[record.source, record.patient_name]
        told: list[LedgerEvent] = [CaseReceived(len(record.images), patient, hashes)]
        if is_decoded(record):
            told.append(ImagesChecked(len(record.images)))
        told.append(CaseScored(bundle, predictions[number], prediction_sha256(columns[place])))
        for event in told:
            append_event(session, event, actor=actor, case_id=number)


def _stored(session: Session, cases: Sequence[ScoredCase]) -> set[tuple[str, str]]:
    """Source and name of those cases that are stored."""
    names: dict[str, list[str]] = defaultdict(list)
    for one in cases:
        names[one.case.source].append(one.case.external_id)
    return {
        (source, name)
        for source, of_source in names.items()
        for name in session.scalars(
            select(Case.external_id).where(Case.source == source, Case.external_id.in_(of_source))
        )
    }


def _patients(session: Session, records: Sequence[CaseRecord]) -> dict[tuple[str, str], int]:
    """Numbers of the patients of some cases, added where they are not stored."""
    names = sorted({(record.source, record.patient_name) for record in records})
    rows = [{"source": source, "external_id": name} for source, name in names]
    session.execute(insert_absent(session, Patient, ("source", "external_id")), rows)
    found: dict[tuple[str, str], int] = {}
    for source in {source for source, _ in names}:
        of_source = [name for each, name in names if each == source]
        query = select(Patient.id, Patient.external_id).where(
            Patient.source == source, Patient.external_id.in_(of_source)
        )
        found |= {(source, row.external_id): row.id for row in session.execute(query)}
    return found
