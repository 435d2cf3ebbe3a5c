"""Backups are whole files that nothing else is needed for, and are put back whole or not at all."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.store.make import scored
from triage.backups import back_up, restore
from triage.errors import StoreError
from triage.store import Store, check_store, open_store
from triage.store.queue import cases_waiting


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cases.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    opened = open_store(_url(path), create=True)
    scored(opened, "c1")
    yield opened
    opened.close()


def _url(path: Path) -> str:
    return f"sqlite:///{path}"


def _names(path: Path) -> list[str]:
    opened = open_store(_url(path))
    try:
        with opened.reading() as session:
            return sorted(case.external_id for case in cases_waiting(session))
    finally:
        opened.close()


def test_a_backup_of_a_database_in_use(store: Store, path: Path, tmp_path: Path) -> None:
    """Its last transactions may not be in the file yet, and one that is open is not copied."""
    copy = tmp_path / "backups" / "monday.db"
    with store.transaction() as session:
        session.execute(text("UPDATE patient SET external_id = 'not committed'"))
        assert back_up(_url(path), copy) == str(path)
    assert list(copy.parent.iterdir()) == [copy]
    assert check_store(_url(copy)).problems == ()
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("SELECT external_id FROM patient").fetchall() == [
            ("patient of c1",)
        ]
    assert _names(copy) == ["c1"]


def test_a_restored_database_goes_on(store: Store, path: Path, tmp_path: Path) -> None:
    copy, other = tmp_path / "copy.db", tmp_path / "other.db"
    back_up(_url(path), copy)
    assert restore(copy, _url(other)) == str(other)
    assert check_store(_url(other)).problems == ()
    opened = open_store(_url(other))
    scored(opened, "c2")
    opened.close()
    assert _names(other) == ["c1", "c2"]
    assert _names(copy) == ["c1"]


def test_a_database_in_use_is_replaced_only_when_told_to(
    store: Store, path: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.db"
    back_up(_url(path), copy)
    scored(store, "c2")
    with pytest.raises(StoreError, match="--overwrite"):
        restore(copy, _url(path))
    with store.reading() as session:
        assert len(cases_waiting(session)) == 2
    restore(copy, _url(path), overwrite=True)
    with store.reading() as session:
        assert [case.external_id for case in cases_waiting(session)] == ["c1"]
    scored(store, "c3")
    assert _names(path) == ["c1", "c3"]
    assert check_store(_url(path)).problems == ()


def test_a_backup_is_overwritten_only_when_told_to(
    store: Store, path: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.db"
    back_up(_url(path), copy)
    scored(store, "c2")
    before = copy.read_bytes()
    with pytest.raises(StoreError, match="--overwrite"):
        back_up(_url(path), copy)
    assert copy.read_bytes() == before
    back_up(_url(path), copy, overwrite=True)
    assert _names(copy) == ["c1", "c2"]
    with pytest.raises(StoreError, match="onto itself"):
        back_up(_url(path), path, overwrite=True)


def test_a_database_that_is_not_whole_is_not_copied(
    store: Store, path: Path, tmp_path: Path
) -> None:
    store.close()
    copy, target = tmp_path / "copy.db", tmp_path / "target.db"
    back_up(_url(path), copy)
    for broken in (path, copy):
        with closing(sqlite3.connect(broken)) as connection:
            connection.execute("DELETE FROM patient")
            connection.commit()
    with pytest.raises(StoreError, match="not whole: Row 1 of case"):
        back_up(_url(path), target)
    with pytest.raises(StoreError, match="not whole: Row 1 of case"):
        restore(copy, _url(target))
    for other in ("just some text" * 500, ""):
        copy.write_text(other)
        with pytest.raises(StoreError, match="not whole"):
            restore(copy, _url(target))
    assert not target.exists()


def test_another_programs_database_is_not_replaced(
    store: Store, path: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.db"
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE something (id INTEGER)")
        connection.commit()
    before = other.read_bytes()
    with pytest.raises(StoreError, match="something else"):
        restore(path, _url(other), overwrite=True)
    assert other.read_bytes() == before
    other.write_text("no database at all, but some notes" * 100)
    with pytest.raises(StoreError, match="nothing was changed"):
        restore(path, _url(other), overwrite=True)
    assert other.read_text().startswith("no database")


def test_what_is_left_of_another_database_is_not_applied(
    store: Store, path: Path, tmp_path: Path
) -> None:
    target = tmp_path / "target.db"
    (tmp_path / "target.db-wal").write_bytes(b"of a database that was deleted")
    with pytest.raises(StoreError, match="left here"):
        restore(path, _url(target))
    assert not target.exists()


def test_a_locked_database_is_not_replaced(
    store: Store, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "copy.db"
    back_up(_url(path), copy)
    scored(store, "c2")
    monkeypatch.setattr("triage.backups.sqlite_copies._LONGEST_WAIT_S", 0.0)
    with store.transaction() as session:
        session.execute(text("UPDATE patient SET external_id = external_id"))
        with pytest.raises(StoreError, match="locked"):
            restore(copy, _url(path), overwrite=True)
    assert _names(path) == ["c1", "c2"]


@pytest.mark.postgres
def test_a_server_that_does_not_answer(tmp_path: Path, store: Store, path: Path) -> None:
    url = "postgresql://user:CANARY@127.0.0.1:1/none"
    for act in (lambda: back_up(url, tmp_path / "copy.db"), lambda: restore(path, url)):
        with pytest.raises(StoreError, match="not reachable") as caught:
            act()
        assert "CANARY" not in str(caught.value)
    assert not (tmp_path / "copy.db").exists()


def test_a_backup_while_another_thread_writes(store: Store, path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    writer = threading.Thread(
        target=lambda: [scored(store, f"more {number}") for number in range(40)]
    )
    writer.start()
    back_up(_url(path), copy)
    writer.join(timeout=60)
    assert check_store(_url(copy)).problems == ()
    found = _names(copy)
    assert set(found) <= {"c1", *(f"more {number}" for number in range(40))}
