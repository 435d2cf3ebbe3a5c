"""Sessions: how they begin, go on and end. Times are given, nothing waits."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from sqlalchemy import event, select

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
from triage.accounts import LOCAL_ACTOR, SYSTEM_ACTOR, Actor, Role
from triage.accounts.accounts import (
    Account,
    add_account,
    disable_account,
    enable_account,
    set_password,
    set_role,
)
from triage.accounts.sessions import (
    Session,
    SessionExpired,
    SessionLimits,
    SignInRefused,
    mark_reauthenticated,
    reauthenticate,
    recently_reauthenticated,
    revoke_sessions,
    session_of,
    sign_in,
    sign_in_local,
    sign_in_oidc,
    sign_out,
)
from triage.hashing import hash_bytes
from triage.store import Store, open_store
from triage.store.account_tables import LoginSessionRow
from triage.vocabulary.event_types import EventType
from triage.vocabulary.sign_in import ExpiryReason

MICROSECOND = timedelta(microseconds=1)
IDLE, ABSOLUTE = timedelta(minutes=15), timedelta(hours=12)


def over(store: Store, token: str, after: timedelta = timedelta(0)) -> ExpiryReason | None:
    """Why a session is over some time after noon; None if it goes on, and then it was used."""
    try:
        session_of(store, token, at=NOON + after)
    except SessionExpired as expired:
        return expired.reason
    return None


def test_the_limits() -> None:
    assert SessionLimits() == SessionLimits(
        idle=IDLE, absolute=ABSOLUTE, touch_every=timedelta(seconds=30)
    )
    with pytest.raises(ValidationError):
        SessionLimits(idle=timedelta(0))
    with pytest.raises(ValidationError):
        SessionLimits().idle = timedelta(days=9)


def test_a_session_says_who_acts(store: Store) -> None:
    rhea = add_reader(store)
    token = sign_in(store, "rhea", PASSWORD, at=NOON)
    assert session_of(store, token, at=NOON) == Session(
        account=rhea,
        actor=Actor("Rhea", Role.READER),
        created_at=NOON,
        expires_at=NOON + ABSOLUTE,
        reauthenticated_at=None,
        local=False,
    )
    assert sign_in(store, "rhea", PASSWORD) != token


def test_the_database_does_not_hold_the_token(store: Store) -> None:
    add_administrator(store)
    token = sign_in(store, "Ada", PASSWORD)
    assert len(token) >= 43  # 256 random bits in base64
    with store.reading() as session:
        (row,) = session.scalars(select(LoginSessionRow))
    assert row.token_sha256 == hash_bytes(token.encode())
    assert token not in str(vars(row))
    assert token not in str(happened(store))


def test_what_is_no_token(store: Store) -> None:
    add_administrator(store)
    token = sign_in(store, "Ada", PASSWORD, at=NOON)
    near = (token[:-1], f"{token} ", f"{token}\x00", token.swapcase(), hash_bytes(token.encode()))
    for wrong in ("", "x", "\x00", "\ud800", "a" * 1_000_000, "' OR 1=1 --", *near):
        with pytest.raises(SessionExpired) as expired:
            session_of(store, wrong, at=NOON)
        assert expired.value.reason is ExpiryReason.UNKNOWN
        assert not wrong or wrong not in str(expired.value)
        sign_out(store, wrong)
    assert over(store, token) is None


def test_a_session_that_is_not_used_ends(store: Store) -> None:
    add_administrator(store)
    token = sign_in(store, "Ada", PASSWORD, at=NOON)
    assert over(store, token, IDLE - MICROSECOND) is None
    assert over(store, token, 2 * IDLE - 2 * MICROSECOND) is None
    assert over(store, token, 3 * IDLE - 2 * MICROSECOND) is ExpiryReason.IDLE
    assert over(store, token, timedelta(days=3)) is ExpiryReason.ABSOLUTE


def test_a_session_ends_however_much_it_is_used(store: Store) -> None:
    add_administrator(store)
    token = sign_in(store, "Ada", PASSWORD, at=NOON)
    for tens in range(1, 72):
        assert over(store, token, timedelta(minutes=10 * tens)) is None
    assert over(store, token, ABSOLUTE - MICROSECOND) is None
    assert over(store, token, ABSOLUTE) is ExpiryReason.ABSOLUTE


def test_using_a_session_writes_only_now_and_then(store: Store) -> None:
    add_administrator(store)
    token = sign_in(store, "Ada", PASSWORD, at=NOON)
    written = []

    def count(*given: object) -> None:
        written.append(str(given[2])) if "UPDATE" in str(given[2]) else None

    event.listen(store.engine, "before_cursor_execute", count)
    for second in range(0, 90, 3):
        assert over(store, token, timedelta(seconds=second)) is None
    assert len(written) == 2  # after 30 and after 60 seconds


def test_reading_does_not_wait_for_a_writer(tmp_path_factory: pytest.TempPathFactory) -> None:
    """SQLite has one writer: while there is one, a session is still found."""
    url = f"sqlite:///{tmp_path_factory.mktemp('one') / 'triage.db'}"
    store, other = open_store(url, create=True), open_store(url)
    add_administrator(store)
    token = sign_in(store, "Ada", PASSWORD, at=NOON)
    with other.transaction():
        assert over(store, token, timedelta(seconds=29)) is None
    store.close()
    other.close()


LIMITS = SessionLimits(
    idle=timedelta(minutes=10), absolute=timedelta(minutes=60), touch_every=timedelta(minutes=1)
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 900), min_size=1, max_size=12))
def test_any_times_of_use(one_store: Store, gaps: list[int]) -> None:
    """A session goes on for exactly as long as a simulation of the rules says."""
    token = sign_in(one_store, "Ada", PASSWORD, at=NOON, limits=LIMITS)
    now = written = 0
    for gap in gaps:
        now += gap
        if now >= 3600:
            wanted = ExpiryReason.ABSOLUTE
        elif now - written >= 600:
            wanted = ExpiryReason.IDLE
        else:
            wanted = None
        try:
            session_of(one_store, token, at=NOON + timedelta(seconds=now), limits=LIMITS)
            found = None
        except SessionExpired as expired:
            found = expired.reason
        assert found is wanted
        if wanted is None and now - written >= 60:
            written = now


@pytest.fixture(scope="module")
def one_store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = open_store(f"sqlite:///{tmp_path_factory.mktemp('one') / 'triage.db'}", create=True)
    with pytest.MonkeyPatch.context() as patch:
        from tests.accounts.people import cheap_hashing
        from triage.accounts import passwords

        patch.setattr(passwords, "parameters", cheap_hashing)
        add_administrator(store)
    return store


def test_signing_out(store: Store) -> None:
    add_reader(store)
    token, other = (sign_in(store, "Rhea", PASSWORD, at=NOON) for _ in range(2))
    for _ in range(2):
        sign_out(store, token, at=NOON)
    assert over(store, token) is ExpiryReason.REVOKED
    assert over(store, other) is None
    assert happened(store, EventType.SIGNED_OUT) == [("Rhea", "signed_out", {"account": 2})]


CHANGES: dict[str, Callable[[Store, Account], object]] = {
    "disabled": lambda store, _: disable_account(store, "Rhea", by=ADMINISTRATOR),
    "another role": lambda store, _: set_role(store, "Rhea", Role.ENGINEER, by=ADMINISTRATOR),
    "another password": lambda store, _: set_password(
        store, "Rhea", OTHER_PASSWORD, by=ADMINISTRATOR
    ),
    "revoked": lambda store, rhea: revoke_sessions(store, rhea),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_ends_every_session_of_the_account(store: Store, change: str) -> None:
    rhea = add_reader(store)
    tokens = [sign_in(store, "Rhea", PASSWORD, at=NOON) for _ in range(2)]
    other = sign_in(store, "Ada", PASSWORD, at=NOON)
    CHANGES[change](store, rhea)
    assert [over(store, token) for token in tokens] == [ExpiryReason.REVOKED] * 2
    enable_account(store, "Rhea", by=ADMINISTRATOR)
    assert over(store, tokens[0]) is ExpiryReason.REVOKED
    assert over(store, other) is None
    assert revoke_sessions(store, rhea) == 0


def test_a_local_session_until_there_is_an_account(store: Store) -> None:
    token = sign_in_local(store, at=NOON)
    found = session_of(store, token, at=NOON)
    assert (found.account, found.actor, found.local) == (None, LOCAL_ACTOR, True)
    assert over(store, token, IDLE) is ExpiryReason.IDLE
    add_administrator(store)
    assert over(store, token) is ExpiryReason.REVOKED
    with pytest.raises(SignInRefused):
        sign_in_local(store)


def test_local_sessions_are_revoked_and_signed_out_too(store: Store) -> None:
    first, second = sign_in_local(store, at=NOON), sign_in_local(store, at=NOON)
    sign_out(store, first, at=NOON)
    assert over(store, first) is ExpiryReason.REVOKED
    assert revoke_sessions(store, None) == 1
    assert over(store, second) is ExpiryReason.REVOKED
    assert happened(store, EventType.SIGNED_IN, EventType.SIGNED_OUT) == []


def test_proving_again_who_one_is(store: Store) -> None:
    add_reader(store)
    token = sign_in(store, "Rhea", PASSWORD, at=NOON)
    at = NOON + timedelta(minutes=5)
    assert not recently_reauthenticated(session_of(store, token, at=at), at)
    with pytest.raises(SignInRefused):
        reauthenticate(store, token, OTHER_PASSWORD, at=at)
    with pytest.raises(SignInRefused):  # it has a password to prove it with
        mark_reauthenticated(store, token, at=at)
    assert session_of(store, token, at=at).reauthenticated_at is None
    proved = reauthenticate(store, token, PASSWORD, at=at)
    assert proved == session_of(store, token, at=at)
    assert proved.reauthenticated_at == at
    assert happened(store, EventType.SIGNED_IN)[-1] == (
        "Rhea",
        "signed_in",
        {"account": 2, "method": "password_again"},
    )
    for seconds, recent in ((0, True), (120, True), (120.1, False), (-1, False)):
        assert recently_reauthenticated(proved, at + timedelta(seconds=seconds)) is recent
    assert not recently_reauthenticated(proved, at + MICROSECOND, within=timedelta(0))


def test_proving_it_needs_a_session_that_goes_on(store: Store) -> None:
    add_reader(store)
    token = sign_in(store, "Rhea", PASSWORD, at=NOON)
    for wrong, at in ((token, NOON + IDLE), ("x", NOON)):
        with pytest.raises(SessionExpired):
            reauthenticate(store, wrong, PASSWORD, at=at)
        with pytest.raises(SessionExpired):
            mark_reauthenticated(store, wrong, at=at)
    sign_out(store, token, at=NOON)
    with pytest.raises(SessionExpired):
        reauthenticate(store, token, PASSWORD, at=NOON)


def test_proving_it_through_oidc_and_locally(store: Store) -> None:
    local = sign_in_local(store, at=NOON)
    assert mark_reauthenticated(store, local, at=NOON).reauthenticated_at == NOON
    with pytest.raises(SignInRefused):
        reauthenticate(store, local, PASSWORD, at=NOON)
    add_account(store, "Ada", Role.ADMINISTRATOR, by=SYSTEM_ACTOR, issuer=ISSUER, subject="1")
    token = sign_in_oidc(store, ISSUER, "1", at=NOON)
    with pytest.raises(SignInRefused):  # there is no password
        reauthenticate(store, token, PASSWORD, at=NOON)
    assert mark_reauthenticated(store, token, at=NOON).reauthenticated_at == NOON
    methods = [payload["method"] for _, _, payload in happened(store, EventType.SIGNED_IN)]
    assert methods == ["oidc", "oidc_again"]


def test_sessions_of_the_day_before_are_deleted(store: Store) -> None:
    add_administrator(store)
    old = sign_in(store, "Ada", PASSWORD, at=NOON)
    sign_in(store, "Ada", PASSWORD, at=NOON + ABSOLUTE + timedelta(hours=24))
    assert over(store, old) is None
    sign_in(store, "Ada", PASSWORD, at=NOON + ABSOLUTE + timedelta(hours=24) + MICROSECOND)
    assert over(store, old) is ExpiryReason.UNKNOWN
