"""One check of a name and a password, with its refusals and its lockout, for all who sign in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn, TypeVar

from sqlalchemy.orm import Session

from triage.accounts.accounts import is_name
from triage.accounts.passwords import hash_password, matches, needs_rehash
from triage.errors import TriageError
from triage.ledger.events import account_events
from triage.store import Store, append_event
from triage.store.accounts import (
    AccountRecord,
    account_with_id,
    account_with_key,
    credential_sha256,
    update_account,
)
from triage.store.base import utc_now
from triage.vocabulary.reader_names import reader_key
from triage.vocabulary.sign_in import RefusalReason, SignInMethod

FAILURES_UNTIL_LOCKOUT = 5
FIRST_LOCKOUT = timedelta(minutes=1)
LONGEST_LOCKOUT = timedelta(minutes=15)

_Result = TypeVar("_Result")


class SignInRefused(TriageError):
    """Signing in was refused; one message whatever the reason, so that it tells nothing."""

    def __init__(self) -> None:
        super().__init__(
            "The name or the password is not right, or the account may not sign in now.",
            hint=f"After {FAILURES_UNTIL_LOCKOUT} wrong passwords in a row an account is refused "
            "for 1 to 15 minutes; an administrator can set another password.",
        )


@dataclass(frozen=True)
class _Refused:
    """Returned from the transaction, not raised in it, so that its event is kept."""


def lockout_after(failures: int) -> timedelta | None:
    """How long an account is refused after so many wrong passwords in a row; None for not at all.

    One minute after the fifth, and twice as long after each one more, up to 15 minutes.
    """
    if failures < FAILURES_UNTIL_LOCKOUT:
        return None
    doublings = min(failures - FAILURES_UNTIL_LOCKOUT, 10)
    return min(FIRST_LOCKOUT * (1 << doublings), LONGEST_LOCKOUT)


def with_password(
    store: Store,
    name: str,
    password: str,
    method: SignInMethod,
    work: Callable[[Session, AccountRecord, datetime], _Result],
    at: datetime | None,
) -> _Result:
    """Check a name and a password and, if they are right, do something in the same transaction.

    The password is compared outside of the transaction, because it takes long, and what it was
    compared with is checked again inside: of many attempts at once no more than the first few
    count before the account is refused.

    Parameters
    ----------
    store : Store
    name, password : str
        As typed.
    method : SignInMethod
    work : callable
        Takes the session, the account and the time.
    at : datetime, optional
        Now by default; then the event has the time at which it is sealed.

    Raises
    ------
    SignInRefused
        If there is no such account, the password is wrong, or the account is disabled or refused
        for some time. An event says which.
    """
    key = reader_key(name) if is_name(name) else None
    with store.reading() as session:
        seen = account_with_key(session, key) if key is not None else None
    encoded = seen.password_hash if seen is not None else None
    right = matches(password, encoded)
    renewed = hash_password(password) if right and encoded and needs_rehash(encoded) else None

    def check(session: Session) -> _Result | _Refused:
        account = account_with_id(session, seen.id, for_update=True) if seen is not None else None
        moment = at or utc_now()
        if account is None:
            return _refuse(session, None, RefusalReason.UNKNOWN_NAME, at)
        if account.disabled_at is not None:
            return _refuse(session, account, RefusalReason.DISABLED, at)
        if account.refused_until is not None and moment < account.refused_until:
            return _refuse(session, account, RefusalReason.STILL_LOCKED_OUT, at)
        if not right or account.password_hash != encoded:
            return _count_failure(session, account, at)
        update_account(session, account.id, failed_sign_ins=0, refused_until=None)
        if renewed is not None:
            _write_rehashed(session, account, renewed, at)
        signed_in = account_events.SignedIn(account.id, method)
        append_event(session, signed_in, actor=account.name, at=at)
        return work(session, account, moment)

    result = store.write(check)
    if isinstance(result, _Refused):
        raise SignInRefused
    return result


def refuse_oidc(store: Store, account: AccountRecord | None, at: datetime | None) -> NoReturn:
    """Keep the event of a refused sign-in through OpenID Connect.

    Raises
    ------
    SignInRefused
        Always.
    """
    reason = RefusalReason.UNKNOWN_NAME if account is None else RefusalReason.DISABLED
    store.write(lambda session: _refuse(session, account, reason, at))
    raise SignInRefused


def _count_failure(session: Session, account: AccountRecord, at: datetime | None) -> _Refused:
    failures = account.failed_sign_ins + 1
    lockout = lockout_after(failures)
    update_account(
        session,
        account.id,
        failed_sign_ins=failures,
        refused_until=None if lockout is None else (at or utc_now()) + lockout,
    )
    reason = RefusalReason.WRONG_PASSWORD if lockout is None else RefusalReason.LOCKED_OUT
    return _refuse(session, account, reason, at)


def _refuse(
    session: Session, account: AccountRecord | None, reason: RefusalReason, at: datetime | None
) -> _Refused:
    # Nobody is known to have acted: the actor is the software, the account stands in the event.
    refused = account_events.SignInRefused(None if account is None else account.id, reason)
    append_event(session, refused, at=at)
    return _Refused()


def _write_rehashed(
    session: Session, account: AccountRecord, encoded: str, at: datetime | None
) -> None:
    update_account(session, account.id, password_hash=encoded)
    credential = credential_sha256(encoded, account.issuer, account.subject)
    rehashed = account_events.PasswordRehashed(account.id, credential)
    append_event(session, rehashed, actor=account.name, at=at)
