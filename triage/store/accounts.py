"""Accounts in the case database; `triage.accounts.accounts` says who may change them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, exists, func, select, text, update
from sqlalchemy.orm import Session

from triage.hashing import hash_json
from triage.store.account_tables import AccountRow
from triage.vocabulary.roles import Role

_LOCK_KEY = 8_314_972_026  # any number, the same in every process of ours


@dataclass(frozen=True, slots=True)
class AccountRecord:
    """An account as the store keeps it, with what only signing in needs.

    Parameters
    ----------
    id : int
    name, name_key, printed_name : str
        `name_key` is what two spellings of the name share, see
        `triage.vocabulary.reader_names.reader_key`.
    role : Role
    password_hash : str or None
        In argon2's encoding, with its parameters and salt.
    issuer, subject : str or None
        Of OpenID Connect.
    disabled_at, refused_until : datetime or None
        `refused_until` is when signing in is possible again after wrong passwords.
    failed_sign_ins : int
        Wrong passwords in a row.
    """

    id: int
    name: str
    name_key: str
    printed_name: str
    role: Role
    password_hash: str | None
    issuer: str | None
    subject: str | None
    disabled_at: datetime | None
    failed_sign_ins: int
    refused_until: datetime | None


def credential_sha256(password_hash: str | None, issuer: str | None, subject: str | None) -> str:
    """Return the hash of what an account signs in with, as the events of accounts hold it."""
    return hash_json({"issuer": issuer, "password_hash": password_hash, "subject": subject})


def lock_accounts(session: Session) -> None:
    """Let one transaction at a time change which accounts there are, and who may do what.

    SQLite has one writer anyway. Neither reading nor signing in waits.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})


def insert_account(
    session: Session,
    *,
    name: str,
    name_key: str,
    printed_name: str,
    role: Role,
    password_hash: str | None,
    issuer: str | None,
    subject: str | None,
    at: datetime,
) -> AccountRecord:
    """Add an account."""
    row = AccountRow(
        name=name,
        name_key=name_key,
        printed_name=printed_name,
        role=role,
        password_hash=password_hash,
        issuer=issuer,
        subject=subject,
        created_at=at,
        failed_sign_ins=0,
    )
    session.add(row)
    session.flush()
    return _record(row)


def account_with_key(
    session: Session, name_key: str, *, for_update: bool = False
) -> AccountRecord | None:
    """Return the account whose name has this key, or None."""
    return _one(session, AccountRow.name_key == name_key, for_update=for_update)


def account_with_subject(
    session: Session, issuer: str, subject: str, *, for_update: bool = False
) -> AccountRecord | None:
    """Return the account of a subject of an issuer, or None."""
    same = (AccountRow.issuer == issuer) & (AccountRow.subject == subject)
    return _one(session, same, for_update=for_update)


def account_with_id(
    session: Session, account_id: int, *, for_update: bool = False
) -> AccountRecord | None:
    """Return the account in a row, or None."""
    return _one(session, AccountRow.id == account_id, for_update=for_update)


def stored_accounts(session: Session) -> list[AccountRecord]:
    """Return every account, the oldest first."""
    return [_record(row) for row in session.scalars(select(AccountRow).order_by(AccountRow.id))]


def any_account(session: Session) -> bool:
    """Whether there is an account at all, enabled or not."""
    return bool(session.scalar(select(exists().where(AccountRow.id.is_not(None)))))


def enabled_accounts(session: Session, role: Role | None = None) -> int:
    """Count the accounts that are not disabled, all or those of one role."""
    query = select(func.count()).select_from(AccountRow).where(AccountRow.disabled_at.is_(None))
    if role is not None:
        query = query.where(AccountRow.role == role)
    return session.scalar(query) or 0


def update_account(session: Session, account_id: int, **values: object) -> None:
    """Write columns of an account."""
    session.execute(update(AccountRow).where(AccountRow.id == account_id).values(**values))


def _one(
    session: Session, condition: ColumnElement[bool], *, for_update: bool = False
) -> AccountRecord | None:
    query = select(AccountRow).where(condition)
    row = session.scalar(query.with_for_update() if for_update else query)
    return None if row is None else _record(row)


def _record(row: AccountRow) -> AccountRecord:
    return AccountRecord(
        id=row.id,
        name=row.name,
        name_key=row.name_key,
        printed_name=row.printed_name,
        role=Role(row.role),
        password_hash=row.password_hash,
        issuer=row.issuer,
        subject=row.subject,
        disabled_at=row.disabled_at,
        failed_sign_ins=row.failed_sign_ins,
        refused_until=row.refused_until,
    )
