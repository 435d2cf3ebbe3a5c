"""Accounts: who may sign in, and with which role."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from triage.accounts.actor import LOCAL_ACTOR, SYSTEM_ACTOR, Actor
from triage.accounts.passwords import hash_password, require_acceptable
from triage.accounts.permissions import require
from triage.errors import TriageError
from triage.ledger.events.account_events import (
    AccountCreated,
    AccountDisabled,
    AccountEnabled,
    PasswordChanged,
    RoleChanged,
)
from triage.store import Store, append_event
from triage.store.accounts import (
    AccountRecord,
    account_with_key,
    account_with_subject,
    any_account,
    credential_sha256,
    enabled_accounts,
    insert_account,
    lock_accounts,
    stored_accounts,
    update_account,
)
from triage.store.base import utc_now
from triage.store.login_sessions import revoke_sessions_of
from triage.vocabulary.reader_names import reader_key
from triage.vocabulary.roles import Action, Role

LONGEST_NAME = 80
RESERVED_NAMES = (SYSTEM_ACTOR.name, LOCAL_ACTOR.name)
_LONGEST_SUBJECT = 2048


class AccountError(TriageError):
    """An account cannot be added or changed as asked."""


@dataclass(frozen=True, slots=True)
class Account:
    """Someone who may sign in.

    Parameters
    ----------
    id : int
        Row of `account`; it never changes.
    name : str
        As it stands in events and reviews.
    printed_name : str
        As it stands on signatures.
    role : Role
    disabled : bool
        Whether signing in is refused.
    has_password : bool
    issuer, subject : str or None
        Of OpenID Connect.
    """

    id: int
    name: str
    printed_name: str
    role: Role
    disabled: bool
    has_password: bool
    issuer: str | None
    subject: str | None

    @property
    def actor(self) -> Actor:
        """What services are given as who acts."""
        return Actor(self.name, self.role)


def account_of(record: AccountRecord) -> Account:
    """Return what may be shown of a stored account."""
    return Account(
        id=record.id,
        name=record.name,
        printed_name=record.printed_name,
        role=record.role,
        disabled=record.disabled_at is not None,
        has_password=record.password_hash is not None,
        issuer=record.issuer,
        subject=record.subject,
    )


def add_account(
    store: Store,
    name: str,
    role: Role,
    *,
    by: Actor,
    password: str | None = None,
    issuer: str | None = None,
    subject: str | None = None,
    printed_name: str | None = None,
) -> Account:
    """Add an account; the first one of a database is an administrator.

    A name under which cases were read before there were accounts goes on with those reviews.

    Parameters
    ----------
    store : Store
    name : str
        1 to 80 printable characters; compared as `triage.vocabulary.reader_names.reader_key` does.
    role : Role
    by : Actor
        Who adds it; `SYSTEM_ACTOR` only while there is no account.
    password : str, optional
        See `triage.accounts.passwords.require_acceptable`.
    issuer, subject : str, optional
        Of OpenID Connect: the provider's issuer URL, and the `sub` claim of the person.
    printed_name : str, optional
        The name on signatures; default: `name`.

    Raises
    ------
    AccountError
        If the name is taken, reserved or no name, if nothing to sign in with is given, or if it
        is the first account and no administrator.
    PasswordRefused
        If the password is not accepted.
    PermissionDenied
        If `by` may not manage accounts.
    """
    with store.reading() as session:  # before the work of hashing
        first = not any_account(session)
    if not first or by != SYSTEM_ACTOR:
        require(by, Action.MANAGE_ACCOUNTS)
    check_new_account(name, role, password, issuer, subject, printed_name, first=first)
    name = name.strip()
    shown = printed_name.strip() if printed_name else name
    encoded = None if password is None else hash_password(password)

    def add(session: Session) -> Account:
        lock_accounts(session)
        if any_account(session):  # there may be one by now
            require(by, Action.MANAGE_ACCOUNTS)
        key = reader_key(name)
        if account_with_key(session, key) is not None:
            raise AccountError("There is an account of this name.", hint="Give another name.")
        if issuer and subject and account_with_subject(session, issuer, subject) is not None:
            raise AccountError("There is an account of this issuer and subject.")
        at = utc_now()
        record = insert_account(
            session,
            name=name,
            name_key=key,
            printed_name=shown,
            role=role,
            password_hash=encoded,
            issuer=issuer,
            subject=subject,
            at=at,
        )
        created = AccountCreated(record.id, name, shown, role, _credential(record))
        append_event(session, created, actor=by.name)
        return account_of(record)

    return store.write(add)


def check_new_account(
    name: str,
    role: Role,
    password: str | None,
    issuer: str | None,
    subject: str | None,
    printed_name: str | None,
    *,
    first: bool,
) -> None:
    """Check what can be checked of a new account without a database; see `add_account`.

    Parameters
    ----------
    first : bool
        Whether it will be the first account.

    Raises
    ------
    AccountError
    PasswordRefused
    """
    if first and role is not Role.ADMINISTRATOR:
        raise AccountError("The first account is that of an administrator.", hint="Give that role.")
    _require_name(name, "name")
    if printed_name:
        _require_name(printed_name, "printed name")
    _require_credential(password, issuer, subject)
    if password is not None:
        require_acceptable(password, name)


def accounts(store: Store) -> tuple[Account, ...]:
    """Return every account, the oldest first."""
    with store.reading() as session:
        return tuple(account_of(record) for record in stored_accounts(session))


def find_account(store: Store, name: str) -> Account | None:
    """Return the account of a name, however it is spelt, or None."""
    if not is_name(name):
        return None
    with store.reading() as session:
        record = account_with_key(session, reader_key(name))
    return None if record is None else account_of(record)


def has_accounts(store: Store) -> bool:
    """Whether there is any account; from then on whatever acts on the record needs one."""
    with store.reading() as session:
        return any_account(session)


def any_enabled(store: Store) -> bool:
    """Whether anyone can sign in."""
    with store.reading() as session:
        return enabled_accounts(session) > 0


def set_password(store: Store, name: str, password: str, *, by: Actor) -> Account:
    """Give an account another password; its sessions end, and it is refused no longer.

    Parameters
    ----------
    store : Store
    name : str
    password : str
    by : Actor
        Of the account itself, where the caller has checked the present password, or who may
        manage accounts.

    Raises
    ------
    AccountError
        If there is no such account.
    PasswordRefused
        If the password is not accepted.
    PermissionDenied
        If `by` may not.
    """
    if reader_key(by.name) != reader_key(name):
        require(by, Action.MANAGE_ACCOUNTS)
    require_acceptable(password, name)
    encoded = hash_password(password)

    def change(session: Session) -> Account:
        record = _stored(session, name)
        if record.name != by.name:
            require(by, Action.MANAGE_ACCOUNTS)
        at = utc_now()
        update_account(
            session, record.id, password_hash=encoded, failed_sign_ins=0, refused_until=None
        )
        revoke_sessions_of(session, record.id, at)
        changed = replace(record, password_hash=encoded)
        append_event(session, PasswordChanged(record.id, _credential(changed)), actor=by.name)
        return account_of(changed)

    return store.write(change)


def set_role(store: Store, name: str, role: Role, *, by: Actor) -> Account:
    """Give an account another role; its sessions end. The same role again changes nothing.

    Raises
    ------
    AccountError
        If there is no such account, or no enabled administrator would be left.
    PermissionDenied
        If `by` may not manage accounts.
    """
    require(by, Action.MANAGE_ACCOUNTS)

    def change(session: Session) -> Account:
        record = _stored(session, name)
        if record.role is role:
            return account_of(record)
        _require_another_administrator(session, record)
        at = utc_now()
        update_account(session, record.id, role=role)
        revoke_sessions_of(session, record.id, at)
        append_event(session, RoleChanged(record.id, role), actor=by.name)
        return account_of(replace(record, role=role))

    return store.write(change)


def disable_account(store: Store, name: str, *, by: Actor) -> Account:
    """Refuse an account from now on; its sessions end. What it did stays under its name.

    Raises
    ------
    AccountError
        If there is no such account, or no enabled administrator would be left.
    PermissionDenied
        If `by` may not manage accounts.
    """
    require(by, Action.MANAGE_ACCOUNTS)

    def change(session: Session) -> Account:
        record = _stored(session, name)
        if record.disabled_at is not None:
            return account_of(record)
        _require_another_administrator(session, record)
        at = utc_now()
        update_account(session, record.id, disabled_at=at)
        revoke_sessions_of(session, record.id, at)
        append_event(session, AccountDisabled(record.id), actor=by.name)
        return account_of(replace(record, disabled_at=at))

    return store.write(change)


def enable_account(store: Store, name: str, *, by: Actor) -> Account:
    """Let an account that was disabled sign in again, and forget its wrong passwords.

    Raises
    ------
    AccountError
        If there is no such account.
    PermissionDenied
        If `by` may not manage accounts.
    """
    require(by, Action.MANAGE_ACCOUNTS)

    def change(session: Session) -> Account:
        record = _stored(session, name)
        update_account(session, record.id, disabled_at=None, failed_sign_ins=0, refused_until=None)
        if record.disabled_at is not None:
            append_event(session, AccountEnabled(record.id), actor=by.name)
        return account_of(replace(record, disabled_at=None))

    return store.write(change)


def is_name(text: str) -> bool:
    """Whether a text can be an account's name."""
    return 0 < len(text) <= LONGEST_NAME and text.isprintable() and bool(reader_key(text))


