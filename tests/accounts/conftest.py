from __future__ import annotations

import pytest

from tests.accounts.people import cheap_hashing
from tests.store.conftest import store, url
from triage.accounts import passwords

__all__ = ["store", "url"]


@pytest.fixture(autouse=True)
def _cheap_hashing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "parameters", cheap_hashing)
