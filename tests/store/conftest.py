from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.readers import without_files
from tests.store.databases import database_url
from tests.store.migrated import migrated_url
from triage.store import Store, open_store


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database; for tests of a store, a copy of one that was migrated once a process."""
    make = migrated_url if "store" in request.fixturenames else database_url
    with make(request.param, tmp_path) as fresh:
        yield fresh


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = open_store(url, create=True)
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def _without_files(monkeypatch: pytest.MonkeyPatch) -> None:
    without_files(monkeypatch)
