"""An account, as far as it may be shown."""

from __future__ import annotations

from dataclasses import dataclass

from triage.accounts.actor import Actor
from triage.errors import TriageError
from triage.store.accounts import AccountRecord
from triage.vocabulary.roles import Role


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
