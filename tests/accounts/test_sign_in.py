"""Signing in: who may, what is told to those who may not, and the lockout."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from tests.accounts.people import (
    ADMINISTRATOR,
    ISSUER,
    NOON,
    OTHER_PASSWORD,
    PASSWORD,
    add_administrator,
    add_reader,
    cheap_hashing,
    happened,
)
from triage.accounts import Actor, Role, passwords
from triage.accounts.accounts import add_account, disable_account, enable_account, set_password
from triage.accounts.authentication import authenticate
from triage.accounts.sessions import (
    SignInRefused,
    reauthenticate,
    session_of,
    sign_in,
    sign_in_oidc,
)
from triage.accounts.sign_in_check import lockout_after
from triage.store import Store, open_store
from triage.store.accounts import account_with_key, credential_sha256
from triage.vocabulary.event_types import EventType

REFUSED = EventType.SIGN_IN_REFUSED
SIGNED_IN = EventType.SIGNED_IN
Attempt = Callable[[Store, str, str, datetime], object]


def by_page(store: Store, name: str, password: str, at: datetime) -> object:
    return sign_in(store, name, password, at=at)


def by_verb(store: Store, name: str, password: str, at: datetime) -> object:
    return authenticate(store, name, password, at=at)


either_way = pytest.mark.parametrize("attempt", [by_page, by_verb])


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def reasons(store: Store) -> list[object]:
    return [payload["reason"] for _, _, payload in happened(store, REFUSED)]


def test_a_verb_learns_who_acts(store: Store) -> None:
    add_reader(store)
    assert authenticate(store, "rhea", PASSWORD) == Actor("Rhea", Role.READER)
    assert happened(store, SIGNED_IN) == [
        ("Rhea", "signed_in", {"account": 2, "method": "command_line"})
    ]


@either_way
def test_one_message_for_every_refusal_and_an_event_that_says_why(
    store: Store, attempt: Attempt
) -> None:
    add_reader(store)
    add_reader(store, "Gone")
    add_account(store, "Remote", Role.READER, by=ADMINISTRATOR, issuer=ISSUER, subject="1")
    disable_account(store, "Gone", by=ADMINISTRATOR)
    told = set()
    for name, password in (
        ("Nobody", PASSWORD),
        ("Rhea", OTHER_PASSWORD),
        ("Rhea", ""),
        ("Gone", PASSWORD),
        ("Remote", PASSWORD),
        ("' OR 1=1 --", "' OR 1=1 --"),
        ("<script>alert(1)</script>", "x" * 1_000_000),
    ):
        with pytest.raises(SignInRefused) as refused:
            attempt(store, name, password, NOON)
        told.add(str(refused.value))
        assert name not in str(refused.value)
        assert refused.value.__cause__ is None
    assert len(told) == 1
    assert happened(store, REFUSED) == [
        ("system", "sign_in_refused", {"account": account, "reason": reason})
        for account, reason in (
            (None, "unknown_name"),
            (2, "wrong_password"),
            (2, "wrong_password"),
            (3, "disabled"),
            (4, "wrong_password"),
            (None, "unknown_name"),
            (None, "unknown_name"),
        )
    ]
    everything = str(happened(store))
    assert OTHER_PASSWORD not in everything
    assert "script" not in everything


def test_every_attempt_computes_one_hash(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the time to the refusal tells nobody which names there are."""
    add_reader(store)
    add_reader(store, "Gone")
    disable_account(store, "Gone", by=ADMINISTRATOR)
    passwords.matches("", None)  # the hash that is compared with where there is none
    computed = []
    hasher = passwords._hasher()

    class Counting:
        def verify(self, encoded: str, secret: bytes) -> bool:
            computed.append(encoded)
            return hasher.verify(encoded, secret)

    monkeypatch.setattr(passwords, "_hasher", Counting)
    for number, name in enumerate(("Nobody", "Rhea", "Gone", "\x00", "a" * 100), start=1):
        with pytest.raises(SignInRefused):
            sign_in(store, name, OTHER_PASSWORD)
        assert len(computed) == number


def test_the_lockout_doubles_up_to_fifteen_minutes() -> None:
    found = [lockout_after(failures) for failures in range(12)]
    assert found == [None] * 5 + [minutes(n) for n in (1, 2, 4, 8, 15, 15, 15)]
    assert lockout_after(10**9) == minutes(15)


@either_way
def test_after_five_failures_in_a_row_even_the_password_is_refused(
    store: Store, attempt: Attempt
) -> None:
    add_reader(store)
    for second in range(5):
        with pytest.raises(SignInRefused):
            attempt(store, "Rhea", "wrong", NOON + timedelta(seconds=second))
    locked = NOON + timedelta(seconds=4)
    for later in (timedelta(0), minutes(1) - timedelta(microseconds=1)):
        with pytest.raises(SignInRefused):
            attempt(store, "Rhea", PASSWORD, locked + later)
    assert attempt(store, "Rhea", PASSWORD, locked + minutes(1))
    assert reasons(store) == ["wrong_password"] * 4 + ["locked_out"] + ["still_locked_out"] * 2
    assert sign_in(store, "Ada", PASSWORD, at=locked)  # others are not concerned


