"""Aliases of bundles other than that of the champion, and bundles that are taken out of use.

A bundle carries one alias at most, and an alias names one bundle at most. Every change is an event.
"""

from __future__ import annotations

from sqlalchemy.orm import Session

from triage.accounts import Action, Actor
from triage.ledger.events.learning_events import AliasSet, BundleRetired
from triage.model_registry.bundle_files import verified_manifest
from triage.model_registry.bundle_rows import bundle_row, bundle_with_alias
from triage.model_registry.people import require_any
from triage.model_registry.refusals import RegistryRefused, given_text
from triage.store.base import utc_now
from triage.store.ledger import append_event
from triage.store.tables import Bundle
from triage.store.worklist_order import hold_order
from triage.vocabulary.bundle_aliases import CHALLENGER, CHAMPION, SHADOW


def set_challenger(session: Session, digest: str, *, actor: str) -> None:
    """Name a bundle the challenger, as retraining does with the one that it made.

    A bundle that is in use, or in shadow, keeps that alias: it is measured already.

    Raises
    ------
    StoreError
        If it is not registered.
    RegistryRefused
        If it was withdrawn or retired.
    """
    hold_order(session)
    row = bundle_row(session, digest, for_update=True)
    require_usable(row)
    if row.alias in (CHAMPION, SHADOW):
        return
    _move(session, CHALLENGER, row, actor)


def set_shadow(session: Session, digest: str, *, actor: Actor) -> None:
    """Let a bundle score cases as they arrive, without any reader being shown its opinions.

    Raises
    ------
    StoreError
        If it is not registered.
    RegistryRefused
        If it is in use, withdrawn or retired.
    BundleError
        If its files are missing or altered.
    PermissionDenied
    """
    require_any(session, actor, Action.CHANGE_MODELS, Action.APPROVE_MODELS)
    row = bundle_row(session, digest)
    verified_manifest(row.path, row.digest)
    hold_order(session)
    row = bundle_row(session, digest, for_update=True)
    require_usable(row)
    if row.alias == CHAMPION:
        raise RegistryRefused("The bundle is in use, so it cannot be in shadow.")
    _move(session, SHADOW, row, actor.name)


def clear(session: Session, alias: str, *, actor: Actor) -> str | None:
    """Take an alias from the bundle that carries it; return its digest, None if none did.

    Raises
    ------
    RegistryRefused
        If it is the champion's: another bundle has to take its place.
    PermissionDenied
    """
    require_any(session, actor, Action.CHANGE_MODELS, Action.APPROVE_MODELS)
    if alias == CHAMPION:
        raise RegistryRefused(
            "The champion's alias is not taken away: another bundle takes its place.",
            hint="triage registry propose, or triage registry rollback.",
        )
    hold_order(session)
    row = bundle_with_alias(session, alias, for_update=True)
    if row is None:
        return None
    take_alias(session, row, actor.name)
    return row.digest


def retire(session: Session, digest: str, *, reason: str, actor: Actor) -> None:
    """Take a bundle out of use for good: it is never proposed, nor rolled back to.

    What it said of cases stays, and is shown as before. Retiring it again changes nothing.

    Raises
    ------
    StoreError
        If it is not registered.
    RegistryRefused
        If it is in use.
    PermissionDenied
    """
    require_any(session, actor, Action.CHANGE_MODELS, Action.APPROVE_MODELS)
    why = given_text(reason, "reason")
    hold_order(session)
    row = bundle_row(session, digest, for_update=True)
    if row.alias == CHAMPION:
        raise RegistryRefused(
            "The bundle is in use.", hint="Put another one in use first, then retire it."
        )
    if row.retired_at is not None:
        return
    take_alias(session, row, actor.name)
    row.retired_at = utc_now()
    session.flush()
    append_event(session, BundleRetired(row.digest, why), actor=actor.name, at=row.retired_at)


def require_usable(row: Bundle) -> None:
    """Refuse a bundle that was withdrawn or retired.

    Raises
    ------
    RegistryRefused
    """
    if row.withdrawn_at is not None:
        raise RegistryRefused("The bundle was withdrawn.", where=row.digest[:12])
    if row.retired_at is not None:
        raise RegistryRefused("The bundle was retired.", where=row.digest[:12])


def take_alias(session: Session, row: Bundle, actor: str) -> None:
    """Take an alias other than the champion's from a bundle, if it has one."""
    if row.alias is None or row.alias == CHAMPION:
        return
    alias, row.alias = row.alias, None
    session.flush()
    append_event(session, AliasSet(alias, None, row.digest), actor=actor)


def _move(session: Session, alias: str, row: Bundle, actor: str) -> None:
    former = bundle_with_alias(session, alias, for_update=True)
    if former is row:
        return
    take_alias(session, row, actor)
    if former is not None:
        former.alias = None
        session.flush()
    row.alias = alias
    session.flush()
    append_event(
        session, AliasSet(alias, row.digest, former.digest if former else None), actor=actor
    )
