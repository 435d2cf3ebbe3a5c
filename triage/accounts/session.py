"""A session that is going on, and what ends it.

A session is known by a random token, of which the database holds the SHA-256 only: who reads the
database can take over no session.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NewType

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session as Transaction

from triage.accounts.account import Account, account_of
from triage.accounts.actor import LOCAL_ACTOR, Actor
from triage.errors import TriageError
from triage.hashing import hash_bytes
from triage.store import any_account
from triage.store.accounts import account_with_id
from triage.store.login_sessions import LoginSessionRecord, session_with_hash
from triage.vocabulary.sign_in import ExpiryReason

SessionToken = NewType("SessionToken", str)
"""The secret that a browser holds; it stands in no message and no table."""


class SessionLimits(BaseModel):
    """How long a session lasts.

    Parameters
    ----------
    idle : timedelta
        Without any use. It is counted from the last use that was written, so that a session may
        end up to `touch_every` earlier.
    absolute : timedelta
        Since signing in, however much it is used.
    touch_every : timedelta
        Least time between two writes of the last use, so that reading does not wait for writers.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    idle: timedelta = Field(default=timedelta(minutes=15), gt=timedelta(0))
    absolute: timedelta = Field(default=timedelta(hours=12), gt=timedelta(0))
    touch_every: timedelta = Field(default=timedelta(seconds=30), ge=timedelta(0))


DEFAULT_LIMITS = SessionLimits()


class SessionExpired(TriageError):
    """A session is over, or there never was one.

    Parameters
    ----------
    reason : ExpiryReason
    """

    def __init__(self, reason: ExpiryReason) -> None:
        self.reason = reason
        what = {
            ExpiryReason.IDLE: "The session ended because it was not used for some time.",
            ExpiryReason.ABSOLUTE: "The session ended because it had lasted its longest time.",
            ExpiryReason.REVOKED: "The session was ended.",
            ExpiryReason.UNKNOWN: "There is no such session.",
        }[reason]
        super().__init__(what, hint="Sign in again; what was stored is kept.")


@dataclass(frozen=True, slots=True)
class Session:
    """A session that is going on.

    Parameters
    ----------
    account : Account or None
        None of a local session.
    actor : Actor
        Who acts in it.
    created_at, expires_at : datetime
        When it began, and when it ends at the latest.
    reauthenticated_at : datetime or None
        When the person last proved again who they are, for a signature.
    local : bool
        Begun without signing in, on a computer whose database has no account.
    """

    account: Account | None
    actor: Actor
    created_at: datetime
    expires_at: datetime
    reauthenticated_at: datetime | None
    local: bool


def token_hash(token: str) -> str:
    """Return what the database keeps of a token."""
    return hash_bytes(token.encode("utf-8", "surrogatepass"))


def known_session(transaction: Transaction, token: str) -> LoginSessionRecord | None:
    """Return the stored session of a token, whether it is over or not; None if there is none."""
    wanted = token_hash(token)
    record = session_with_hash(transaction, wanted)
    same = record is not None and hmac.compare_digest(record.token_sha256, wanted)
    return record if same else None


def going_on(
    transaction: Transaction, token: str, at: datetime, limits: SessionLimits
) -> tuple[LoginSessionRecord, Session]:
    """Return a session that is not over, as it is stored and as callers see it.

    Raises
    ------
    SessionExpired
    """
    record = known_session(transaction, token)
    if record is None:
        raise SessionExpired(ExpiryReason.UNKNOWN)
    if record.revoked_at is not None:
        raise SessionExpired(ExpiryReason.REVOKED)
    if at >= record.expires_at:
        raise SessionExpired(ExpiryReason.ABSOLUTE)
    if at - record.last_seen_at >= limits.idle:
        raise SessionExpired(ExpiryReason.IDLE)
    account = _account(transaction, record)
    return record, Session(
        account=account,
        actor=LOCAL_ACTOR if account is None else account.actor,
        created_at=record.created_at,
        expires_at=record.expires_at,
        reauthenticated_at=record.reauthenticated_at,
        local=account is None,
    )


def _account(transaction: Transaction, record: LoginSessionRecord) -> Account | None:
    """The account of a session, which may still use it; None of a local one."""
    if record.account_id is None:
        if any_account(transaction):
            raise SessionExpired(ExpiryReason.REVOKED)
        return None
    account = account_with_id(transaction, record.account_id)
    if account is None or account.disabled_at is not None:
        raise SessionExpired(ExpiryReason.REVOKED)
    return account_of(account)
