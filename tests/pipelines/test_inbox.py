"""A table of new cases that is looked at again and again: `triage score --every`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import typer

from pipelines.cli.inbox import watch_table
from tests.pipelines.command import Command, stored
from tests.tiny import TinyBundle
from triage.errors import ExitCode, UsageError


class Rounds:
    """What happens before each look; the process is told to stop after the last one."""

    def __init__(self, *happens: object) -> None:
        self.happens = list(happens)

    def __call__(self, seconds: float) -> None:
        assert 0 <= seconds <= 60
        if not self.happens:
            raise KeyboardInterrupt  # as Ctrl-C during a wait, where no handler is set
        change = self.happens.pop(0)
        if callable(change):
            change()


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "manifest.json").write_text('{"name": "first"}')
    return tmp_path / "bundle"


def looked(table: Path, bundle: Path, rounds: Rounds, code: int = 0) -> list[str]:
    """What the work saw in the table at each time that it was done."""
    seen: list[str] = []

    def work() -> None:
        seen.append(table.read_text())
        if code:
            raise typer.Exit(code)

    with pytest.raises(KeyboardInterrupt):
        watch_table(work, table, bundle, 1.0, wait=rounds)
    return seen


def test_a_table_that_is_not_there_yet_is_waited_for(
    tmp_path: Path, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "manifest.csv"
    seen = looked(table, bundle, Rounds(None, lambda: table.write_text("image\na.png\n"), None))
    assert seen == ["image\na.png\n"], "once, since it has not changed"
    assert capsys.readouterr().out.count("not there yet; looked for again in 1 minutes") == 2


@pytest.mark.parametrize("code", [0, int(ExitCode.SOME_REJECTED)])
def test_work_is_done_when_the_table_or_the_bundle_has_changed(
    tmp_path: Path, bundle: Path, code: int
) -> None:
    table = tmp_path / "manifest.csv"
    table.write_text("one")
    later = table.stat().st_mtime + 60

    def touch() -> None:
        os.utime(table, (later, later))

    seen = looked(
        table,
        bundle,
        Rounds(None, lambda: table.write_text("two"), touch, None,
               lambda: (bundle / "manifest.json").write_text('{"name": "second"}'), None),
        code,
    )  # fmt: skip
    assert seen == ["one", "two", "two", "two"]


def test_an_error_after_the_first_round_is_tried_again(
    tmp_path: Path, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "manifest.csv"
    table.write_text("one")
    seen: list[str] = []

    def work() -> None:
        seen.append(table.read_text())
        if seen[-1] == "bad":
            raise UsageError("the table is bad")

    with pytest.raises(KeyboardInterrupt):
        watch_table(
            work, table, bundle, 1.0,
            wait=Rounds(lambda: table.write_text("bad"), None, lambda: table.write_text("good")),
        )  # fmt: skip
    assert seen == ["one", "bad", "bad", "good"]
    assert capsys.readouterr().err.count("triage: the table is bad") == 2
    table.write_text("bad")
    with pytest.raises(UsageError):
        watch_table(work, table, bundle, 1.0, wait=Rounds())


def test_the_heartbeat_follows_each_round(
    tmp_path: Path, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beat = tmp_path / "heartbeat"
    monkeypatch.setenv("TRIAGE_HEARTBEAT", str(beat))
    looked(tmp_path / "none.csv", bundle, Rounds())
    assert beat.exists(), "waiting is work"
    monkeypatch.setenv("TRIAGE_HEARTBEAT", str(tmp_path / "no folder" / "heartbeat"))
    looked(tmp_path / "none.csv", bundle, Rounds())


def test_a_password_of_standard_input_is_refused(tmp_path: Path, bundle: Path) -> None:
    with pytest.raises(UsageError, match="again and again"):
        watch_table(lambda: None, tmp_path / "a.csv", bundle, 1.0, True)


def test_scoring_again_adds_nothing(
    triage: Command,
    tiny_bundle: TinyBundle,
    inbox: Path,
    database: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The verb itself, three looks at a table that is touched in between."""
    monkeypatch.setenv("TRIAGE_CACHE", str(tiny_bundle.cache))
    times = iter(range(1, 3))

    def wait(_: float) -> None:
        later = inbox.stat().st_mtime + 60
        os.utime(inbox, (later, later))
        if next(times, None) is None:
            raise KeyboardInterrupt

    monkeypatch.setattr("pipelines.cli.inbox.watch_table.__kwdefaults__", {"wait": wait})
    answer = triage(
        "score", "--bundle", tiny_bundle.folder, "--manifest", inbox, "--root", inbox.parent,
        "--out", tmp_path / "new.parquet", "--db", database, "--every", "1",
    )  # fmt: skip
    assert answer.code == ExitCode.INTERRUPTED, answer.err
    assert answer.out.count("5 cases scored") == 3
    assert stored(database) == (5, 5)
