"""Whether the accounts are what the events of accounts say."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from triage.ledger.event import LedgerEvent
from triage.ledger.events.account_events import (
    AccountCreated,
    AccountDisabled,
    AccountEnabled,
    PasswordChanged,
    PasswordRehashed,
    RoleChanged,
)
from triage.store.accounts import AccountRecord, credential_sha256, stored_accounts
from triage.store.typed_events import typed_events
from triage.vocabulary.event_types import EventType
from triage.vocabulary.reader_names import reader_key
from triage.vocabulary.roles import Role

_KINDS = (
    EventType.ACCOUNT_CREATED,
    EventType.ACCOUNT_DISABLED,
    EventType.ACCOUNT_ENABLED,
    EventType.ROLE_CHANGED,
    EventType.PASSWORD_CHANGED,
    EventType.PASSWORD_REHASHED,
)


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """What the events say of an account; `credential` as in `AccountCreated`."""

    name: str
    printed_name: str
    role: Role
    disabled: bool
    credential: str


def account_findings(session: Session) -> list[str]:
    """Compare the accounts with their events; one line a difference, none if they agree.

    The lines name rows and columns, not what stands in them.
    """
    records = stored_accounts(session)
    stored = {record.id: _facts(record) for record in records}
    told, findings = _replayed(session)
    findings += [
        f"account {record.id}: name_key is not that of its name"
        for record in records
        if record.name_key != reader_key(record.name)
    ]
    for number in sorted(stored.keys() | told.keys()):
        if number not in told:
            findings.append(f"account {number}: no event says that it was created")
        elif number not in stored:
            findings.append(f"account {number}: was created by an event, and is missing")
        else:
            findings += [
                f"account {number}: {field} is not what its events say"
                for field in AccountFacts.__dataclass_fields__
                if getattr(stored[number], field) != getattr(told[number], field)
            ]
    return findings


def _facts(record: AccountRecord) -> AccountFacts:
    return AccountFacts(
        name=record.name,
        printed_name=record.printed_name,
        role=record.role,
        disabled=record.disabled_at is not None,
        credential=credential_sha256(record.password_hash, record.issuer, record.subject),
    )


def _replayed(session: Session) -> tuple[dict[int, AccountFacts], list[str]]:
    """The accounts as the events say, and which events do not follow from those before them."""
    told: dict[int, AccountFacts] = {}
    findings = [
        f"event {seq}: does not follow from the events before it"
        for seq, _, _, event in typed_events(session, *_KINDS)
        if event is None or not _apply(told, event)
    ]
    return told, findings


def _apply(told: dict[int, AccountFacts], event: LedgerEvent) -> bool:
    """Apply an event to the accounts; whether it could be."""
    match event:
        case AccountCreated(account, name, printed_name, role, credential):
            if account in told:
                return False
            told[account] = AccountFacts(name, printed_name, role, False, credential)
            return True
        case AccountDisabled(account):
            changes: dict[str, object] = {"disabled": True}
        case AccountEnabled(account):
            changes = {"disabled": False}
        case RoleChanged(account, role):
            changes = {"role": role}
        case PasswordChanged(account, credential) | PasswordRehashed(account, credential):
            changes = {"credential": credential}
        case _:
            return False
    if account not in told:
        return False
    told[account] = replace(told[account], **changes)  # type: ignore[arg-type]
    return True
