from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.readers import without_files
from tests.store.conftest import store
from tests.store.migrated import migrated_url

__all__ = ["store"]


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without cases; migrated once a process, since no migration is tested here."""
    with migrated_url(request.param, tmp_path) as fresh:
        yield fresh


@pytest.fixture(autouse=True)
def _without_files(monkeypatch: pytest.MonkeyPatch) -> None:
    without_files(monkeypatch)
