"""Adding and changing accounts, on both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from tests.accounts.people import (
    ADMINISTRATOR,
    ISSUER,
    NOON,
    OTHER_PASSWORD,
    PASSWORD,
    add_administrator,
    add_reader,
    happened,
)
from triage.accounts import LOCAL_ACTOR, SYSTEM_ACTOR, Actor, PermissionDenied, Role
from triage.accounts.accounts import (
    AccountError,
    accounts,
    add_account,
    any_enabled,
    disable_account,
    enable_account,
    find_account,
    has_accounts,
    is_name,
    set_password,
    set_role,
)
from triage.accounts.passwords import PasswordRefused
from triage.accounts.sessions import SessionExpired, SignInRefused, session_of, sign_in
from triage.errors import StoreError, TriageError
from triage.ledger.events.model_events import BundleRegistered
from triage.store import Store, append_event, open_store
from triage.store.accounts import credential_sha256, stored_accounts
from triage.vocabulary.event_types import EventType
from triage.vocabulary.reader_names import reader_key

CHANGES = (
    EventType.ACCOUNT_CREATED,
    EventType.ACCOUNT_DISABLED,
    EventType.ACCOUNT_ENABLED,
    EventType.ROLE_CHANGED,
    EventType.PASSWORD_CHANGED,
)


def test_the_first_account_is_an_administrator(store: Store) -> None:
    assert not has_accounts(store)
    assert not any_enabled(store)
    for role in set(Role) - {Role.ADMINISTRATOR}:
        with pytest.raises(AccountError, match="administrator"):
            add_account(store, "Rhea", role, by=SYSTEM_ACTOR, password=PASSWORD)
    for by in (LOCAL_ACTOR, Actor("Rhea", Role.READER), Actor("Rhea", None)):
        with pytest.raises(PermissionDenied):
            add_account(store, "Rhea", Role.ADMINISTRATOR, by=by, password=PASSWORD)
    assert accounts(store) == ()
    ada = add_administrator(store)
    assert accounts(store) == (ada,)
    assert (ada.name, ada.printed_name, ada.role) == ("Ada", "Ada", Role.ADMINISTRATOR)
    assert (ada.disabled, ada.has_password, ada.issuer, ada.subject) == (False, True, None, None)
    assert has_accounts(store)
    assert any_enabled(store)


def test_later_accounts_need_an_administrator(store: Store) -> None:
    add_administrator(store)
    others = [Actor("someone", role) for role in set(Role) - {Role.ADMINISTRATOR}]
    for by in (SYSTEM_ACTOR, LOCAL_ACTOR, *others):
        with pytest.raises(PermissionDenied):
            add_account(store, "Rhea", Role.READER, by=by, password=PASSWORD)
    rhea = add_account(
        store, "Rhea", Role.READER, by=ADMINISTRATOR, password=PASSWORD, printed_name="Dr R. Sommer"
    )
    assert rhea.printed_name == "Dr R. Sommer"
    assert [account.name for account in accounts(store)] == ["Ada", "Rhea"]


def test_each_change_is_an_event_of_who_made_it(store: Store) -> None:
    rhea = add_reader(store)
    set_role(store, "Rhea", Role.SENIOR_READER, by=ADMINISTRATOR)
    disable_account(store, "Rhea", by=ADMINISTRATOR)
    enable_account(store, "Rhea", by=ADMINISTRATOR)
    set_password(store, "Rhea", OTHER_PASSWORD, by=rhea.actor)
    with store.reading() as session:
        stored = {record.name: record for record in stored_accounts(session)}
    made = happened(store, *CHANGES)
    assert [(actor, kind) for actor, kind, _ in made] == [
        ("system", "account_created"),
        ("Ada", "account_created"),
        ("Ada", "role_changed"),
        ("Ada", "account_disabled"),
        ("Ada", "account_enabled"),
        ("Rhea", "password_changed"),
    ]
    number = {"account": rhea.id}
    assert made[1][2].keys() == {"account", "name", "printed_name", "role", "credential"}
    assert made[1][2]["name"] == "Rhea"
    assert made[2][2] == number | {"role": "senior_reader"}
    assert made[3][2] == made[4][2] == number
    credential = credential_sha256(stored["Rhea"].password_hash, None, None)
    assert made[5][2] == number | {"credential": credential}
    assert made[1][2]["credential"] != credential
    assert PASSWORD not in str(happened(store))


def test_what_changes_nothing_is_no_event(store: Store) -> None:
    add_reader(store)
    before = happened(store)
    set_role(store, "rhea", Role.READER, by=ADMINISTRATOR)
    enable_account(store, "Rhea", by=ADMINISTRATOR)
    assert happened(store) == before
    disable_account(store, "Rhea", by=ADMINISTRATOR)
    once = happened(store)
    assert disable_account(store, "Rhea", by=ADMINISTRATOR).disabled
    assert happened(store) == once


def test_one_person_has_one_account_however_the_name_is_spelt(store: Store) -> None:
    rhea = add_reader(store, "Rhea Sommer")
    for name in ("Rhea Sommer", "rhea  sommer", "RHEA SOMMER", "Rhea \uff33ommer"):
        assert find_account(store, name) == rhea
        with pytest.raises(AccountError, match="of this name"):
            add_account(store, name, Role.READER, by=ADMINISTRATOR, password=PASSWORD)
    assert find_account(store, "Rhea Söommer") is None


def test_reserved_names(store: Store) -> None:
    for name in ("system", "SYSTEM", " system ", "local user", "Local  User"):
        with pytest.raises(AccountError, match="reserved"):
            add_account(store, name, Role.ADMINISTRATOR, by=SYSTEM_ACTOR, password=PASSWORD)
    assert not has_accounts(store)


def test_names_that_are_none(store: Store) -> None:
    add_administrator(store)
    too_long = ("a" * 81, "a" * 1_000_000)
    for name in ("", " ", *too_long, "a\nb", "a\x00b", "\x1b[2J", "a\u200bb", "\u202eab", "\ud800"):
        with pytest.raises(AccountError, match="printable"):
            add_account(store, name, Role.READER, by=ADMINISTRATOR, password=PASSWORD)
        assert find_account(store, name) is None
        with pytest.raises(SignInRefused):
            sign_in(store, name, PASSWORD)
        with pytest.raises(AccountError, match="no account"):
            set_role(store, name, Role.READER, by=ADMINISTRATOR)


@given(st.text(max_size=100))
def test_a_name_is_printable_short_and_not_empty(name: str) -> None:
    assert is_name(name) == (
        1 <= len(name) <= 80
        and all(character.isprintable() for character in name)
        and reader_key(name) != ""
    )


def test_a_name_under_which_cases_were_read_before_becomes_an_account(store: Store) -> None:
    with store.transaction() as session:
        append_event(session, BundleRegistered("d"), actor="Rhea")
    assert add_reader(store, "Rhea").name == "Rhea"


def test_an_account_needs_something_to_sign_in_with(store: Store) -> None:
    for password, issuer, subject in (
        (None, None, None),
        (None, ISSUER, None),
        (None, None, "1"),
        (None, ISSUER, ""),
        (PASSWORD, ISSUER, None),
        (None, ISSUER, "\x00"),
        (None, ISSUER, "s" * 2049),
    ):
        with pytest.raises(AccountError):
            add_account(
                store,
                "Ada",
                Role.ADMINISTRATOR,
                by=SYSTEM_ACTOR,
                password=password,
                issuer=issuer,
                subject=subject,
            )
    assert not has_accounts(store)


def test_a_subject_has_one_account(store: Store) -> None:
    first = add_account(
        store, "Ada", Role.ADMINISTRATOR, by=SYSTEM_ACTOR, issuer=ISSUER, subject="1"
    )
    assert (first.has_password, first.issuer, first.subject) == (False, ISSUER, "1")
    with pytest.raises(AccountError, match="subject"):
        add_account(store, "B", Role.READER, by=ADMINISTRATOR, issuer=ISSUER, subject="1")
    add_account(store, "B", Role.READER, by=ADMINISTRATOR, issuer=ISSUER, subject="2")
    add_account(store, "C", Role.READER, by=ADMINISTRATOR, issuer=f"{ISSUER}/2", subject="1")


def test_a_password_that_is_not_accepted_adds_nothing(store: Store) -> None:
    with pytest.raises(PasswordRefused):
        add_account(store, "Ada", Role.ADMINISTRATOR, by=SYSTEM_ACTOR, password="password1234")
    add_administrator(store)
    with pytest.raises(PasswordRefused):
        set_password(store, "Ada", "short", by=ADMINISTRATOR)
    assert sign_in(store, "Ada", PASSWORD)


def test_the_last_administrator_stays(store: Store) -> None:
    add_reader(store)
    with pytest.raises(AccountError, match="last administrator"):
        disable_account(store, "Ada", by=ADMINISTRATOR)
    with pytest.raises(AccountError, match="last administrator"):
        set_role(store, "Ada", Role.READER, by=ADMINISTRATOR)
    add_account(store, "Bo", Role.ADMINISTRATOR, by=ADMINISTRATOR, password=PASSWORD)
    assert disable_account(store, "Ada", by=ADMINISTRATOR).disabled
    with pytest.raises(AccountError, match="last administrator"):
        disable_account(store, "Bo", by=Actor("Bo", Role.ADMINISTRATOR))
    assert enable_account(store, "Ada", by=Actor("Bo", Role.ADMINISTRATOR)).role is not None
    assert set_role(store, "Bo", Role.ENGINEER, by=ADMINISTRATOR).role is Role.ENGINEER


def test_others_change_nothing_but_their_own_password(store: Store) -> None:
    add_reader(store)
    before = happened(store)
    for role in (*set(Role) - {Role.ADMINISTRATOR}, None):
        by = Actor("Someone", role)
        with pytest.raises(PermissionDenied):
            set_role(store, "Rhea", Role.SENIOR_READER, by=by)
        with pytest.raises(PermissionDenied):
            disable_account(store, "Rhea", by=by)
        with pytest.raises(PermissionDenied):
            enable_account(store, "Rhea", by=by)
        with pytest.raises(PermissionDenied):
            set_password(store, "Rhea", OTHER_PASSWORD, by=by)
    assert happened(store) == before
    set_password(store, "Rhea", OTHER_PASSWORD, by=Actor("Rhea", Role.READER))
    assert sign_in(store, "Rhea", OTHER_PASSWORD)


def test_an_administrator_changes_the_password_of_others(store: Store) -> None:
    add_reader(store)
    token = sign_in(store, "Rhea", PASSWORD)
    set_password(store, "rhea", OTHER_PASSWORD, by=ADMINISTRATOR)
    with pytest.raises(SessionExpired):
        session_of(store, token)
    with pytest.raises(SignInRefused):
        sign_in(store, "Rhea", PASSWORD)
    assert sign_in(store, "Rhea", OTHER_PASSWORD)


def test_another_password_ends_a_lockout(store: Store) -> None:
    add_reader(store)
    for _ in range(5):
        with pytest.raises(SignInRefused):
            sign_in(store, "Rhea", "wrong", at=NOON)
    set_password(store, "Rhea", OTHER_PASSWORD, by=ADMINISTRATOR)
    assert sign_in(store, "Rhea", OTHER_PASSWORD, at=NOON + timedelta(seconds=1))


def test_what_does_not_exist(store: Store) -> None:
    add_administrator(store)
    for change in (
        lambda: disable_account(store, "Nobody", by=ADMINISTRATOR),
        lambda: enable_account(store, "Nobody", by=ADMINISTRATOR),
        lambda: set_role(store, "Nobody", Role.READER, by=ADMINISTRATOR),
        lambda: set_password(store, "Nobody", OTHER_PASSWORD, by=ADMINISTRATOR),
    ):
        with pytest.raises(AccountError, match="no account") as refused:
            change()
        assert "Nobody" not in str(refused.value)


CONTRADICTIONS = (
    "UPDATE account SET role = 'owner'",
    "UPDATE account SET password_hash = NULL",
    "UPDATE account SET issuer = 'i'",
    "INSERT INTO login_session (token_sha256, account_id, local, created_at, last_seen_at, "
    "expires_at) VALUES ('t', NULL, false, '2025-01-01', '2025-01-01', '2025-01-01')",
    "INSERT INTO login_session (token_sha256, account_id, local, created_at, last_seen_at, "
    "expires_at) VALUES ('t', 99, false, '2025-01-01', '2025-01-01', '2025-01-01')",
)


def test_the_database_itself_refuses_contradictions(store: Store) -> None:
    add_administrator(store)
    for statement in CONTRADICTIONS:
        with pytest.raises(StoreError), store.transaction() as session:
            session.execute(text(statement))


def _attempt(work: object) -> bool:
    try:
        work()  # type: ignore[operator]
    except TriageError:
        return False
    return True


def test_of_two_first_administrators_at_once_one_is_added(url: str) -> None:
    stores = [open_store(url, create=True) for _ in range(4)]

    def add(number: int) -> bool:
        name = f"Admin {number}"
        return _attempt(
            lambda: add_account(
                stores[number], name, Role.ADMINISTRATOR, by=SYSTEM_ACTOR, password=PASSWORD
            )
        )

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(add, range(4))) == 1
    assert len(accounts(stores[0])) == 1
    for store in stores:
        store.close()


def test_two_administrators_cannot_disable_each_other_at_once(url: str) -> None:
    stores = [open_store(url, create=True) for _ in range(2)]
    add_administrator(stores[0])
    add_account(stores[0], "Bo", Role.ADMINISTRATOR, by=ADMINISTRATOR, password=PASSWORD)

    def disable(number: int) -> bool:
        name, other = (("Ada", "Bo"), ("Bo", "Ada"))[number]
        by = Actor(other, Role.ADMINISTRATOR)
        return _attempt(lambda: disable_account(stores[number], name, by=by))

    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(disable, range(2))) == 1
    assert [account.disabled for account in accounts(stores[0])].count(False) == 1
    for store in stores:
        store.close()
