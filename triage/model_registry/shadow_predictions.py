"""Opinions of the bundle in shadow: stored apart from those that readers may be shown."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from triage.decision import Decision
from triage.hashing import hash_json
from triage.ledger.events.learning_events import ShadowScored
from triage.model_registry.bundle_rows import bundle_with_alias
from triage.store.base import utc_now
from triage.store.learning_tables import ShadowPredictionRow
from triage.store.ledger import append_event
from triage.store.records import BundleRecord
from triage.store.tables import Bundle, Case, Event
from triage.store.typed_events import typed_events
from triage.store.upsert import add_once
from triage.vocabulary.bundle_aliases import SHADOW
from triage.vocabulary.event_types import EventType
from triage.vocabulary.modality import Modality


def shadow_bundle(session: Session) -> BundleRecord | None:
    """Return the bundle in shadow that may score, or None: a withdrawn or retired one may not."""
    row = bundle_with_alias(session, SHADOW)
    if row is None or row.withdrawn_at is not None or row.retired_at is not None:
        return None
    return BundleRecord(row.digest, row.name, row.path, tuple(row.conditions))


def shadow_since(session: Session, digest: str) -> datetime | None:
    """Return when a bundle was last put in shadow; None if it never was."""
    numbers = [
        one.seq
        for one in typed_events(session, EventType.ALIAS_SET)
        if getattr(one.event, "alias", None) == SHADOW
        and getattr(one.event, "bundle", None) == digest
    ]
    if not numbers:
        return None
    return session.scalar(select(Event.at).where(Event.id == numbers[-1]))


def without_shadow_prediction(session: Session, bundle_id: int, cases: Sequence[int]) -> list[int]:
    """Return those of some cases on which a bundle has no shadow opinion yet, in their order."""
    done = set(
        session.scalars(
            select(ShadowPredictionRow.case_id).where(
                ShadowPredictionRow.bundle_id == bundle_id,
                ShadowPredictionRow.case_id.in_(cases),
            )
        )
    )
    return [number for number in cases if number not in done]


def cases_since(
    session: Session, bundle_id: int, modality: Modality, since: datetime, most: int
) -> list[int]:
    """Return cases received since a moment without a shadow opinion of a bundle, the oldest first.

    Those that were added in the pages are among them, whether or not any bundle has scored them.
    """
    scored = select(ShadowPredictionRow.case_id).where(ShadowPredictionRow.bundle_id == bundle_id)
    return list(
        session.scalars(
            select(Case.id)
            .where(Case.received_at >= since, Case.modality == modality, Case.id.not_in(scored))
            .order_by(Case.id)
            .limit(most)
        )
    )


def add_shadow_prediction(
    session: Session, case_id: int, bundle_id: int, decision: Decision
) -> bool:
    """Store what the bundle in shadow decided on a case; the first opinion stays.

    The event names the case but is none of the case's events, since these are shown and exported.

    Returns
    -------
    bool
        Whether it was added.
    """
    opinion = {
        "condition": decision.condition,
        "recommendation": decision.recommendation,
        "decision": decision.model_dump(mode="json"),
    }
    _, added = add_once(
        session,
        ShadowPredictionRow,
        {"case_id": case_id, "bundle_id": bundle_id, "created_at": utc_now(), **opinion},
        unique=("case_id", "bundle_id"),
    )
    if added:
        digest = session.get_one(Bundle, bundle_id).digest
        append_event(session, ShadowScored(case_id, digest, hash_json(opinion)))
    return added
