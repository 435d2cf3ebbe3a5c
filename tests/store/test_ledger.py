from __future__ import annotations

from datetime import datetime

import pytest
from sqlalchemy import delete, select, text, update

from tests.store.make import NOON, scored
from triage.errors import StoreError
from triage.ledger.canonical import CanonicalTextError
from triage.ledger.events.model_events import BundleRegistered, ChampionSet
from triage.ledger.events.review_events import PolicySet
from triage.ledger.verification import verify_chain
from triage.store import Store, append_event, events, savepoint
from triage.store.chain_rows import chain_rows
from triage.store.tables import Event


@pytest.fixture
def filled(store: Store) -> Store:
    with store.transaction() as session:
        append_event(session, ChampionSet("é" * 3, None), actor="Ann", at=NOON)
        append_event(session, ChampionSet("b", "é" * 3), actor="Ben", at=NOON)
    return store


def bundles(store: Store) -> list[object]:
    with store.reading() as session:
        return [one.payload.get("bundle") for one in events(session)][1:]


def assert_chained(store: Store) -> None:
    with store.engine.connect() as connection:
        found = verify_chain(chain_rows(connection), clock_tolerance_s=None)
    assert found.findings == ()
    assert found.events == len(bundles(store)) + 1


def test_a_new_ledger_begins_with_its_identifier(store: Store) -> None:
    with store.reading() as session:
        (begun,) = events(session)
    assert (begun.id, begun.kind, begun.actor) == (1, "ledger_begun", "system")
    assert begun.payload["earlier_events"] == 0
    assert len(str(begun.payload["ledger"])) == 32


def test_events_come_back_in_order_with_their_payload(filled: Store) -> None:
    with filled.reading() as session:
        _, first, second = events(session)
    assert (first.actor, first.at, first.payload["bundle"]) == ("Ann", NOON, "ééé")
    assert (second.actor, second.kind) == ("Ben", "champion_set")
    assert (first.id, second.id) == (2, 3)
    assert_chained(filled)


def test_a_transaction_sees_its_own_events(filled: Store) -> None:
    with filled.transaction() as session:
        append_event(session, BundleRegistered("x"))
        assert events(session)[-1].payload == {"bundle": "x"}
        append_event(session, BundleRegistered("y"))
        assert [one.id for one in events(session)] == [1, 2, 3, 4, 5]
    assert_chained(filled)


def test_a_transaction_that_fails_leaves_no_gap(filled: Store) -> None:
    def fail() -> None:
        with filled.transaction() as session:
            append_event(session, BundleRegistered("lost"))
            assert events(session)[-1].id == 4
            raise StoreError("no")

    with pytest.raises(StoreError):
        fail()
    with filled.transaction() as session:
        append_event(session, BundleRegistered("kept"))
    with filled.reading() as session:
        assert events(session)[-1].id == 4
    assert_chained(filled)


@pytest.mark.parametrize("sealed_within", [False, True])
@pytest.mark.parametrize("ours", [False, True])
def test_a_savepoint_that_is_rolled_back_drops_its_events(
    store: Store, sealed_within: bool, ours: bool
) -> None:
    def inner(session, name: str) -> None:
        with savepoint(session) if ours else session.begin_nested():
            append_event(session, BundleRegistered(name))
            with session.begin_nested():
                append_event(session, BundleRegistered(f"{name} inner"))
            if sealed_within:
                events(session)
            if name == "lost":
                raise StoreError("no")

    with store.transaction() as session:
        append_event(session, BundleRegistered("before"))
        inner(session, "first")
        with pytest.raises(StoreError):
            inner(session, "lost")
        inner(session, "last")
        append_event(session, BundleRegistered("after"))
    assert bundles(store) == ["before", "first", "first inner", "last", "last inner", "after"]
    assert_chained(store)


def test_a_session_that_is_used_again_appends_nothing_twice(store: Store) -> None:
    session = store._writer()
    append_event(session, BundleRegistered("a"))
    session.commit()
    append_event(session, BundleRegistered("b"))
    session.rollback()
    append_event(session, BundleRegistered("c"))
    session.commit()
    session.close()
    assert bundles(store) == ["a", "c"]


