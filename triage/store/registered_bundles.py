"""All trained systems of the case database, as the list of models shows them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from triage.ledger.events.model_events import BundleWithdrawn
from triage.store.bundles import planted_digest
from triage.store.tables import Bundle, Prediction
from triage.store.typed_events import typed_events
from triage.vocabulary.bundle_aliases import CHAMPION
from triage.vocabulary.event_types import EventType


@dataclass(frozen=True, slots=True)
class RegisteredBundle:
    """A trained system.

    Parameters
    ----------
    name, digest : str
    registered_at : datetime
    champion : bool
        Whether it is the one in use.
    withdrawn_at : datetime or None
    withdrawn_because : str
        '' where it is not withdrawn.
    conditions : int
        Number of conditions that it knows.
    cases : int
        Number of cases that it has scored.
    """

    name: str
    digest: str
    registered_at: datetime
    champion: bool
    withdrawn_at: datetime | None
    withdrawn_because: str
    conditions: int
    cases: int


def registered_bundles(session: Session) -> list[RegisteredBundle]:
    """Return every system, the one in use first, then the newest first.

    The stand-ins for a system in planted cases are none, and what they were shown with counts
    nowhere: neither is to be told apart.
    """
    rows = session.scalars(select(Bundle).order_by(Bundle.id.desc())).all()
    stand_ins = {planted_digest(row.digest) for row in rows}
    per_bundle = select(Prediction.bundle_id, func.count().label("cases"))
    counted = {
        row.bundle_id: row.cases
        for row in session.execute(per_bundle.group_by(Prediction.bundle_id))
    }
    reasons = {
        one.event.bundle: one.event.reason
        for one in typed_events(session, EventType.BUNDLE_WITHDRAWN)
        if isinstance(one.event, BundleWithdrawn)
    }
    found = [
        RegisteredBundle(
            row.name,
            row.digest,
            row.created_at,
            row.alias == CHAMPION,
            row.withdrawn_at,
            reasons.get(row.digest, "") if row.withdrawn_at else "",
            len(row.conditions),
            counted.get(row.id, 0),
        )
        for row in rows
        if row.digest not in stand_ins
    ]
    return sorted(found, key=lambda one: not one.champion)
