from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.ui.make_accounts import PASSWORD, account
from tests.ui.served import CHEAP, served
from triage.store import Store, open_store


@pytest.fixture(autouse=True, scope="module")
def cheap_hashes() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("triage.accounts.passwords.parameters", lambda: CHEAP)
        yield


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A database without an account, and one with Ann, who has a password."""
    folder = tmp_path_factory.mktemp("templates")
    empty, with_ann = folder / "empty.db", folder / "ann.db"
    for path in (empty, with_ann):
        opened = open_store(f"sqlite:///{path}", create=True)
        if path == with_ann:
            account(opened, "Ann", password=PASSWORD)
        opened.close()
    return empty, with_ann


def _copy(template: Path, folder: Path) -> Store:
    shutil.copy(template, folder / "a.db")
    return open_store(f"sqlite:///{folder / 'a.db'}")


@pytest.fixture
def empty(templates: tuple[Path, Path], tmp_path: Path) -> Iterator[Store]:
    """Without an account."""
    opened = _copy(templates[0], tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def store(templates: tuple[Path, Path], tmp_path: Path) -> Iterator[Store]:
    """With Ann."""
    opened = _copy(templates[1], tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def client(store: Store, tmp_path: Path) -> Iterator[TestClient]:
    with served(store, tmp_path) as opened:
        yield opened


@pytest.fixture(scope="module")
def outsider(
    templates: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TestClient]:
    """Of one application for all tests in which nobody signs in."""
    folder = tmp_path_factory.mktemp("outsider")
    store = _copy(templates[1], folder)
    with served(store, folder) as opened:
        yield opened
    store.close()
