from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import triage.backbones.preprocessing as module
from triage.decoding.read_picture import read_resized
from triage.imaging.resized import ResizedPicture


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Every image that is decoded."""
    seen: list[Path] = []

    def counting(path: Path, *rest: Any, **given: Any) -> ResizedPicture:
        seen.append(path)
        return read_resized(path, *rest, **given)

    monkeypatch.setattr(module, "read_resized", counting)
    return seen
