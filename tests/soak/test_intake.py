"""The soak run in short."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from tests.soak.intake import MAX_CPU_SECONDS, MAX_MEBIBYTES, run
from tests.soak.mutations import mutate, seeds
from triage.decoding.inspect_file import inspect_file


def test_every_seed_is_read(tmp_path: Path) -> None:
    for name, data in seeds().items():
        path = tmp_path / "file"
        path.write_bytes(data)
        found = inspect_file(path)
        assert found.readable, (name, found.message)


def test_the_same_seed_makes_the_same_changes() -> None:
    data = bytes(range(256)) * 8
    first, second = (
        [mutate(data, rng) for _ in range(20)]
        for rng in (np.random.default_rng(3), np.random.default_rng(3))
    )
    assert first == second
    assert len(set(first)) == 20


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="costs are read from /proc")
def test_mutated_files_are_read_or_refused_within_bounds() -> None:
    costs = run(280, 1)
    assert sum(found.outcomes.total() for found in costs.values()) == 280
    assert max(found.cpu for found in costs.values()) <= MAX_CPU_SECONDS
    assert max(found.mebibytes for found in costs.values()) <= MAX_MEBIBYTES
