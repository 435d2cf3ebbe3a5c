from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.accounts.people import cheap_hashing
from tests.model_registry.registered import Registered, fill
from tests.readers import without_files
from tests.store.migrated import migrated_url
from triage.accounts import passwords
from triage.store import Store, open_store


@pytest.fixture
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A database of SQLite; tests marked `ON_BOTH` have PostgreSQL, too."""
    with migrated_url(getattr(request, "param", "sqlite"), tmp_path) as url:
        opened = open_store(url)
        yield opened
        opened.close()


@pytest.fixture
def registered(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registered:
    """Three bundles on disk, the first in use, and accounts of Eve, Eric, Gus and Rhea."""
    monkeypatch.setattr(passwords, "parameters", cheap_hashing)
    without_files(monkeypatch)
    return fill(store, tmp_path)
