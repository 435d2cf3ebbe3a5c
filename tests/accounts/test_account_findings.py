"""Accounts compared with the events of accounts: what plain SQL changes is found."""

from __future__ import annotations

import random
from contextlib import suppress
from dataclasses import replace

import pytest
from sqlalchemy import text

from tests.accounts.people import (
    ADMINISTRATOR,
    ISSUER,
    OTHER_PASSWORD,
    PASSWORD,
    add_administrator,
    add_reader,
    cheap_hashing,
)
from triage.accounts import Role, passwords
from triage.accounts.accounts import (
    AccountError,
    add_account,
    disable_account,
    enable_account,
    set_password,
    set_role,
)
from triage.accounts.sessions import sign_in
from triage.ledger.events.account_events import AccountCreated, RoleChanged
from triage.store import Store, append_event
from triage.store.fact_checks.accounts import account_findings


def findings(store: Store) -> list[str]:
    with store.reading() as session:
        return account_findings(session)


def run(store: Store, statement: str) -> None:
    with store.transaction() as session:
        session.execute(text(statement))


def test_whatever_the_software_does_agrees(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    assert findings(store) == []
    add_administrator(store)
    add_account(store, "Remote", Role.READER, by=ADMINISTRATOR, issuer=ISSUER, subject="1")
    draw = random.Random(7)
    names = ["Ada", "Remote", *(f"Reader {number}" for number in range(3))]
    for name in names[2:]:
        add_reader(store, name)
    steps = [
        lambda name: disable_account(store, name, by=ADMINISTRATOR),
        lambda name: enable_account(store, name, by=ADMINISTRATOR),
        lambda name: set_role(store, name, draw.choice(list(Role)), by=ADMINISTRATOR),
        lambda name: set_password(store, name, OTHER_PASSWORD, by=ADMINISTRATOR),
    ]
    for _ in range(60):
        with suppress(AccountError):  # the last administrator stays
            draw.choice(steps)(draw.choice(names))
    assert findings(store) == []
    enable_account(store, "Ada", by=ADMINISTRATOR)
    set_password(store, "Ada", PASSWORD, by=ADMINISTRATOR)
    monkeypatch.setattr(passwords, "parameters", lambda: replace(cheap_hashing(), time_cost=2))
    sign_in(store, "Ada", PASSWORD)  # its hash is renewed
    assert findings(store) == []


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("UPDATE account SET role = 'administrator' WHERE id = 2", ["role"]),
        ("UPDATE account SET name = 'Someone', name_key = 'someone' WHERE id = 2", ["name"]),
        ("UPDATE account SET name_key = 'someone' WHERE id = 2", ["name_key"]),
        ("UPDATE account SET printed_name = 'Someone' WHERE id = 2", ["printed_name"]),
        ("UPDATE account SET disabled_at = created_at WHERE id = 2", ["disabled"]),
        (
            "UPDATE account SET password_hash = (SELECT a.password_hash FROM account a "
            "WHERE a.id = 1) WHERE id = 2",
            ["credential"],
        ),
        ("UPDATE account SET issuer = 'i', subject = 's' WHERE id = 2", ["credential"]),
        ("DELETE FROM account WHERE id = 2", ["missing"]),
        (
            "INSERT INTO account (name, name_key, printed_name, role, password_hash, created_at) "
            "SELECT 'X', 'x', 'X', 'administrator', password_hash, created_at FROM account "
            "WHERE id = 1",
            ["no event"],
        ),
    ],
)
def test_what_plain_sql_changed_is_found(store: Store, statement: str, found: list[str]) -> None:
    add_reader(store)
    run(store, statement)
    lines = findings(store)
    assert len(lines) == len(found)
    for line, word in zip(lines, found, strict=True):
        assert word in line
        assert "Rhea" not in line


FORGED: dict[str, dict[str, object]] = {
    "of no account": {"account": 9, "role": "reader"},
    "with an unknown role": {"account": 1, "role": "owner"},
    "without a role": {"account": 1},
    "of a type with other fields": {"account": 1, "name": "Ada"},
}


@pytest.mark.parametrize("forged", FORGED)
def test_events_that_follow_from_nothing_are_found(store: Store, forged: str) -> None:
    class Forged(RoleChanged):
        def payload(self) -> dict[str, object]:
            return FORGED[forged]

    add_administrator(store)
    with store.transaction() as session:
        append_event(session, Forged(1, Role.READER), actor="Ada")
    assert findings(store) == ["event 3: does not follow from the events before it"]


def test_an_account_that_is_created_twice_is_found(store: Store) -> None:
    add_administrator(store)
    with store.transaction() as session:
        append_event(session, AccountCreated(1, "Ada", "Ada", Role.ADMINISTRATOR, "c"))
    assert findings(store) == ["event 3: does not follow from the events before it"]
