from __future__ import annotations

from pathlib import Path

import pytest

import triage.models.preprocessing as module
from triage.imaging.read import read_picture


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Every image that is decoded, in order."""
    seen: list[Path] = []

    def counting(path: Path):
        seen.append(path)
        return read_picture(path)

    monkeypatch.setattr(module, "read_picture", counting)
    return seen
