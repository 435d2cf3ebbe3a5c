"""Cases with a known answer that were put among the others to measure reading."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from triage.store.predictions import get_prediction
from triage.store.records import StoredPrediction
from triage.store.tables import Case, PlantedCase
from triage.store.worklist_order import set_order
from triage.vocabulary.clinical import Urgency


def add_planted(
    session: Session,
    case_id: int,
    conditions: Sequence[str],
    urgency: Urgency,
    prediction_id: int | None,
) -> None:
    """Mark a case as planted; the caller holds the case (`triage.store.reviews.hold_case`)."""
    session.add(
        PlantedCase(
            case_id=case_id,
            conditions=list(conditions),
            urgency=urgency,
            prediction_id=prediction_id,
        )
    )
    session.flush()
    set_order(session, Case.id == case_id)


def is_planted(session: Session, case_id: int) -> bool:
    """Whether the answer of a case is known."""
    return session.get(PlantedCase, case_id) is not None


def of_planted_case(column: InstrumentedAttribute[int]) -> ColumnElement[bool]:
    """Return the condition of a query that a column names a planted case.

    Parameters
    ----------
    column : InstrumentedAttribute
        With rows of `case`.
    """
    return select(PlantedCase.case_id).where(PlantedCase.case_id == column).exists()


def planted_prediction(session: Session, case_id: int) -> StoredPrediction | None:
    """Return the prediction to show in place of the system's; None of most cases.

    None also where the system has been withdrawn: no case shows an opinion of it.
    """
    number = session.scalar(select(PlantedCase.prediction_id).where(PlantedCase.case_id == case_id))
    planted = None if number is None else get_prediction(session, number)
    return None if planted is None or planted.withdrawn else planted
