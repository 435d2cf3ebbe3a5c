"""Events of accounts and of signing in. The account concerned is named; who acted is the actor."""

from __future__ import annotations

from dataclasses import dataclass

from triage.ledger.event import LedgerEvent
from triage.vocabulary.event_types import EventType
from triage.vocabulary.roles import Role
from triage.vocabulary.sign_in import RefusalReason, SignInMethod


@dataclass(frozen=True)
class AccountCreated(LedgerEvent):
    """An account was created.

    Parameters
    ----------
    account : int
        Row of `account`.
    name, printed_name : str
    role : Role
    credential : str
        Of what the account signs in with, see `triage.store.accounts.credential_sha256`.
    """

    kind = EventType.ACCOUNT_CREATED
    account: int
    name: str
    printed_name: str
    role: Role
    credential: str


@dataclass(frozen=True)
class AccountDisabled(LedgerEvent):
    """An account can sign in no more; its sessions ended."""

    kind = EventType.ACCOUNT_DISABLED
    account: int


@dataclass(frozen=True)
class AccountEnabled(LedgerEvent):
    """An account that was disabled can sign in again."""

    kind = EventType.ACCOUNT_ENABLED
    account: int


@dataclass(frozen=True)
class RoleChanged(LedgerEvent):
    """An account got another role; its sessions ended."""

    kind = EventType.ROLE_CHANGED
    account: int
    role: Role


@dataclass(frozen=True)
class PasswordChanged(LedgerEvent):
    """An account got another password; its sessions ended."""

    kind = EventType.PASSWORD_CHANGED
    account: int
    credential: str


@dataclass(frozen=True)
class PasswordRehashed(LedgerEvent):
    """The same password was hashed again, since the parameters of hashing had changed."""

    kind = EventType.PASSWORD_REHASHED
    account: int
    credential: str


@dataclass(frozen=True)
class SignedIn(LedgerEvent):
    """An account signed in, or proved again who it is, for a signature."""

    kind = EventType.SIGNED_IN
    account: int
    method: SignInMethod


@dataclass(frozen=True)
class SignInRefused(LedgerEvent):
    """Signing in was refused; the account, where the name is one. What was typed is not kept."""

    kind = EventType.SIGN_IN_REFUSED
    account: int | None
    reason: RefusalReason


@dataclass(frozen=True)
class SignedOut(LedgerEvent):
    """An account signed out."""

    kind = EventType.SIGNED_OUT
    account: int
