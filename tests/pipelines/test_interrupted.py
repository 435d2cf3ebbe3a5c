"""Work that is stopped midway goes on when the same command is given again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.pipelines.command import Command, stored
from tests.tiny import TinyBundle
from triage.data.spec_files import shipped_spec
from triage.systems.bundle import verify_bundle

SPEC = shipped_spec("derm_phantoms")


@contextmanager
def stopping_bars(quiet: bool = False) -> Iterator[Any]:
    """Progress bars with an impatient user: Ctrl-C as soon as something is trained."""

    def report(stage: str, done: int, total: int) -> None:
        if "training" in stage and done == 1:
            raise KeyboardInterrupt

    yield report


def test_interrupted_training_goes_on(
    triage: Command,
    phantom_root: Path,
    tiny_hf: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def train(name: str) -> tuple[Any, ...]:
        return (
            "train", "--spec", SPEC, "--root", phantom_root, "--out", tmp_path / name / "b",
            "--backbone", f"hf:{tiny_hf}", "--members", 2,
        )  # fmt: skip

    with monkeypatch.context() as patch:
        patch.setattr("pipelines.terminal.progress_bars.progress_bars", stopping_bars)
        stopped = triage(*train("stopped"))
    assert stopped.code == 130
    assert "the same command goes on from here" in stopped.err
    assert not (tmp_path / "stopped" / "b").exists()
    assert triage(*train("stopped")).code == 0
    assert triage(*train("whole")).code == 0
    assert [path.name for path in (tmp_path / "stopped").iterdir()] == ["b"]
    one, two = (verify_bundle(tmp_path / name / "b").files for name in ("stopped", "whole"))
    members = [name for name in one if name.startswith("members/")]
    assert len(members) == 2
    assert all(one[name] == two[name] for name in members)


def test_interrupted_scoring_is_repeated_without_duplicates(
    triage: Command,
    tiny_bundle: TinyBundle,
    inbox: Path,
    tmp_path: Path,
    database: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    score = (
        "score", "--bundle", tiny_bundle.folder, "--manifest", inbox, "--root", inbox.parent,
        "--out", tmp_path / "out.parquet", "--db", database,
    )  # fmt: skip
    calls: list[int] = []

    def interrupted(*arguments: Any, **named: Any) -> Any:
        added = add(*arguments, **named)
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return added

    from triage.intake.ingest import add_new_cases as add

    with monkeypatch.context() as patch:
        patch.setattr("triage.intake.ingest.add_new_cases", interrupted)
        patch.setattr("triage.intake.ingest.CHUNK", 2)
        assert triage(*score).code == 130
    assert stored(database) == (2, 2)
    for _ in range(2):
        assert triage(*score).code == 0
        assert stored(database) == (5, 5)


def test_scoring_interrupted_while_embedding_writes_nothing(
    triage: Command,
    tiny_bundle: TinyBundle,
    inbox: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    @contextmanager
    def bars(quiet: bool = False) -> Iterator[Any]:
        def report(*_: object) -> None:
            raise KeyboardInterrupt

        yield report

    monkeypatch.setattr("pipelines.terminal.progress_bars.progress_bars", bars)
    out = tmp_path / "new" / "out.parquet"
    answer = triage(
        "score", "--bundle", tiny_bundle.folder, "--manifest", inbox, "--root", inbox.parent,
        "--out", out,
    )  # fmt: skip
    assert answer.code == 130
    assert not out.parent.exists()