def test_a_value_without_canonical_text_is_refused_at_once(store: Store) -> None:
    with store.transaction() as session:
        for value in (2**53, "\ud800", float("nan")):
            with pytest.raises(CanonicalTextError):
                append_event(session, PolicySet("site", {"value": value}))
        for actor in ("a\0b", "\udfff"):
            with pytest.raises(StoreError):
                append_event(session, BundleRegistered("x"), actor=actor)
        append_event(session, PolicySet("site", {"value": 2**53 - 1, "text": "\0\u2028"}))
    with store.reading() as session:
        assert events(session)[-1].payload["policy"] == {"value": 2**53 - 1, "text": "\0\u2028"}


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


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE event SET actor = 'Eve'",
        "DELETE FROM event",
        "INSERT INTO event VALUES (1, '2020-01-01', 'Eve', 'x', NULL, '{}', 't', 'h')",
        "INSERT INTO event VALUES (0, '2020-01-01', 'Eve', 'x', NULL, '{}', 't', 'h')",
        "INSERT INTO event VALUES (-1, '2020-01-01', 'Eve', 'x', NULL, '{}', 't', 'h')",
        "INSERT INTO event VALUES (5, '2020-01-01', 'Eve', 'x', NULL, '{}', 't', 'h')",
        "INSERT INTO event VALUES (4, '2020-01-01', 'Eve', 'x', NULL, '{}', 't', 'h'), "
        "(6, '2020-01-01', 'Eve', 'x', NULL, '{}', 't', 'h')",
        "INSERT INTO event (at, actor, kind, payload, text, hash) "
        "VALUES ('2020-01-01', 'Eve', 'x', '{}', 't', 'h')",
        "INSERT INTO event SELECT id, at, 'Eve', kind, case_id, payload, text, hash FROM event "
        "WHERE id = 2 ON CONFLICT (id) DO UPDATE SET actor = 'Eve'",
    ],
)
def test_the_database_refuses_changes_by_other_ways(filled: Store, statement: str) -> None:
    with pytest.raises(Exception, match="append-only"), filled.engine.begin() as connection:
        connection.execute(text(statement))
    assert bundles(filled) == ["ééé", "b"]
    assert_chained(filled)


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)  # PostgreSQL has no REPLACE
@pytest.mark.parametrize(
    "statement",
    [
        "INSERT OR REPLACE INTO event VALUES (1, '2020', 'Eve', 'x', NULL, '{}', 't', 'h')",
        "REPLACE INTO event VALUES (2, '2020', 'Eve', 'x', NULL, '{}', 't', 'h')",
        "INSERT OR REPLACE INTO event "
        "SELECT id, at, 'Eve', kind, case_id, payload, text, hash FROM event",
        "INSERT OR IGNORE INTO event VALUES (1, '2020', 'Eve', 'x', NULL, '{}', 't', 'h')",
        "UPDATE OR REPLACE event SET id = 1 WHERE id = 2",
    ],
)
def test_sqlite_refuses_to_replace_an_event(filled: Store, statement: str) -> None:
    with pytest.raises(Exception, match="append-only"), filled.engine.begin() as connection:
        connection.execute(text(statement))
    with filled.transaction() as session:
        append_event(session, BundleRegistered("c"), actor="Cy")
    assert bundles(filled) == ["ééé", "b", "c"]


@pytest.mark.parametrize(
    "url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)
def test_postgresql_refuses_to_truncate(filled: Store) -> None:
    with pytest.raises(Exception, match="append-only"), filled.engine.begin() as connection:
        connection.execute(text("TRUNCATE event"))


def test_a_case_has_its_own_part(store: Store) -> None:
    first, second = scored(store, "c1"), scored(store, "c2")
    with store.reading() as session:
        kinds = [event.kind for event in events(session, second)]
        assert kinds == ["case_received", "images_checked", "case_scored"]
        assert {event.case_id for event in events(session, first)} == {first}


def test_a_moment_without_a_zone_is_refused(store: Store) -> None:
    with pytest.raises(StoreError, match="time zone"), store.transaction() as session:
        append_event(session, BundleRegistered("x"), at=datetime(2025, 1, 1))
    assert bundles(store) == []
