"""Who takes a step on the registry: an account with the permission, as it is stored now."""

from __future__ import annotations

from sqlalchemy.orm import Session

from triage.accounts import SYSTEM_ACTOR, Action, Actor, may
from triage.accounts.permissions import PermissionDenied
from triage.model_registry.refusals import RegistryRefused
from triage.store.accounts import account_with_key, any_account
from triage.vocabulary.reader_names import reader_key

NO_ACCOUNTS_HINT = (
    "Add accounts: triage user add ADMIN --role administrator, then one with --role engineer, who "
    "proposes, and one with --role governance, who approves."
)


def require_account(session: Session, actor: Actor) -> None:
    """Check that a step of two people is taken by an account.

    Raises
    ------
    RegistryRefused
        If the database has no account: nobody could tell two people apart.
    """
    if not any_account(session):
        raise RegistryRefused(
            "This database has no accounts, so nobody could tell who proposes from who approves.",
            hint=NO_ACCOUNTS_HINT,
        )
    if actor == SYSTEM_ACTOR:
        raise PermissionDenied("This needs an account.", hint="Add --as NAME.")


def require_any(session: Session, actor: Actor, *actions: Action) -> None:
    """Check that an actor may do one of some actions, by the account's role in the database.

    The software itself may, as long as there is no account.

    Raises
    ------
    PermissionDenied
        If there is no such account, it is disabled, or its role allows none of them.
    """
    if actor == SYSTEM_ACTOR and not any_account(session):
        return
    record = account_with_key(session, reader_key(actor.name))
    enabled = record is not None and record.disabled_at is None
    # What the caller says of the role may be older than the account.
    now = Actor(record.name, record.role) if record is not None and enabled else None
    if now is None or not any(may(now, action) for action in actions):
        names = " or ".join(action.value for action in actions)
        raise PermissionDenied(f"This needs the permission {names}.", hint="Ask an administrator.")


def is_same_person(one: str, other: str) -> bool:
    """Whether two names are those of one account, however they are spelt."""
    return reader_key(one) == reader_key(other)
