from __future__ import annotations

import pytest

from tests.readers import without_files
from tests.store.conftest import store, url

__all__ = ["store", "url"]


@pytest.fixture(autouse=True)
def _without_files(monkeypatch: pytest.MonkeyPatch) -> None:
    without_files(monkeypatch)