def _require_name(text: str, what: str) -> None:
    name = text.strip()
    if not is_name(name):
        raise AccountError(f"A {what} has 1 to {LONGEST_NAME} printable characters.")
    if reader_key(name) in {reader_key(reserved) for reserved in RESERVED_NAMES}:
        raise AccountError(
            f"The names {' and '.join(map(repr, RESERVED_NAMES))} are reserved.",
            hint="Give another name.",
        )


def _require_credential(password: str | None, issuer: str | None, subject: str | None) -> None:
    if bool(issuer) != bool(subject):
        raise AccountError("An issuer needs a subject, and a subject an issuer.")
    if password is None and not issuer:
        raise AccountError("An account needs a password, or an issuer and a subject.")
    for text in filter(None, (issuer, subject)):
        if len(text) > _LONGEST_SUBJECT or not text.isprintable():
            raise AccountError("An issuer and a subject are printable, of 2048 characters at most.")


def _stored(session: Session, name: str) -> AccountRecord:
    """The account of a name, in a transaction that no other change of accounts runs beside."""
    lock_accounts(session)
    record = account_with_key(session, reader_key(name)) if is_name(name) else None
    if record is None:
        raise AccountError(
            "There is no account of this name.", hint="triage user list shows all names."
        )
    return record


def _require_another_administrator(session: Session, record: AccountRecord) -> None:
    if record.role is not Role.ADMINISTRATOR or record.disabled_at is not None:
        return
    if enabled_accounts(session, Role.ADMINISTRATOR) < 2:
        raise AccountError(
            "This is the last administrator who can sign in.", hint="Add another one first."
        )


def _credential(record: AccountRecord) -> str:
    return credential_sha256(record.password_hash, record.issuer, record.subject)
