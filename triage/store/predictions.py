"""Decisions of bundles on cases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session, joinedload

from triage.decision import Decision
from triage.errors import StoreError
from triage.hashing import hash_json
from triage.ledger.events.case_events import CaseScored
from triage.store.base import utc_now
from triage.store.ledger import SYSTEM, append_event
from triage.store.opinion_order import IS_PLANTED, SHOWN_FIRST
from triage.store.records import ReadingRecord, StoredPrediction
from triage.store.tables import Bundle, Case, Prediction, Review
from triage.store.upsert import add_once
from triage.store.worklist_order import set_order, share_order
from triage.vocabulary.case_states import CaseState
from triage.vocabulary.clinical import NO_AI_OPINION

IS_READ = or_(Prediction.condition.is_not(None), Prediction.recommendation != NO_AI_OPINION)
"""True of a decision whose bundle could read the images of the case."""


def add_prediction(
    session: Session,
    case_id: int,
    bundle_id: int,
    decision: Decision,
    reading: ReadingRecord | None = None,
    *,
    actor: str = SYSTEM,
) -> int:
    """Add the decision of a bundle on a case and return its number.

    The first opinion of a bundle on a case stays: a bundle never changes, and
    a reader may have seen it. Adding one again changes nothing. Where the bundle could not read
    the case before and can now, its opinion takes the place of "could not be read", unless a
    reader was shown that. Of a reading that moved, the new place is kept. `actor` is who had the
    case scored, as the event names them.

    Raises
    ------
    StoreError
        If there is no such case or bundle.
    """
    share_order(session)
    # Another bundle may be scoring the case as well: which opinion is shown follows from both.
    session.execute(select(Case.id).where(Case.id == case_id).with_for_update())
    values = prediction_columns(decision, reading)
    prediction_id, added = add_once(
        session,
        Prediction,
        {"case_id": case_id, "bundle_id": bundle_id, **values},
        unique=("case_id", "bundle_id"),
    )
    if added or (decision.condition is not None and _fill_in(session, prediction_id, values)):
        session.execute(
            update(Case)
            .where(
                Case.id == case_id, Case.state.in_((CaseState.RECEIVED, CaseState.QUALITY_GATED))
            )
            .values(state=CaseState.INFERRED)
        )
        append_event(
            session,
            CaseScored(
                bundle_id, prediction_id, prediction_sha256(values | {"bundle_id": bundle_id})
            ),
            actor=actor,
            case_id=case_id,
        )
        set_order(session, Case.id == case_id)
    elif reading is not None:
        _move_reading(session, prediction_id, reading)
    return prediction_id


def _move_reading(session: Session, prediction_id: int, reading: ReadingRecord) -> None:
    """Keep where a reading lies now, if it is the one that is stored."""
    session.execute(
        update(Prediction)
        .where(
            Prediction.id == prediction_id,
            Prediction.reading_sha256 == reading.sha256,
            Prediction.reading_path != reading.path,
        )
        .values(reading_path=reading.path)
        .execution_options(synchronize_session=False)
    )


def _fill_in(session: Session, prediction_id: int, values: dict[str, Any]) -> bool:
    """Put an opinion in the place of "could not be read", and return whether it was put there."""
    # The state that follows from it is that of the case as it is now: steps of a review wait.
    of_case = select(Prediction.case_id).where(Prediction.id == prediction_id).scalar_subquery()
    session.execute(select(Case.id).where(Case.id == of_case).with_for_update())
    shown = select(Review.id).where(Review.prediction_id == prediction_id).exists()
    # One statement, so that of two writers the second finds it done.
    filled = session.execute(
        update(Prediction)
        .where(Prediction.id == prediction_id, ~IS_READ, ~shown)
        .values(**values)
        .returning(Prediction.id)
        .execution_options(synchronize_session=False)
    )
    return filled.first() is not None


GUARDED = ("condition", "recommendation", "queue_urgency", "reason_code")
"""Fields of a decision that the database guards or searches: each is a column of its own."""


HASHED = (*GUARDED, "bundle_id", "decision", "reading_sha256")
"""Columns of a prediction that its hash covers: all but numbers of rows, times and places."""


def prediction_sha256(row: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a prediction as it is stored.

    It is of the stored values, not of a `Decision`: fields that later releases add to that change
    nothing of a row of before.

    Parameters
    ----------
    row : mapping
        Value of each of `HASHED`.
    """
    return hash_json({name: row[name] for name in HASHED})


def stored_sha256(session: Session, prediction_id: int) -> str:
    """Return the SHA-256 of a stored prediction, see `prediction_sha256`."""
    row = session.execute(
        select(*(getattr(Prediction, name) for name in HASHED)).where(
            Prediction.id == prediction_id
        )
    ).one()
    return prediction_sha256(dict(zip(HASHED, row, strict=True)))


def prediction_columns(decision: Decision, reading: ReadingRecord | None) -> dict[str, Any]:
    """Return the columns of a prediction but for the case and the bundle."""
    return {
        **{name: getattr(decision, name) for name in GUARDED},
        "decision": decision.model_dump(mode="json", exclude={*GUARDED}),
        "created_at": utc_now(),
        "reading_path": reading.path if reading else None,
        "reading_sha256": reading.sha256 if reading else None,
    }


def shown_prediction(session: Session, case_id: int) -> StoredPrediction | None:
    """Return the prediction to show for a case: the champion's, else the newest, else None.

    Those of withdrawn bundles are not shown, nor those made up for planted cases. A reader gets it
    only through `triage.review.reveal`.
    """
    row = session.scalar(
        select(Prediction)
        .join(Prediction.bundle)
        .where(Prediction.case_id == case_id, Bundle.withdrawn_at.is_(None), ~IS_PLANTED)
        .order_by(*SHOWN_FIRST)
        .limit(1)
    )
    return None if row is None else _stored(row)


def get_prediction(session: Session, prediction_id: int) -> StoredPrediction:
    """Return a prediction by its number.

    Raises
    ------
    StoreError
        If there is no such prediction.
    """
    row = session.get(Prediction, prediction_id, options=[joinedload(Prediction.bundle)])
    if row is None:
        raise StoreError("There is no such prediction.", where=f"prediction {prediction_id}")
    return _stored(row)


def _stored(row: Prediction) -> StoredPrediction:
    return StoredPrediction(
        id=row.id,
        case_id=row.case_id,
        bundle_digest=row.bundle.digest,
        bundle_name=row.bundle.name,
        created_at=row.created_at,
        decision=Decision.model_validate(
            row.decision | {name: getattr(row, name) for name in GUARDED}
        ),
        reading=_reading(row),
        withdrawn=row.bundle.withdrawn_at is not None,
    )


def _reading(row: Prediction) -> ReadingRecord | None:
    if row.reading_path is None or row.reading_sha256 is None:
        return None
    return ReadingRecord(row.reading_path, row.reading_sha256)
