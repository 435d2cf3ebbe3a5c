"""The command line as a user meets it: arguments in; exit code, output and messages out."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from pipelines.cli import main
from triage.store import Store, open_store
from triage.store.tables import Case, Prediction


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.out)


Command = Callable[..., Answer]


def make_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    def run(*arguments: str | Path) -> Answer:
        monkeypatch.setattr(sys, "argv", ["triage", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main()
        seen = capsys.readouterr()
        assert "Traceback" not in seen.out + seen.err
        return Answer(int(end.value.code or 0), seen.out, seen.err)

    return run


def stored(database: str) -> tuple[int, int]:
    """Cases and predictions in a store."""
    store: Store = open_store(database)
    with store.reading() as session:
        counts = [
            session.scalar(select(func.count()).select_from(table)) for table in (Case, Prediction)
        ]
    store.close()
    return int(counts[0] or 0), int(counts[1] or 0)
