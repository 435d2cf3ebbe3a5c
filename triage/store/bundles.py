"""Trained systems that score cases here, and which of them is in use."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from triage.errors import StoreError
from triage.hashing import hash_json
from triage.ledger.events.model_events import BundleRegistered, BundleWithdrawn, ChampionSet
from triage.store.base import utc_now
from triage.store.ledger import SYSTEM, append_event
from triage.store.records import BundleRecord
from triage.store.tables import Bundle, Event
from triage.store.upsert import add_once
from triage.store.worklist_order import hold_order, set_order_of_bundle
from triage.vocabulary.bundle_aliases import CHAMPION
from triage.vocabulary.event_types import EventType


def register_bundle(session: Session, record: BundleRecord, *, actor: str = SYSTEM) -> int:
    """Add a bundle and return its number; the same digest again changes nothing."""
    bundle_id, added = add_once(
        session,
        Bundle,
        {
            "digest": record.digest,
            "name": record.name,
            "path": record.path,
            "conditions": list(record.conditions),
            "created_at": utc_now(),
        },
        unique=("digest",),
    )
    if added:
        append_event(session, BundleRegistered(record.digest), actor=actor)
    return bundle_id


def set_champion(session: Session, bundle_id: int, *, actor: str = SYSTEM) -> None:
    """Put a bundle in use; the former champion loses the alias in the same transaction.

    Raises
    ------
    StoreError
        If there is no such bundle.
    """
    hold_order(session)
    row = session.get(Bundle, bundle_id)
    if row is None:
        raise StoreError("There is no such bundle.", where=f"bundle {bundle_id}")
    former = session.scalar(select(Bundle).where(Bundle.alias == CHAMPION).with_for_update())
    if former is row:
        return
    if former is not None:
        former.alias = None
        session.flush()
    row.alias = CHAMPION
    append_event(
        session,
        ChampionSet(row.digest, former.digest if former else None),
        actor=actor,
    )
    set_order_of_bundle(session, row.id, *([former.id] if former else []))


def set_first_champion(session: Session, bundle_id: int, *, actor: str = SYSTEM) -> None:
    """Put a bundle in use if none ever was; of several writers at once, the first one's stays.

    Where one was before, and was withdrawn, people decide on the next: `triage.model_registry`.

    Raises
    ------
    StoreError
        If there is no such bundle.
    """
    if champion(session) is not None:
        return
    hold_order(session)
    once = select(Event.id).where(Event.kind == EventType.CHAMPION_SET).limit(1)
    # Nobody has been faster while this one waited.
    if champion(session) is None and session.scalar(once) is None:
        set_champion(session, bundle_id, actor=actor)


def withdraw_bundle(session: Session, digest: str, reason: str, *, actor: str = SYSTEM) -> None:
    """Show a bundle's predictions to readers no more; withdrawing it again changes nothing.

    Raises
    ------
    StoreError
        If there is no such bundle.
    """
    hold_order(session)
    row = session.scalar(select(Bundle).where(Bundle.digest == digest).with_for_update())
    if row is None:
        raise StoreError("There is no such bundle.", where=f"bundle {digest[:12]}")
    _withdraw(session, row, reason, actor)
    stand_in = select(Bundle).where(Bundle.digest == planted_digest(digest)).with_for_update()
    if (planted := session.scalar(stand_in)) is not None:
        _withdraw(session, planted, reason, actor)


def planted_digest(digest: str) -> str:
    """Return the digest of the bundle that stands for another in planted cases."""
    return hash_json({"planted_opinions_of": digest})


def _withdraw(session: Session, row: Bundle, reason: str, actor: str) -> None:
    if row.withdrawn_at is None:
        row.withdrawn_at, row.alias = utc_now(), None
        session.flush()
        append_event(session, BundleWithdrawn(row.digest, reason), actor=actor)
        set_order_of_bundle(session, row.id)


def champion(session: Session) -> BundleRecord | None:
    """Return the bundle in use, or None."""
    row = session.scalar(select(Bundle).where(Bundle.alias == CHAMPION))
    if row is None:
        return None
    return BundleRecord(row.digest, row.name, row.path, tuple(row.conditions))


def bundle_of_digest(session: Session, digest: str) -> BundleRecord:
    """Return a bundle.

    Raises
    ------
    StoreError
        If there is no such bundle.
    """
    row = session.scalar(select(Bundle).where(Bundle.digest == digest))
    if row is None:
        raise StoreError("There is no such bundle.", where=f"bundle {digest[:12]}")
    return BundleRecord(row.digest, row.name, row.path, tuple(row.conditions))


def known_conditions(session: Session) -> tuple[str, ...]:
    """Return every condition that a bundle here knows, in alphabetical order."""
    lists = session.scalars(select(Bundle.conditions))
    return tuple(sorted({condition for conditions in lists for condition in conditions}))
