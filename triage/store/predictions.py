"""What bundles said of cases."""

from __future__ import annotations

from typing import Any

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session, joinedload

from triage.errors import StoreError
from triage.store.base import utc_now
from triage.store.ledger import append_event
from triage.store.records import PredictionRecord, ReadingRecord, StoredPrediction
from triage.store.tables import Bundle, Case, Prediction, Review
from triage.store.upsert import add_once
from triage.vocabulary.abstention_reasons import AbstainReason
from triage.vocabulary.bundle_aliases import CHAMPION
from triage.vocabulary.case_states import CaseState
from triage.vocabulary.clinical import NO_AI_OPINION, Urgency
from triage.vocabulary.event_types import EventType

SHOWN_FIRST = ((Bundle.alias == CHAMPION).desc().nulls_last(), Prediction.id.desc())
"""Order that puts the prediction to show first: the champion's, else the newest."""


IS_READ = or_(Prediction.condition.is_not(None), Prediction.recommendation != NO_AI_OPINION)
"""True of a prediction whose bundle could read the images of the case."""


def add_prediction(session: Session, case_id: int, bundle_id: int, record: PredictionRecord) -> int:
    """Add what a bundle said of a case and return its number.

    The first opinion of a bundle on a case stays: a bundle never changes, and
    a reader may have seen it. Adding one again changes nothing. Where the bundle could not read
    the case before and can now, its opinion takes the place of "could not be read", unless a
    reader was shown that. Of a reading that moved, the new place is kept.

    Raises
    ------
    StoreError
        If there is no such case or bundle.
    """
    values = _columns(record)
    prediction_id, added = add_once(
        session,
        Prediction,
        {"case_id": case_id, "bundle_id": bundle_id, **values},
        unique=("case_id", "bundle_id"),
    )
    if added or (record.condition is not None and _fill_in(session, prediction_id, values)):
        session.execute(
            update(Case)
            .where(Case.id == case_id, Case.state == CaseState.RECEIVED)
            .values(state=CaseState.SCORED)
        )
        append_event(
            session,
            EventType.CASE_SCORED,
            case_id=case_id,
            bundle_id=bundle_id,
            prediction=prediction_id,
        )
    elif record.reading is not None:
        _move_reading(session, prediction_id, record.reading)
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


def _columns(record: PredictionRecord) -> dict[str, Any]:
    return {
        "condition": record.condition,
        "p_condition": record.p_condition,
        "p_outlier": record.p_outlier,
        "aleatoric": record.aleatoric,
        "epistemic": record.epistemic,
        "differential": [
            {"condition": condition, "probability": probability}
            for condition, probability in record.differential
        ],
        "recommendation": record.recommendation,
        "queue_urgency": record.queue_urgency,
        "reason_code": record.reason_code,
        "reason": record.reason,
        "next_action": record.next_action,
        "expected_cost": record.expected_cost,
        "created_at": utc_now(),
        "reading_path": record.reading.path if record.reading else None,
        "reading_sha256": record.reading.sha256 if record.reading else None,
    }


def shown_prediction(session: Session, case_id: int) -> StoredPrediction | None:
    """Return the prediction to show for a case: the champion's, else the newest, else None.

    A reader gets it only through `triage.review.reveal`.
    """
    row = session.scalar(
        select(Prediction)
        .join(Prediction.bundle)
        .where(Prediction.case_id == case_id)
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
        record=PredictionRecord(
            recommendation=row.recommendation,
            queue_urgency=Urgency(row.queue_urgency),
            condition=row.condition,
            p_condition=row.p_condition,
            p_outlier=row.p_outlier,
            aleatoric=row.aleatoric,
            epistemic=row.epistemic,
            differential=tuple(
                (item["condition"], item["probability"]) for item in row.differential
            ),
            reason_code=AbstainReason(row.reason_code) if row.reason_code else None,
            reason=row.reason,
            next_action=row.next_action,
            expected_cost=row.expected_cost,
            reading=_reading(row),
        ),
    )


def _reading(row: Prediction) -> ReadingRecord | None:
    if row.reading_path is None or row.reading_sha256 is None:
        return None
    return ReadingRecord(row.reading_path, row.reading_sha256)
