"""What `check_store` finds in whole and in damaged databases."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.store.make import scored
from tests.store.older import make_older
from triage.backups import restore
from triage.errors import StoreError
from triage.store import Store, check_store, open_store
from triage.store.schema import needed_revision
from triage.store.tables import Base


def _url(store: Store) -> str:
    return store.engine.url.render_as_string(hide_password=False)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A SQLite database with some cases, closed."""
    store = open_store(f"sqlite:///{tmp_path / 'cases.db'}", create=True)
    for number in range(60):
        scored(store, f"c{number}")
    store.close()
    return tmp_path / "cases.db"


def _changed(path: Path, *statements: str) -> tuple[str, ...]:
    """Problems after another program has run statements."""
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()
    return check_store(f"sqlite:///{path}").problems


def test_a_whole_database_has_no_problem(store: Store) -> None:
    scored(store)
    found = check_store(_url(store))
    assert found.problems == ()
    assert found.revision == found.needed == needed_revision()
    filled = {name: rows for name, rows in found.rows.items() if rows}
    assert filled == {
        "bundle": 1, "case": 1, "event": 5, "image": 1, "patient": 1, "prediction": 1,
    }  # fmt: skip
    assert found.rows.keys() == Base.metadata.tables.keys()


def test_an_upgraded_database_has_no_problem(url: str) -> None:
    from triage.store import upgrade_store

    make_older(url, "0001")
    assert [
        f"0001, this software needs {needed_revision()}" in one for one in check_store(url).problems
    ] == [True]
    upgrade_store(url)
    assert check_store(url).problems == ()


def test_a_missing_database_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no case database"):
        check_store(f"sqlite:///{tmp_path / 'none.db'}")
    assert list(tmp_path.iterdir()) == []


def test_an_empty_database_is_told(url: str) -> None:
    if url.startswith("sqlite"):
        Path(url.removeprefix("sqlite:///")).touch()
    (problem,) = check_store(url).problems
    assert "empty" in problem


@pytest.mark.parametrize("trigger", ["event_no_update", "event_no_delete", "event_in_order"])
def test_a_missing_or_altered_trigger_is_found(path: Path, trigger: str) -> None:
    (problem,) = _changed(path, f"DROP TRIGGER {trigger}")
    assert f"{trigger}, which refuses changes of events, is missing" in problem
    (problem,) = _changed(
        path, f"CREATE TRIGGER {trigger} BEFORE UPDATE ON event BEGIN SELECT 1; END"
    )
    assert f"{trigger}, which refuses changes of events, is altered" in problem


def test_a_strange_trigger_is_found(path: Path) -> None:
    (problem,) = _changed(
        path, "CREATE TRIGGER extra AFTER INSERT ON label BEGIN DELETE FROM label; END"
    )
    assert "not ours: extra" in problem


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TRIGGER event_append_only ON event",
        "ALTER TABLE event DISABLE TRIGGER event_append_only",
        "CREATE OR REPLACE FUNCTION refuse_event_change() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RETURN NEW; END $$",
        "DROP TRIGGER event_append_only ON event; CREATE TRIGGER event_append_only BEFORE UPDATE "
        "ON event FOR EACH STATEMENT EXECUTE FUNCTION refuse_event_change()",
    ],
)
def test_a_trigger_without_effect_is_found_on_postgresql(store: Store, statement: str) -> None:
    if store.engine.dialect.name != "postgresql":
        pytest.skip("its counterpart for SQLite is above")
    with store.transaction() as session:
        session.execute(text(statement))
    (problem,) = check_store(_url(store)).problems
    assert "event_append_only" in problem


def test_a_broken_reference_is_found(path: Path) -> None:
    problems = _changed(path, "DELETE FROM patient WHERE id = 3")
    assert len(problems) == 1
    assert "Row 3 of case refers to a row of patient" in problems[0]
    problems = _changed(path, "DELETE FROM patient")
    assert len(problems) == 20 + 1
    assert problems[-1].startswith("40 more rows")


def test_a_missing_table_or_column_is_found(path: Path) -> None:
    problems = _changed(path, "ALTER TABLE image DROP COLUMN flags", "DROP TABLE label")
    assert {one.split(".")[0] for one in problems} == {
        "The column image", "The table label is missing",
    }  # fmt: skip


def test_a_damaged_file_is_found(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[3 * 4096 : 12 * 4096] = bytes(9 * 4096)
    path.write_bytes(content)
    problems = check_store(f"sqlite:///{path}").problems
    assert problems
    assert "damaged" in problems[0]


def test_a_file_of_something_else_is_found(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    path.write_text("just some text, long enough to be looked at" * 100)
    (problem,) = check_store(f"sqlite:///{path}").problems
    assert "no SQLite database" in problem
    assert path.read_text().startswith("just some text")
    assert list(tmp_path.iterdir()) == [path]


def test_checking_changes_nothing_and_needs_no_right_to_write(path: Path) -> None:
    before = path.read_bytes()
    path.chmod(0o400)
    assert check_store(f"sqlite:///{path}").problems == ()
    assert path.read_bytes() == before


def test_it_can_be_checked_while_others_write(path: Path) -> None:
    store = open_store(f"sqlite:///{path}")
    with store.transaction() as session:
        session.execute(text("UPDATE patient SET external_id = external_id"))
        assert check_store(f"sqlite:///{path}").problems == ()
    store.close()


@pytest.mark.parametrize("cut", [1, 100])
def test_a_file_whose_end_is_missing(tmp_path: Path, cut: int) -> None:
    """SQLite reads zeros in place of what is missing of the last page."""
    url = f"sqlite:///{tmp_path / 'a.db'}"
    store = open_store(url, create=True)
    scored(store)
    store.close()
    path = tmp_path / "a.db"
    assert check_store(url).problems == ()
    path.write_bytes(path.read_bytes()[:-cut])
    assert any("the end of the file is missing" in one for one in check_store(url).problems)
    with pytest.raises(StoreError):
        restore(path, f"sqlite:///{tmp_path / 'b.db'}")
