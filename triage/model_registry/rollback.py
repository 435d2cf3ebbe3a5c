"""Putting an earlier champion in use again, at once and by one account."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from triage.accounts import Action, Actor
from triage.ledger.events.learning_events import PromotionApproved, PromotionProposed
from triage.ledger.events.model_events import ChampionSet
from triage.model_registry.bundle_files import verified_manifest
from triage.model_registry.bundle_rows import bundle_row, bundle_with_alias, registered_rows
from triage.model_registry.people import require_any
from triage.model_registry.proposals import Promoted, put_in_use
from triage.model_registry.refusals import RegistryRefused, given_text
from triage.store.base import utc_now
from triage.store.learning_tables import PromotionRow
from triage.store.ledger import append_event
from triage.store.tables import Bundle
from triage.store.typed_events import typed_events
from triage.store.worklist_order import hold_order
from triage.vocabulary.bundle_aliases import CHAMPION
from triage.vocabulary.event_types import EventType
from triage.vocabulary.learning import PromotionKind

KEPT_READY = 3
"""So many earlier champions can be rolled back to; older ones are proposed like any bundle."""


def former_champions(session: Session) -> list[Bundle]:
    """Return the bundles that can be rolled back to: the last champions before, the latest first.

    Those that were themselves rolled back come last. Withdrawn and retired ones are not among
    them, and no bundle is retired but by a person.
    """
    digests: list[str] = []
    for one in typed_events(session, EventType.CHAMPION_SET):
        if isinstance(one.event, ChampionSet):
            digests = [name for name in digests if name != one.event.bundle]
            digests.append(one.event.bundle)
    rows = {row.digest: row for row in registered_rows(session)}
    before = [rows[name] for name in reversed(digests) if name in rows]
    usable = [
        row
        for row in before
        if row.alias != CHAMPION and row.withdrawn_at is None and row.retired_at is None
    ]
    away = _rolled_back(session)
    return sorted(usable, key=lambda row: row.id in away)[:KEPT_READY]


def _rolled_back(session: Session) -> set[int]:
    """Rows of the bundles that were in use, were rolled back, and did not come into use since."""
    found: set[int] = set()
    query = select(PromotionRow).where(PromotionRow.approved_at.is_not(None))
    for row in session.scalars(query.order_by(PromotionRow.approved_at, PromotionRow.id)):
        found.discard(row.bundle_id)
        if row.kind == PromotionKind.ROLLBACK and row.former_id is not None:
            found.add(row.former_id)
    return found


def rollback(session: Session, *, reason: str, actor: Actor, to: str | None = None) -> Promoted:
    """Put the champion before the present one in use again, or one of the last three.

    A bundle is read-only and verified by its hashes, so its predictions are those of before, bit
    by bit.

    Parameters
    ----------
    session : Session
    reason : str
    actor : Actor
        An account with the permission `change_models` or `approve_models`; one is enough.
    to : str, optional
        Digest of an earlier champion.

    Raises
    ------
    RegistryRefused
        If there is no earlier champion, or `to` is none of the last three.
    BundleError
        If its files are missing or altered.
    PermissionDenied, UsageError
    """
    require_any(session, actor, Action.CHANGE_MODELS, Action.APPROVE_MODELS)
    why = given_text(reason, "reason")
    wanted = _target(session, to)
    verified_manifest(wanted.path, wanted.digest)  # before anybody has to wait
    hold_order(session)
    _target(session, wanted.digest)  # still one of them
    row = bundle_row(session, wanted.digest, for_update=True)
    former = bundle_with_alias(session, CHAMPION, for_update=True)
    at = utc_now()
    promotion = PromotionRow(
        kind=PromotionKind.ROLLBACK,
        bundle_id=row.id,
        former_id=former.id if former else None,
        gate_run_id=None,
        reason=why,
        proposed_by=actor.name,
        proposed_at=at,
        approved_by=actor.name,
        approved_at=at,
        answer=why,
    )
    session.add(promotion)
    session.flush()
    proposed = PromotionProposed(
        promotion.id,
        PromotionKind.ROLLBACK,
        row.digest,
        former.digest if former else None,
        None,
        None,
        why,
    )
    append_event(session, proposed, actor=actor.name, at=at)
    append_event(session, PromotionApproved(promotion.id, False, why), actor=actor.name, at=at)
    put_in_use(session, row, actor.name)
    return Promoted(promotion.id, row.digest, former.digest if former else None)


def _target(session: Session, to: str | None) -> Bundle:
    ready = former_champions(session)
    if to is None:
        away = _rolled_back(session)
        ready = [row for row in ready if row.id not in away]
        if not ready:
            raise RegistryRefused(
                "There is no earlier champion to go back to.",
                hint="Withdrawn and retired bundles are none; one that was rolled back itself has "
                "to be named.",
            )
        return ready[0]
    for row in ready:
        if row.digest == to:
            return row
    raise RegistryRefused(
        f"The bundle is none of the last {KEPT_READY} champions that can be used.",
        where=to[:12],
        hint="Propose it instead: triage registry propose.",
    )
