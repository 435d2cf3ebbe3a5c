"""Copies of a case database on PostgreSQL: whole, of one state, put into empty ones only."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from tests.store.databases import postgres_programs, whole_postgres_url
from tests.store.make import scored
from triage.backups import back_up, restore
from triage.backups.server_copies import _environment
from triage.errors import StoreError
from triage.store import Store, check_store, open_store, verify_ledger
from triage.store.location import resolve_url
from triage.store.queue import cases_waiting

pytestmark = pytest.mark.postgres


@pytest.fixture(autouse=True)
def _own_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{postgres_programs()}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture(scope="module")
def places() -> Iterator[tuple[str, str]]:
    """A database with a case, and an empty one."""
    with ExitStack() as stack:
        url, other = (stack.enter_context(whole_postgres_url()) for _ in range(2))
        opened = open_store(url, create=True)
        scored(opened, "c1")
        opened.close()
        yield url, other


@pytest.fixture
def store(places: tuple[str, str]) -> Iterator[Store]:
    opened = open_store(places[0])
    yield opened
    opened.close()


def _emptied(url: str) -> str:
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE; CREATE SCHEMA public"))
    engine.dispose()
    return url


def _names(url: str) -> list[str]:
    opened = open_store(url)
    with opened.reading() as session:
        names = sorted(case.external_id for case in cases_waiting(session))
    opened.close()
    return names


def test_a_copy_of_a_database_in_use(store: Store, places: tuple[str, str], tmp_path: Path) -> None:
    url, other = places
    copy = tmp_path / "backups" / "monday.dump"
    with store.transaction() as session:
        session.execute(text("UPDATE patient SET external_id = 'not committed'"))
        shown = back_up(url, copy)
        session.rollback()
    assert shown.startswith("postgresql")
    assert list(copy.parent.iterdir()) == [copy]
    assert copy.stat().st_mode & 0o077 == 0, "it holds identifiers"
    restore(copy, _emptied(other))
    assert check_store(other).problems == ()
    assert verify_ledger(other).intact
    assert _names(other) == ["c1"]
    goes_on = open_store(other)
    scored(goes_on, "c2")  # sequences are where they were
    goes_on.close()
    assert _names(other) == ["c1", "c2"]
    assert _names(url) == ["c1"]


def test_nothing_is_replaced(places: tuple[str, str], tmp_path: Path) -> None:
    url, _ = places
    copy = tmp_path / "copy.dump"
    back_up(url, copy)
    before = copy.read_bytes()
    with pytest.raises(StoreError, match="--overwrite"):
        back_up(url, copy)
    assert copy.read_bytes() == before
    for overwrite in (False, True):
        with pytest.raises(StoreError, match="not empty"):
            restore(copy, url, overwrite=overwrite)
    back_up(url, copy, overwrite=True)


@pytest.mark.parametrize("damage", ["cut", "changed", "other"])
def test_a_damaged_copy_leaves_the_database_empty(
    places: tuple[str, str], tmp_path: Path, damage: str
) -> None:
    url, other = places
    copy = tmp_path / "copy.dump"
    back_up(url, copy)
    content = copy.read_bytes()
    if damage == "cut":
        copy.write_bytes(content[: len(content) * 2 // 3])
    elif damage == "changed":
        middle = len(content) * 3 // 4
        copy.write_bytes(content[:middle] + b"\0" * 200 + content[middle + 200 :])
    else:
        copy.write_bytes(b"CANARY is no dump")
    _emptied(other)
    with pytest.raises(StoreError, match="nothing was changed") as refused:
        restore(copy, other)
    assert "CANARY" not in str(refused.value)
    assert check_store(other).revision is None


def test_what_is_no_case_database_is_not_copied(places: tuple[str, str], tmp_path: Path) -> None:
    _, other = places
    with pytest.raises(StoreError, match="empty"):
        back_up(_emptied(other), tmp_path / "copy.dump")
    assert list(tmp_path.iterdir()) == []


def test_missing_and_older_programs_are_named(
    places: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, _ = places
    programs = tmp_path / "programs"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    with pytest.raises(StoreError, match="pg_dump is not installed"):
        back_up(url, tmp_path / "copy.dump")
    fake = programs / "pg_dump"
    fake.write_text(
        "#!/bin/sh\necho 'pg_dump: error: aborting because of server version mismatch' >&2\n"
        "echo 'pg_dump: detail: server version: 16.14; pg_dump version: 15.1 CANARY' >&2\nexit 1\n"
    )
    fake.chmod(0o755)
    with pytest.raises(StoreError, match=r"15\.1 is older than the server \(16\.14\)") as refused:
        back_up(url, tmp_path / "copy.dump")
    assert "CANARY" not in str(refused.value)
    assert not list(tmp_path.glob("*.dump*"))
    assert shutil.which("pg_restore") is None


def test_the_password_reaches_the_programs_by_their_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PGPASSWORD", "of somebody else")
    monkeypatch.setenv("PGHOST", "elsewhere")
    url = resolve_url(
        "postgresql://triage:p%40ss@db:6432/clinic?sslmode=verify-full&options=-csearch_path%3Da"
    )
    found = {name: text for name, text in _environment(url).items() if name.startswith("PG")}
    assert found == {
        "PGHOST": "db", "PGPORT": "6432", "PGUSER": "triage", "PGPASSWORD": "p@ss",
        "PGDATABASE": "clinic", "PGSSLMODE": "verify-full", "PGOPTIONS": "-csearch_path=a",
    }  # fmt: skip
    assert "PGPASSWORD" not in _environment(resolve_url("postgresql://triage@db/clinic"))
