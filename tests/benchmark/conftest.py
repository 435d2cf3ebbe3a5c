from __future__ import annotations

from pathlib import Path

import pytest

from tests.pipelines.command import Command, make_command
from tests.tiny import tiny_settings
from triage.benchmark.protocol import Protocol, parse_shift
from triage.data.spec import DataSpec


@pytest.fixture(scope="session")
def protocol(phantom_spec: DataSpec, phantom_root: Path, tiny_hf: Path) -> Protocol:
    """Two members on one tiny backbone, one shift."""
    shifts = (parse_shift("gaussian_blur:3"),)
    return Protocol(phantom_spec, phantom_root, tiny_settings(tiny_hf), shifts=shifts)


@pytest.fixture
def triage(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    return make_command(monkeypatch, capsys)
