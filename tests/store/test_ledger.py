from __future__ import annotations

from datetime import datetime

import pytest
from sqlalchemy import delete, select, text, update
from sqlalchemy.exc import StatementError

from tests.store.make import NOON, scored
from triage.errors import StoreError
from triage.store import EventType, Store, append_event, events
from triage.store.tables import Event


@pytest.fixture
def filled(store: Store) -> Store:
    with store.transaction() as session:
        append_event(session, EventType.CHAMPION_SET, actor="Ann", at=NOON, bundle="é" * 3)
        append_event(session, EventType.CHAMPION_SET, actor="Ben", at=NOON)
    return store


def test_events_come_back_in_order_with_their_payload(filled: Store) -> None:
    with filled.reading() as session:
        first, second = events(session)
    assert (first.actor, first.at, first.payload) == ("Ann", NOON, {"bundle": "ééé"})
    assert (second.actor, second.kind) == ("Ben", "champion_set")
    assert first.id < second.id


def test_the_session_refuses_to_change_an_event(filled: Store) -> None:
    with pytest.raises(StoreError, match="append-only"), filled.transaction() as session:
        session.scalars(select(Event)).first().actor = "Eve"
    with pytest.raises(StoreError, match="append-only"), filled.transaction() as session:
        session.delete(session.scalars(select(Event)).first())


@pytest.mark.parametrize("statement", [update(Event).values(actor="Eve"), delete(Event)])
def test_the_session_refuses_bulk_changes(filled: Store, statement: object) -> None:
    for open_session in (filled.transaction, filled.reading):
        with pytest.raises(StoreError, match="append-only"), open_session() as session:
            session.execute(statement)


@pytest.mark.parametrize("statement", ["UPDATE event SET actor = 'Eve'", "DELETE FROM event"])
def test_the_database_refuses_changes_by_other_ways(filled: Store, statement: str) -> None:
    with pytest.raises(Exception, match="append-only"), filled.engine.begin() as connection:
        connection.execute(text(statement))
    with filled.reading() as session:
        assert [event.actor for event in events(session)] == ["Ann", "Ben"]


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT OR REPLACE INTO event VALUES (1, '2020-01-01 00:00:00', 'Eve', 'x', NULL, '{}')",
        "REPLACE INTO event VALUES (2, '2020-01-01 00:00:00', 'Eve', 'x', NULL, '{}')",
        "INSERT OR REPLACE INTO event SELECT id, at, 'Eve', kind, case_id, payload FROM event",
        "INSERT OR IGNORE INTO event VALUES (1, '2020-01-01 00:00:00', 'Eve', 'x', NULL, '{}')",
        "INSERT INTO event VALUES (-1, '2020-01-01 00:00:00', 'Eve', 'x', NULL, '{}')",
        "INSERT INTO event VALUES (0, '2020-01-01 00:00:00', 'Eve', 'x', NULL, '{}')",
        "UPDATE OR REPLACE event SET id = 1 WHERE id = 2",
    ],
)
def test_sqlite_refuses_to_replace_an_event_or_put_one_before(
    filled: Store, statement: str
) -> None:
    if filled.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL has no REPLACE; the next test is its counterpart")
    with pytest.raises(Exception, match="append-only"), filled.engine.begin() as connection:
        connection.execute(text(statement))
    with filled.transaction() as session:
        append_event(session, EventType.CHAMPION_SET, actor="Cy")
    with filled.reading() as session:
        assert [(one.id, one.actor) for one in events(session)] == [
            (1, "Ann"), (2, "Ben"), (3, "Cy"),
        ]  # fmt: skip


def test_postgresql_refuses_to_overwrite_on_a_conflict(filled: Store) -> None:
    if filled.engine.dialect.name != "postgresql":
        pytest.skip("covered for SQLite by the test above")
    with pytest.raises(Exception, match="append-only"), filled.engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO event VALUES (1, now(), 'Eve', 'x', NULL, '{}') "
                "ON CONFLICT (id) DO UPDATE SET actor = 'Eve'"
            )
        )


def test_the_first_event_of_a_database_has_a_number_above_zero(store: Store) -> None:
    if store.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL counts by a sequence")
    with pytest.raises(Exception, match="append-only"), store.engine.begin() as connection:
        connection.execute(
            text("INSERT INTO event VALUES (-1, '2020-01-01 00:00:00', 'Eve', 'x', NULL, '{}')")
        )


def test_postgresql_refuses_to_truncate(filled: Store) -> None:
    if filled.engine.dialect.name != "postgresql":
        pytest.skip("SQLite has no TRUNCATE")
    with pytest.raises(Exception, match="append-only"), filled.engine.begin() as connection:
        connection.execute(text("TRUNCATE event"))


def test_a_case_has_its_own_part(store: Store) -> None:
    first, second = scored(store, "c1"), scored(store, "c2")
    with store.reading() as session:
        kinds = [event.kind for event in events(session, second)]
        assert kinds == ["case_received", "case_scored"]
        assert {event.case_id for event in events(session, first)} == {first}


def test_a_moment_without_a_zone_is_refused(store: Store) -> None:
    with pytest.raises((StoreError, StatementError)), store.transaction() as session:
        append_event(session, EventType.CHAMPION_SET, at=datetime(2025, 1, 1))
    with store.reading() as session:
        assert events(session) == []
