"""Sessions of the reviewer's pages: begun by signing in, ended by time, signing out or a change.

A session is known by a random token, of which the database holds the SHA-256 only: who reads the
database can take over no session.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NewType

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session as Transaction

from triage.accounts.accounts import Account, account_of
from triage.accounts.actor import LOCAL_ACTOR, Actor
from triage.accounts.sign_in_check import SignInRefused, refuse_oidc, with_password
from triage.errors import TriageError
from triage.hashing import hash_bytes
from triage.ledger.events.account_events import SignedIn, SignedOut
from triage.store import Store, any_account, append_event
from triage.store.accounts import AccountRecord, account_with_id, account_with_subject
from triage.store.base import utc_now
from triage.store.login_sessions import (
    LoginSessionRecord,
    delete_sessions_before,
    insert_session,
    revoke_session,
    revoke_sessions_of,
    session_with_hash,
    touch_session,
    write_reauthenticated,
)
from triage.vocabulary.sign_in import ExpiryReason, SignInMethod

__all__ = [
    "Session",
    "SessionExpired",
    "SessionLimits",
    "SessionToken",
    "SignInRefused",
    "mark_reauthenticated",
    "reauthenticate",
    "recently_reauthenticated",
    "revoke_sessions",
    "session_of",
    "sign_in",
    "sign_in_local",
    "sign_in_oidc",
    "sign_out",
]

SessionToken = NewType("SessionToken", str)
"""The secret that a browser holds; it stands in no message and no table."""

_TOKEN_BYTES = 32
_KEPT_AFTER_EXPIRY = timedelta(days=1)


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


def sign_in(
    store: Store,
    name: str,
    password: str,
    *,
    at: datetime | None = None,
    limits: SessionLimits = DEFAULT_LIMITS,
) -> SessionToken:
    """Begin a session with a name and a password.

    Parameters
    ----------
    store : Store
    name, password : str
        As typed.
    at : datetime, optional
        Now by default.
    limits : SessionLimits, optional

    Returns
    -------
    SessionToken

    Raises
    ------
    SignInRefused
        With one message, whether there is no such account, the password is wrong, or the account
        is disabled or refused after wrong passwords. An event says which.
    """
    return with_password(
        store,
        name,
        password,
        SignInMethod.PASSWORD,
        lambda transaction, account, moment: _begin(transaction, account.id, moment, limits),
        at,
    )


def sign_in_oidc(
    store: Store,
    issuer: str,
    subject: str,
    *,
    at: datetime | None = None,
    limits: SessionLimits = DEFAULT_LIMITS,
) -> SessionToken:
    """Begin a session for whom a provider of OpenID Connect has authenticated.

    Parameters
    ----------
    store : Store
    issuer, subject : str
        The claims `iss` and `sub` of an ID token that the caller has verified.
    at : datetime, optional
        Now by default.
    limits : SessionLimits, optional

    Raises
    ------
    SignInRefused
        If no account has this issuer and subject, or it is disabled.
    """

    def begin(transaction: Transaction) -> SessionToken | AccountRecord | None:
        account = account_with_subject(transaction, issuer, subject, for_update=True)
        moment = at or utc_now()
        if account is None or account.disabled_at is not None:
            return account
        signed_in = SignedIn(account.id, SignInMethod.OIDC)
        append_event(transaction, signed_in, actor=account.name, at=at)
        return _begin(transaction, account.id, moment, limits)

    begun = store.write(begin)
    if begun is None or isinstance(begun, AccountRecord):
        refuse_oidc(store, begun, at)
    return begun


def sign_in_local(
    store: Store, *, at: datetime | None = None, limits: SessionLimits = DEFAULT_LIMITS
) -> SessionToken:
    """Begin a session without signing in, while the database has no account.

    Only for pages on the loopback address: whoever reaches them acts as `LOCAL_ACTOR`. The session
    ends when an account is added.

    Raises
    ------
    SignInRefused
        If there is an account.
    """

    def begin(transaction: Transaction) -> SessionToken | None:
        if any_account(transaction):
            return None
        return _begin(transaction, None, at or utc_now(), limits)

    token = store.write(begin)
    if token is None:
        raise SignInRefused
    return token


def session_of(
    store: Store,
    token: str,
    *,
    at: datetime | None = None,
    limits: SessionLimits = DEFAULT_LIMITS,
) -> Session:
    """Return the session of a token, and count this as its use.

    Parameters
    ----------
    store : Store
    token : str
    at : datetime, optional
        Now by default.
    limits : SessionLimits, optional

    Raises
    ------
    SessionExpired
        If it is over: unused too long, too old, signed out, or ended because its account was
        disabled or got another role or password, or of a local one because there is an account
        now.
    """
    moment = at or utc_now()
    with store.reading() as transaction:
        record, session = _going_on(transaction, token, moment, limits)
    if moment - record.last_seen_at >= limits.touch_every:
        store.write(lambda transaction: touch_session(transaction, record.id, moment))
    return session


def sign_out(store: Store, token: str, *, at: datetime | None = None) -> None:
    """End a session; one that is over already stays so."""

    def end(transaction: Transaction) -> None:
        moment = at or utc_now()
        record = _known(transaction, token)
        if record is None or record.revoked_at is not None:
            return
        revoke_session(transaction, record.id, moment)
        if record.account_id is not None:
            account = account_with_id(transaction, record.account_id)
            assert account is not None, "the foreign key holds"
            append_event(transaction, SignedOut(account.id), actor=account.name, at=at)

    store.write(end)


def revoke_sessions(store: Store, account: Account | None, *, at: datetime | None = None) -> int:
    """End every session of an account (None: the local ones), and return how many there were."""
    moment = at or utc_now()
    number = None if account is None else account.id
    return store.write(lambda transaction: revoke_sessions_of(transaction, number, moment))


def reauthenticate(
    store: Store,
    token: str,
    password: str,
    *,
    at: datetime | None = None,
    limits: SessionLimits = DEFAULT_LIMITS,
) -> Session:
    """Check the password of a session's account again, for a signature.

    Raises
    ------
    SessionExpired
        If the session is over.
    SignInRefused
        If the password is wrong; it counts as one at signing in. Always of a local session.
    """
    session = session_of(store, token, at=at, limits=limits)
    if session.account is None:
        raise SignInRefused
    return with_password(
        store,
        session.account.name,
        password,
        SignInMethod.PASSWORD_AGAIN,
        lambda transaction, _, moment: _reauthenticated(transaction, token, moment, limits),
        at,
    )


def mark_reauthenticated(
    store: Store,
    token: str,
    *,
    at: datetime | None = None,
    limits: SessionLimits = DEFAULT_LIMITS,
) -> Session:
    """Write that a provider of OpenID Connect has authenticated a session's account again.

    The caller has verified that the new ID token is of the account's issuer and subject, and that
    the person was asked just now (`auth_time`). A local session is marked too: it has nothing that
    could be proved.

    Raises
    ------
    SessionExpired
        If the session is over.
    SignInRefused
        If its account does not sign in through OpenID Connect.
    """

    def mark(transaction: Transaction) -> Session | None:
        moment = at or utc_now()
        _, session = _going_on(transaction, token, moment, limits)
        if (account := session.account) is not None:
            if account.issuer is None:
                return None
            again = SignedIn(account.id, SignInMethod.OIDC_AGAIN)
            append_event(transaction, again, actor=account.name, at=at)
        return _reauthenticated(transaction, token, moment, limits)

    marked = store.write(mark)
    if marked is None:
        raise SignInRefused
    return marked


def recently_reauthenticated(
    session: Session, at: datetime, within: timedelta = timedelta(minutes=2)
) -> bool:
    """Whether the person proved again who they are, and not longer ago than `within`."""
    proved = session.reauthenticated_at
    return proved is not None and timedelta(0) <= at - proved <= within


def _begin(
    transaction: Transaction, account_id: int | None, at: datetime, limits: SessionLimits
) -> SessionToken:
    # Nobody asks for a session of the day before again; the ledger holds who signed in and out.
    delete_sessions_before(transaction, at - _KEPT_AFTER_EXPIRY)
    token = SessionToken(secrets.token_urlsafe(_TOKEN_BYTES))
    insert_session(
        transaction,
        token_sha256=_hash(token),
        account_id=account_id,
        at=at,
        expires_at=at + limits.absolute,
    )
    return token


def _hash(token: str) -> str:
    return hash_bytes(token.encode("utf-8", "surrogatepass"))


def _known(transaction: Transaction, token: str) -> LoginSessionRecord | None:
    wanted = _hash(token)
    record = session_with_hash(transaction, wanted)
    same = record is not None and hmac.compare_digest(record.token_sha256, wanted)
    return record if same else None


def _going_on(
    transaction: Transaction, token: str, at: datetime, limits: SessionLimits
) -> tuple[LoginSessionRecord, Session]:
    record = _known(transaction, token)
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


def _reauthenticated(
    transaction: Transaction, token: str, at: datetime, limits: SessionLimits
) -> Session:
    record, _ = _going_on(transaction, token, at, limits)
    write_reauthenticated(transaction, record.id, at)
    return _going_on(transaction, token, at, limits)[1]