def test_each_failure_after_the_lockout_doubles_it(store: Store) -> None:
    add_reader(store)
    at = NOON
    for _ in range(4):
        with pytest.raises(SignInRefused):
            sign_in(store, "Rhea", "wrong", at=at)
    for length in (1, 2, 4, 8, 15, 15):
        with pytest.raises(SignInRefused):
            sign_in(store, "Rhea", "wrong", at=at)
        almost = at + minutes(length) - timedelta(seconds=1)
        with pytest.raises(SignInRefused):
            sign_in(store, "Rhea", PASSWORD, at=almost)
        at += minutes(length)
    assert sign_in(store, "Rhea", PASSWORD, at=at)
    # Signing in ends the row of failures.
    for _ in range(4):
        with pytest.raises(SignInRefused):
            sign_in(store, "Rhea", "wrong", at=at)
    assert sign_in(store, "Rhea", PASSWORD, at=at)


def test_failures_within_a_session_count(store: Store) -> None:
    add_reader(store)
    token = sign_in(store, "Rhea", PASSWORD, at=NOON)
    for _ in range(5):
        with pytest.raises(SignInRefused):
            reauthenticate(store, token, "wrong", at=NOON)
    with pytest.raises(SignInRefused):
        reauthenticate(store, token, PASSWORD, at=NOON)
    assert session_of(store, token, at=NOON).reauthenticated_at is None


def test_an_administrator_ends_a_lockout_by_enabling(store: Store) -> None:
    add_reader(store)
    for _ in range(5):
        with pytest.raises(SignInRefused):
            sign_in(store, "Rhea", "wrong", at=NOON)
    enable_account(store, "Rhea", by=ADMINISTRATOR)
    assert sign_in(store, "Rhea", PASSWORD, at=NOON)


def test_of_many_guesses_at_once_no_more_than_five_count(url: str) -> None:
    """Also where several have compared the password before any failure is counted."""
    stores = [open_store(url, create=True) for _ in range(4)]
    add_reader(stores[0])
    guesses = [f"guess number {number}" for number in range(12)]

    def guess(number: int) -> bool:
        try:
            sign_in(stores[number % 4], "Rhea", guesses[number], at=NOON)
        except SignInRefused:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert not any(pool.map(guess, range(12)))
    found = reasons(stores[0])
    assert sorted(map(str, found)) == sorted(
        ["wrong_password"] * 4 + ["locked_out"] + ["still_locked_out"] * 7
    )
    for store in stores:
        store.close()


def test_a_password_changed_meanwhile_no_longer_counts(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_reader(store)

    def changing(password: str, encoded: str | None) -> bool:
        right = passwords.matches(password, encoded)
        set_password(store, "Rhea", OTHER_PASSWORD, by=ADMINISTRATOR)
        return right

    monkeypatch.setattr("triage.accounts.sign_in_check.matches", changing)
    with pytest.raises(SignInRefused):
        sign_in(store, "Rhea", PASSWORD)


def test_a_hash_of_other_parameters_is_renewed(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_administrator(store)
    with store.reading() as session:
        before = account_with_key(session, "ada")
    token = sign_in(store, "Ada", PASSWORD)
    monkeypatch.setattr(passwords, "parameters", lambda: replace(cheap_hashing(), time_cost=2))
    with pytest.raises(SignInRefused):
        sign_in(store, "Ada", OTHER_PASSWORD)
    assert happened(store, EventType.PASSWORD_REHASHED) == []
    for _ in range(2):
        assert sign_in(store, "Ada", PASSWORD)
    with store.reading() as session:
        after = account_with_key(session, "ada")
    assert before is not None
    assert after is not None
    assert before.password_hash != after.password_hash
    credential = credential_sha256(after.password_hash, None, None)
    assert happened(store, EventType.PASSWORD_REHASHED) == [
        ("Ada", "password_rehashed", {"account": 1, "credential": credential})
    ]
    assert session_of(store, token)  # the password is the same, so sessions go on


def test_oidc(store: Store) -> None:
    add_administrator(store)
    add_account(store, "Remote", Role.GOVERNANCE, by=ADMINISTRATOR, issuer=ISSUER, subject="1")
    token = sign_in_oidc(store, ISSUER, "1")
    assert session_of(store, token).actor == Actor("Remote", Role.GOVERNANCE)
    assert happened(store, SIGNED_IN) == [("Remote", "signed_in", {"account": 2, "method": "oidc"})]
    for issuer, subject in ((ISSUER, "2"), (f"{ISSUER}/", "1"), ("", ""), (ISSUER, "")):
        with pytest.raises(SignInRefused):
            sign_in_oidc(store, issuer, subject)
    disable_account(store, "Remote", by=ADMINISTRATOR)
    with pytest.raises(SignInRefused):
        sign_in_oidc(store, ISSUER, "1")
    assert reasons(store) == ["unknown_name"] * 4 + ["disabled"]
