"""Whether a case database can be worked with: each way in which it cannot has its word."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.store.conftest import store, url
from tests.store.make import bundle
from triage.errors import StoreError
from triage.monitoring.database_readiness import (
    DatabaseReadiness,
    Standing,
    readiness_at,
    readiness_of,
)
from triage.store import Store, register_bundle, set_champion

__all__ = ["store", "url"]

OK = Standing.OK


def put_in_use(store: Store, folder: Path) -> None:
    with store.transaction() as session:
        record = replace(bundle(), path=str(folder))
        set_champion(session, register_bundle(session, record))


def both(store: Store, url: str) -> DatabaseReadiness:
    found = readiness_of(store)
    assert readiness_at(url) == found
    return found


def test_from_no_champion_to_one_whose_files_are_there(
    store: Store, url: str, tmp_path: Path
) -> None:
    found = both(store, url)
    assert found == DatabaseReadiness(OK, OK, Standing.NONE)
    assert (found.has_database, found.ready) == (True, False)
    put_in_use(store, tmp_path / "champion")
    assert both(store, url).champion is Standing.MISSING
    (tmp_path / "champion").mkdir()
    (tmp_path / "champion" / "manifest.json").write_text("{}")
    found = both(store, url)
    assert found.ready
    assert found.parts() == {"database": "ok", "tables": "ok", "champion": "ok"}


def test_tables_of_another_release(store: Store, url: str) -> None:
    with store.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    found = both(store, url)
    assert found == DatabaseReadiness(OK, Standing.OTHER_RELEASE)
    assert not found.has_database


def test_an_empty_database(url: str) -> None:
    """It has no tables; a SQLite file that is missing is no database at all."""
    expected = DatabaseReadiness(Standing.UNREACHABLE)
    if url.startswith("postgresql"):
        expected = DatabaseReadiness(OK, Standing.OTHER_RELEASE)
    assert readiness_at(url) == expected


@pytest.mark.parametrize("content", [b"no database, but some notes" * 100, b"SQLite format 3\0"])
def test_a_damaged_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.db").write_bytes(content)
    assert readiness_at(f"sqlite:///{tmp_path / 'a.db'}").database is Standing.UNREACHABLE


def test_a_server_that_does_not_answer_and_a_text_that_is_no_url() -> None:
    url = "postgresql://user:CANARY@127.0.0.1:1/none"
    assert readiness_at(url).parts()["database"] == "unreachable"
    with pytest.raises(StoreError) as refused:
        readiness_at("CANARY")
    assert "CANARY" not in str(refused.value)


def test_a_file_that_is_gone_while_it_is_open(store: Store, url: str) -> None:
    if store.engine.dialect.name == "postgresql":
        pytest.skip("the server of the tests goes on")
    store.close()
    Path(str(store.engine.url.database)).unlink()
    assert not readiness_of(store).has_database
