"""Attacks by plain SQL, with the triggers taken away before and put back after: each is found."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from tests.store.make import scored
from triage.backups import back_up, restore
from triage.ledger.keys import SigningKey, make_key
from triage.store import (
    LabelSource,
    Store,
    add_label,
    append_checkpoint,
    check_store,
    events,
    verify_ledger,
)
from triage.store.base import utc_now
from triage.store.ledger import sealed_row
from triage.vocabulary.clinical import Urgency


def url_of(store: Store) -> str:
    return store.engine.url.render_as_string(hide_password=False)


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    return make_key(tmp_path / "ledger.key")


@pytest.fixture
def checkpoints(tmp_path: Path) -> Path:
    return tmp_path / "checkpoints.jsonl"


@pytest.fixture
def filled(store: Store, key: SigningKey, checkpoints: Path) -> Store:
    """Two cases and a checkpoint, two more with labels and a checkpoint."""
    for names in (("c1", "c2"), ("c3", "c4")):
        numbers = [scored(store, name) for name in names]
        with store.transaction() as session:
            for number in numbers:
                add_label(
                    session,
                    number,
                    "acne",
                    LabelSource.HISTOLOGY,
                    given_by="Laboratory",
                    ai_visible=False,
                )
        append_checkpoint(url_of(store), key, checkpoints)
    assert verify_ledger(url_of(store), checkpoints=checkpoints).intact
    return store


@contextmanager
def without_triggers(store: Store) -> Iterator[Connection]:
    """A connection that nothing refuses; afterwards the triggers are as they were."""
    with store.engine.begin() as connection:
        if store.engine.dialect.name == "postgresql":
            connection.execute(text("ALTER TABLE event DISABLE TRIGGER ALL"))
            yield connection
            connection.execute(text("ALTER TABLE event ENABLE TRIGGER ALL"))
            return
        query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
        triggers = connection.execute(text(query)).all()
        for name, _ in triggers:
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
        yield connection
        for _, sql in triggers:
            connection.exec_driver_sql(sql)


def sql(*statements: str) -> Callable[[Connection], None]:
    def run(connection: Connection) -> None:
        for statement in statements:
            connection.execute(text(statement))

    return run


def replace(connection: Connection) -> None:
    columns = "id, at, 'Mallory', kind, case_id, payload, text, hash"
    if connection.dialect.name == "sqlite":
        sql(f"INSERT OR REPLACE INTO event SELECT {columns} FROM event WHERE id = 3")(connection)
    else:
        sql(
            f"INSERT INTO event SELECT {columns} FROM event WHERE id = 3 "
            "ON CONFLICT (id) DO UPDATE SET actor = EXCLUDED.actor"
        )(connection)


COLUMNS = "(id, at, actor, kind, case_id, payload, text, hash)"
VALUES = "(:id, :at, :actor, :kind, :case_id, :payload, :text, :hash)"


def _write(connection: Connection, row: dict[str, object]) -> None:
    at = row["at"]
    if connection.dialect.name == "sqlite":
        at = f"{at:%Y-%m-%d %H:%M:%S.%f}"
    connection.execute(text(f"INSERT INTO event {COLUMNS} VALUES {VALUES}"), {**row, "at": at})


def append_chained(connection: Connection, back: timedelta) -> None:
    """An event with the right hash, as the software would append it."""
    query = "SELECT id, hash FROM event ORDER BY id DESC LIMIT 1"
    last = connection.execute(text(query)).one()
    at = utc_now() - back
    payload = '{"account":null,"reason":"unknown_name"}'
    row = sealed_row(last.id + 1, at, "system", "sign_in_refused", None, payload, last.hash)
    _write(connection, row)


def rewrite(store: Store) -> Callable[[Connection], None]:
    """All events from the third on with another actor, and every hash right again."""
    with store.reading() as session:
        records = events(session)

    def run(connection: Connection) -> None:
        previous = connection.execute(text("SELECT hash FROM event WHERE id = 2")).scalar_one()
        sql("DELETE FROM event WHERE id > 2")(connection)
        for one in records[2:]:
            payload = json.dumps(
                one.payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False
            )
            actor = "Mallory" if one.actor == "Laboratory" else one.actor
            row = sealed_row(one.id, one.at, actor, one.kind, one.case_id, payload, previous)
            _write(connection, row)
            previous = str(row["hash"])
        sql("UPDATE label SET given_by = 'Mallory'")(connection)

    return run


ATTACKS = {
    "edit": (sql("UPDATE event SET actor = 'Mallory' WHERE id = 3"), {"edited"}),
    "edit payload": (sql("UPDATE event SET payload = '{}' WHERE id = 3"), {"edited"}),
    "edit time": (
        sql("UPDATE event SET at = '2026-01-01 00:00:00.000000' WHERE id = 3"), {"edited"},
    ),
    "edit text and column": (
        sql("UPDATE event SET kind = 'x', text = replace(text, kind, 'x') WHERE id = 3"),
        {"edited", "rewritten"},
    ),
    "replace": (replace, {"edited"}),
    "insert": (
        sql(
            "INSERT INTO event SELECT max(id) + 1, max(at), 'Mallory', 'x', NULL, '{}', "
            "max(text), max(hash) FROM event"
        ),
        {"edited"},
    ),
    "delete": (sql("DELETE FROM event WHERE id = 4"), {"gap", "broken_chain", "rewritten"}),
    "delete and renumber": (
        sql(
            "DELETE FROM event WHERE id = 4",
            "UPDATE event SET id = id + 1000 WHERE id > 4",
            "UPDATE event SET id = id - 1001 WHERE id > 1000",
        ),
        {"reordered", "events_missing"},
    ),
    "reorder": (
        sql(
            "UPDATE event SET id = 1000 WHERE id = 3",
            "UPDATE event SET id = 3 WHERE id = 4",
            "UPDATE event SET id = 4 WHERE id = 1000",
        ),
        {"reordered", "rewritten"},
    ),
    "cut tail": (sql("DELETE FROM event WHERE id > 8"), {"events_missing"}),
    "clock set back": (
        lambda connection: append_chained(connection, timedelta(days=1)), {"clock_set_back"},
    ),
    "edit prediction": (
        sql("UPDATE prediction SET queue_urgency = 'semi_urgent' WHERE id = 2"), {"fact"},
    ),
    "edit prediction's detail": (
        sql("UPDATE prediction SET decision = replace(CAST(decision AS text), '0.83', '0.84')"),
        {"fact"},
    ),
    "move prediction": (
        sql("UPDATE prediction SET bundle_id = 2 WHERE id = 2"), {"fact"},
    ),
    "edit label": (sql("UPDATE label SET condition = 'melanoma' WHERE id = 1"), {"fact"}),
    "delete label": (sql("DELETE FROM label WHERE id = 1"), {"fact"}),
    "insert label": (
        sql(
            "INSERT INTO label (case_id, condition, source, given_by, ai_visible, created_at) "
            "SELECT case_id, 'melanoma', source, given_by, ai_visible, created_at FROM label "
            "WHERE id = 1"
        ),
        {"fact"},
    ),
}  # fmt: skip


ON_BOTH = ("edit", "replace", "insert", "delete", "reorder", "cut tail", "clock set back",
           "edit prediction", "edit label")  # fmt: skip
on_sqlite = pytest.mark.parametrize("url", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize(
    "url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)


@pytest.mark.parametrize("name", ON_BOTH)
def test_an_attack_is_found(filled: Store, checkpoints: Path, name: str) -> None:
    assert_found(filled, checkpoints, name)


@on_sqlite
@pytest.mark.parametrize("name", [name for name in ATTACKS if name not in ON_BOTH])
def test_another_attack_is_found(filled: Store, checkpoints: Path, name: str) -> None:
    assert_found(filled, checkpoints, name)


def assert_found(filled: Store, checkpoints: Path, name: str) -> None:
    attack, expected = ATTACKS[name]
    with without_triggers(filled) as connection:
        if name == "move prediction":
            sql(
                "INSERT INTO bundle (id, digest, name, path, conditions, created_at) "
                "VALUES (2, 'x', 'x', 'x', '[]', '2026-01-01 00:00:00')"
            )(connection)
        attack(connection)
    found = verify_ledger(url_of(filled), checkpoints=checkpoints)
    assert not found.intact
    assert expected <= found.chain.counts.keys(), found.chain.findings
    assert "guards" not in found.chain.counts
    assert not any("Mallory" in each.what for each in found.chain.findings)
    assert len(found.chain.findings) <= 20


def test_a_rewritten_chain_is_found_only_with_checkpoints(filled: Store, checkpoints: Path) -> None:
    attack = rewrite(filled)
    with without_triggers(filled) as connection:
        attack(connection)
    alone = verify_ledger(url_of(filled))
    assert alone.intact
    assert "rewritten" in alone.chain.unseen[0]
    found = verify_ledger(url_of(filled), checkpoints=checkpoints)
    assert found.chain.counts == {"rewritten": 2}


def test_a_cut_tail_with_its_facts_is_found_only_with_checkpoints(
    filled: Store, checkpoints: Path
) -> None:
    with filled.reading() as session:
        labels = [one.id for one in events(session) if one.kind == "label_added"]
    with without_triggers(filled) as connection:
        sql(
            "DELETE FROM label WHERE id > 2",
            "DELETE FROM prediction WHERE id > 2",
            "DELETE FROM image WHERE case_id > 2",
            f"DELETE FROM event WHERE id > {labels[1]}",
            'DELETE FROM "case" WHERE id > 2',
        )(connection)
    assert verify_ledger(url_of(filled)).intact
    found = verify_ledger(url_of(filled), checkpoints=checkpoints)
    assert found.chain.counts == {"events_missing": 1}


@on_sqlite
def test_an_older_database_that_is_put_back_is_found(
    filled: Store, checkpoints: Path, tmp_path: Path, key: SigningKey
) -> None:
    copy = tmp_path / "copy.db"
    back_up(url_of(filled), copy)
    scored(filled, "c5", prediction=None)
    append_checkpoint(url_of(filled), key, checkpoints)
    filled.close()
    restore(copy, url_of(filled), overwrite=True)
    assert verify_ledger(url_of(filled)).intact
    found = verify_ledger(url_of(filled), checkpoints=checkpoints)
    assert found.chain.counts == {"events_missing": 1}
    scored(filled, "c6")  # as many events as before
    found = verify_ledger(url_of(filled), checkpoints=checkpoints)
    assert found.chain.counts == {"rewritten": 1}


@pytest.mark.parametrize("used", [False, True])
def test_triggers_that_are_taken_away_are_found(
    filled: Store, checkpoints: Path, used: bool
) -> None:
    with filled.engine.begin() as connection:
        if filled.engine.dialect.name == "postgresql":
            sql("DROP TRIGGER event_in_order ON event", "DROP TRIGGER event_append_only ON event")(
                connection
            )
        else:
            sql(*(f"DROP TRIGGER event_{n}" for n in ("in_order", "no_update", "no_delete")))(
                connection
            )
    found = verify_ledger(url_of(filled), checkpoints=checkpoints)
    assert found.chain.counts.keys() == {"guards"}
    if used:
        with filled.engine.begin() as connection:
            sql("UPDATE event SET actor = 'Mallory' WHERE id = 4")(connection)
        found = verify_ledger(url_of(filled), checkpoints=checkpoints)
        assert found.chain.counts.keys() >= {"guards", "edited"}


@on_sqlite
def test_an_event_that_is_appended_by_sql_with_the_right_hash_passes_for_one(
    filled: Store, checkpoints: Path
) -> None:
    """What docs/ledger.md says that a ledger does not prove."""
    with filled.engine.begin() as connection:
        append_chained(connection, timedelta(0))
    found = verify_ledger(url_of(filled), checkpoints=checkpoints)
    assert found.intact
    assert found.chain.unsealed == 1


@on_sqlite
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE event SET text = CAST(x'ff00' AS TEXT) WHERE id = 3",
        "UPDATE event SET payload = x'ff00' WHERE id = 3",
        "UPDATE event SET at = 5 WHERE id = 3",
        "UPDATE event SET at = replace(at, ' ', 'T') WHERE id = 3",
        "UPDATE prediction SET decision = 'no json' WHERE id = 1",
        "UPDATE prediction SET decision = '[]' WHERE id = 1",
        "UPDATE prediction SET reading_sha256 = 'x', reading_path = 'x' WHERE id = 1",
        "UPDATE label SET created_at = 'never' WHERE id = 1",
    ],
)
def test_values_of_no_type_are_findings(filled: Store, statement: str) -> None:
    with without_triggers(filled) as connection:
        sql(statement)(connection)
    assert not verify_ledger(url_of(filled)).intact


@on_postgresql
def test_a_time_of_another_era_is_found_on_postgresql(filled: Store) -> None:
    with without_triggers(filled) as connection:
        sql("UPDATE event SET at = CAST(CAST(at AT TIME ZONE 'UTC' AS text) || ' UTC BC' AS "
            "timestamptz) WHERE id = 3")(connection)  # fmt: skip
    assert "edited" in verify_ledger(url_of(filled)).chain.counts


def test_the_check_of_a_database_verifies_the_chain(filled: Store, tmp_path: Path) -> None:
    with without_triggers(filled) as connection:
        sql("UPDATE event SET actor = 'Mallory' WHERE id = 3")(connection)
    (problem,) = check_store(url_of(filled)).problems
    assert "Event 3 was edited" in problem
    if filled.engine.dialect.name == "sqlite":
        back_up(url_of(filled), tmp_path / "evidence.db")  # a copy can still be made


@on_sqlite
def test_a_prediction_that_is_scored_again_differently_stays_intact(filled: Store) -> None:
    from tests.store.make import opinion

    scored(filled, "c1", prediction=opinion(Urgency.ROUTINE))
    assert verify_ledger(url_of(filled)).intact


@on_postgresql
@pytest.mark.parametrize(
    "statements",
    [
        (
            "DROP TRIGGER event_append_only ON event",
            "CREATE TRIGGER event_append_only BEFORE UPDATE OF id OR DELETE OR TRUNCATE ON event "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_event_change()",
        ),
        ("ALTER FUNCTION refuse_event_out_of_order() SET search_path = pg_temp",),
        ("ALTER TABLE event DISABLE TRIGGER event_in_order",),
    ],
)
def test_a_trigger_that_does_less_under_the_same_name_is_found(
    filled: Store, statements: tuple[str, ...]
) -> None:
    with filled.engine.begin() as connection:
        sql(*statements)(connection)
    assert verify_ledger(url_of(filled)).chain.counts == {"guards": 1}
