from __future__ import annotations

import pytest

from tests.dataset_versions.make import clinic
from tests.store.conftest import store, url
from triage.data.dataset import Dataset

__all__ = ["store", "url"]


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """A table of 140 cases with their files; read only."""
    return clinic(tmp_path_factory.mktemp("clinic"))
