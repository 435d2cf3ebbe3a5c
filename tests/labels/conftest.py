from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.readers import without_files
from tests.review.team import fresh_store
from triage.store import Store


@pytest.fixture
def cases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A new database whose cases can be read though they have no files."""
    without_files(monkeypatch)
    opened = fresh_store(tmp_path)
    yield opened
    opened.close()
