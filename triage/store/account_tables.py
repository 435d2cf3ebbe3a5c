"""The tables of accounts and of their sessions.

Callers do not see these classes; `triage.store.accounts` and `triage.store.login_sessions` take
and give plain records.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from triage.store.base import Base, one_of
from triage.vocabulary.roles import Role


class AccountRow(Base):
    """Someone who may sign in, with a password, through OpenID Connect, or either."""

    __tablename__ = "account"
    __table_args__ = (
        UniqueConstraint("issuer", "subject"),
        one_of("role", Role),
        CheckConstraint("(issuer IS NULL) = (subject IS NULL)", name="issuer_has_subject"),
        CheckConstraint("password_hash IS NOT NULL OR issuer IS NOT NULL", name="can_sign_in"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String, unique=True)
    name_key: Mapped[str] = mapped_column(String, unique=True)
    printed_name: Mapped[str] = mapped_column(String)
    role: Mapped[str] = mapped_column(String)
    password_hash: Mapped[str | None] = mapped_column(String)
    issuer: Mapped[str | None] = mapped_column(String)
    subject: Mapped[str | None] = mapped_column(String)
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]
    failed_sign_ins: Mapped[int] = mapped_column(server_default="0")
    refused_until: Mapped[datetime | None]


class LoginSessionRow(Base):
    """A session of the reviewer's pages; without an account on a computer that has none yet."""

    __tablename__ = "login_session"
    __table_args__ = (CheckConstraint("local = (account_id IS NULL)", name="account_unless_local"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    token_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    account_id: Mapped[int | None] = mapped_column(
        ForeignKey("account.id", ondelete="RESTRICT"), index=True
    )
    local: Mapped[bool]
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    reauthenticated_at: Mapped[datetime | None]
