from __future__ import annotations

from datetime import datetime

import pytest

from tests.store.make import case
from triage.errors import StoreError


@pytest.mark.parametrize(
    "changes",
    [
        {"external_id": ""},
        {"source": ""},
        {"patient": ""},
        {"received_at": datetime(2025, 1, 1)},
        {"groups": {"age": float("nan")}},
    ],
)
def test_a_malformed_case_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(StoreError):
        case(**changes)
