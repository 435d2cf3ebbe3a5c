"""Sessions of the reviewer's pages in the case database; a token is kept as its hash only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.orm import Session

from triage.store.account_tables import LoginSessionRow


@dataclass(frozen=True, slots=True)
class LoginSessionRecord:
    """A session as the store keeps it; `account_id` is None of a local one."""

    id: int
    token_sha256: str
    account_id: int | None
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    reauthenticated_at: datetime | None


def insert_session(
    session: Session,
    *,
    token_sha256: str,
    account_id: int | None,
    at: datetime,
    expires_at: datetime,
) -> None:
    """Add a session that begins now."""
    session.add(
        LoginSessionRow(
            token_sha256=token_sha256,
            account_id=account_id,
            local=account_id is None,
            created_at=at,
            last_seen_at=at,
            expires_at=expires_at,
        )
    )


def session_with_hash(session: Session, token_sha256: str) -> LoginSessionRecord | None:
    """Return the session whose token has this hash, or None."""
    row = session.scalar(
        select(LoginSessionRow).where(LoginSessionRow.token_sha256 == token_sha256)
    )
    if row is None:
        return None
    return LoginSessionRecord(
        id=row.id,
        token_sha256=row.token_sha256,
        account_id=row.account_id,
        created_at=row.created_at,
        last_seen_at=row.last_seen_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        reauthenticated_at=row.reauthenticated_at,
    )


def touch_session(session: Session, session_id: int, at: datetime) -> None:
    """Write that a session was in use at a moment, unless it was later already."""
    session.execute(
        update(LoginSessionRow)
        .where(LoginSessionRow.id == session_id, LoginSessionRow.last_seen_at < at)
        .values(last_seen_at=at)
    )


def write_reauthenticated(session: Session, session_id: int, at: datetime) -> None:
    """Write that whoever uses a session proved again who they are."""
    session.execute(
        update(LoginSessionRow)
        .where(LoginSessionRow.id == session_id)
        .values(reauthenticated_at=at)
    )


def revoke_session(session: Session, session_id: int, at: datetime) -> None:
    """End one session."""
    _revoke(session, at, LoginSessionRow.id == session_id)


def revoke_sessions_of(session: Session, account_id: int | None, at: datetime) -> int:
    """End every session of an account, or the local ones; return how many there were."""
    return _revoke(session, at, LoginSessionRow.account_id.is_not_distinct_from(account_id))


def delete_sessions_before(session: Session, moment: datetime) -> None:
    """Delete sessions that had expired by a moment: the ledger holds who signed in and out."""
    session.execute(delete(LoginSessionRow).where(LoginSessionRow.expires_at < moment))


def _revoke(session: Session, at: datetime, condition: ColumnElement[bool]) -> int:
    ended = session.scalars(
        update(LoginSessionRow)
        .where(condition, LoginSessionRow.revoked_at.is_(None))
        .values(revoked_at=at)
        .returning(LoginSessionRow.id)
    )
    return len(ended.all())
