"""Cases that are asked to be labelled, or to be labelled again, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from triage.errors import StoreError
from triage.hashing import hash_json
from triage.ledger.events.learning_events import LabelRequestClosed, LabelsRequested
from triage.store.base import utc_now
from triage.store.learning_tables import LabelRequestRow
from triage.store.ledger import append_event
from triage.store.tables import Case
from triage.vocabulary.learning import RequestKind


@dataclass(frozen=True, slots=True)
class WantedLabel:
    """A case whose label is wanted, and the reason in a sentence for its reader.

    The sentence names neither a condition nor an opinion of the AI: a first read is blind.
    """

    case_id: int
    reason: str


@dataclass(frozen=True, slots=True)
class LabelRequest:
    """An open request: its number, the case, and where it is in the order of labelling."""

    id: int
    case_id: int
    kind: RequestKind
    position: int
    reason: str
    requested_by: str
    requested_at: datetime


def request_labels(
    session: Session,
    wanted: Sequence[WantedLabel],
    kind: RequestKind,
    strategy: str,
    *,
    actor: str,
) -> int:
    """Ask for the labels of cases, in their order; return how many requests were added.

    A case with an open request of the same kind keeps it. The same choice again changes nothing.

    Raises
    ------
    StoreError
        If a case does not exist.
    """
    numbers = [each.case_id for each in wanted]
    found = set(session.scalars(select(Case.id).where(Case.id.in_(numbers))))
    if missing := [number for number in numbers if number not in found]:
        raise StoreError("There is no such case.", where=f"case {missing[0]}")
    waiting = set(
        session.scalars(
            select(LabelRequestRow.case_id).where(
                LabelRequestRow.closed_at.is_(None),
                LabelRequestRow.kind == kind,
                LabelRequestRow.case_id.in_(numbers),
            )
        )
    )
    fresh = [each for each in wanted if each.case_id not in waiting]
    if not fresh:
        return 0
    at = utc_now()
    order = tuple(each.case_id for each in fresh)
    before = session.scalar(select(func.count()).select_from(LabelRequestRow))
    batch = hash_json([kind, strategy, list(order), before])
    session.add_all(
        LabelRequestRow(
            case_id=each.case_id,
            batch=batch,
            kind=kind,
            position=position,
            reason=each.reason,
            requested_by=actor,
            requested_at=at,
        )
        for position, each in enumerate(fresh)
    )
    session.flush()
    reasons = hash_json([each.reason for each in fresh])
    event = LabelsRequested(batch, kind, strategy, order, reasons)
    append_event(session, event, actor=actor, at=at)
    return len(fresh)


def open_label_requests(session: Session) -> list[LabelRequest]:
    """Return the requests that wait for a label: the newest choice first, each in its order."""
    rows = session.scalars(
        select(LabelRequestRow)
        .where(LabelRequestRow.closed_at.is_(None))
        .order_by(LabelRequestRow.requested_at.desc(), LabelRequestRow.position)
    )
    return [
        LabelRequest(
            row.id,
            row.case_id,
            RequestKind(row.kind),
            row.position,
            row.reason,
            row.requested_by,
            row.requested_at,
        )
        for row in rows
    ]


def asks_for_label(session: Session, case_id: int, kind: RequestKind) -> bool:
    """Whether there is an open request of a kind for the label of a case."""
    query = select(LabelRequestRow.id).where(
        LabelRequestRow.case_id == case_id,
        LabelRequestRow.kind == kind,
        LabelRequestRow.closed_at.is_(None),
    )
    return session.scalar(query.limit(1)) is not None


def close_label_requests(
    session: Session,
    case_id: int,
    because: str,
    *,
    actor: str,
    kind: RequestKind | None = None,
    at: datetime | None = None,
) -> int:
    """Close the open requests of a case, as a label answers them; return how many.

    Parameters
    ----------
    because : str
        A short phrase that names no condition.
    kind : RequestKind, optional
        Only requests of this kind.
    at : datetime, optional
        Now by default.
    """
    query = select(LabelRequestRow).where(
        LabelRequestRow.case_id == case_id, LabelRequestRow.closed_at.is_(None)
    )
    if kind is not None:
        query = query.where(LabelRequestRow.kind == kind)
    rows = session.scalars(query).all()
    at = at or utc_now()
    for row in rows:
        row.closed_at, row.closed_because = at, because
        append_event(
            session, LabelRequestClosed(row.id, because), actor=actor, case_id=case_id, at=at
        )
    session.flush()
    return len(rows)
