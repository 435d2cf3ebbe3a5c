"""Accounts of tests, and a password hash that costs little."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from argon2 import Parameters
from argon2.profiles import RFC_9106_LOW_MEMORY

from triage.accounts import SYSTEM_ACTOR, Actor, Role
from triage.accounts.accounts import Account, add_account
from triage.store import Store, events
from triage.vocabulary.event_types import EventType

PASSWORD = "plum tree river 9"
OTHER_PASSWORD = "stone bridge cloud 4"
ADMINISTRATOR = Actor("Ada", Role.ADMINISTRATOR)
NOON = datetime(2027, 1, 2, 12, tzinfo=UTC)
ISSUER = "https://login.example"


def cheap_hashing() -> Parameters:
    """The parameters in use, with a thousandth of their cost."""
    return replace(RFC_9106_LOW_MEMORY, time_cost=1, memory_cost=64)


def add_administrator(store: Store) -> Account:
    return add_account(store, "Ada", Role.ADMINISTRATOR, by=SYSTEM_ACTOR, password=PASSWORD)


def add_reader(store: Store, name: str = "Rhea") -> Account:
    """Add a reader, and before that the administrator if there is none."""
    from triage.accounts.accounts import has_accounts

    if not has_accounts(store):
        add_administrator(store)
    return add_account(store, name, Role.READER, by=ADMINISTRATOR, password=PASSWORD)


def happened(store: Store, *kinds: EventType) -> list[tuple[str, str, dict[str, object]]]:
    """Actor, kind and payload of the events of some kinds, or of all."""
    with store.reading() as session:
        return [
            (event.actor, event.kind, dict(event.payload))
            for event in events(session)
            if not kinds or event.kind in kinds
        ]
