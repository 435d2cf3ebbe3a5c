"""Retraining interrupted at every step, altered, or started twice."""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from tests.pipelines.retraining import policy, read
from triage.errors import TriageError, UsageError
from triage.learning.retraining import register
from triage.learning.retraining.only_one import RetrainInProgress, only_one
from triage.learning.retraining.run_state import RunState, RunStateError
from triage.store import Store, verify_ledger
from triage.store.learning_tables import GateRunRow, TrainingRunRow
from triage.store.tables import Bundle

STEPS = ("snapshot", "train", "calibrate", "evaluate", "compare", "evidence", "gate", "result")


class Killed(BaseException):
    """Stands for a process that ends at once."""


@pytest.fixture
def reviewed(filled: Store, truth: dict[str, str]) -> Store:
    read(filled, *next(iter(truth.items())))
    return filled


def rows(store: Store) -> tuple[int, int, list[str]]:
    """How many bundles and gate runs there are, and the states of the runs."""
    with store.reading() as session:
        return (
            len(session.scalars(select(Bundle)).all()),
            len(session.scalars(select(GateRunRow)).all()),
            list(session.scalars(select(TrainingRunRow.state))),
        )


def killed(
    monkeypatch: pytest.MonkeyPatch, place: Any, name: str, when: Callable[..., bool]
) -> None:
    """Let a function end the process before it does anything, where `when` says so."""
    before = getattr(place, name)

    def ends(*given: Any, **options: Any) -> Any:
        if when(*given):
            raise Killed
        return before(*given, **options)

    monkeypatch.setattr(place, name, ends)


def test_killed_at_every_step_it_goes_on_and_repeats_nothing(
    reviewed: Store, run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database: str
) -> None:
    """Before each step; after its files are written and before that is recorded; and between the
    bundle, the database and the end. The bundle is that of a run that nobody disturbed."""
    done: list[str] = []
    step = RunState.step

    def counted(self: RunState, name: str, inputs: Any, work: Any) -> Any:
        def working(folder: Path) -> Any:
            done.append(name)
            return work(folder)

        return step(self, name, inputs, working)

    monkeypatch.setattr(RunState, "step", counted)
    recorded = True
    for number in range(len(STEPS)):
        with monkeypatch.context() as patch:
            # The state is written once a step: the process ends before it is, after it has done
            # the step before again where that was not recorded.
            writes = iter([*([False] * (not recorded)), True])
            killed(patch, RunState, "_write", lambda *_, writes=writes: next(writes))
            with pytest.raises(Killed):
                run(policy())
        assert done[-1] == STEPS[number]
        assert not (tmp_path / "challenger").exists() or number == len(STEPS) - 1
        # Now it is done and recorded, and the process ends before the next one begins: for two
        # steps. For the others it ends in the next one, which leaves the same files and more.
        recorded = False
        if STEPS[number + 1 : number + 2] in (("train",), ("gate",)):
            with monkeypatch.context() as patch:
                following = STEPS[number + 1]
                killed(patch, RunState, "step", lambda _, name, *__: name == following)  # noqa: B023
                with pytest.raises(Killed):
                    run(policy())
            recorded = True
    assert sorted(done) == sorted(2 * STEPS[:-1] + STEPS[-1:])
    assert rows(reviewed)[1:] == (1, ["started"])
    with monkeypatch.context() as patch:
        killed(patch, register, "finish_run", lambda *_: True)
        with pytest.raises(Killed):
            run(policy())
    assert rows(reviewed)[2] == ["started"]
    with monkeypatch.context() as patch:
        killed(patch, register, "write_page", lambda *_: True)
        with pytest.raises(Killed):
            run(policy())
    assert rows(reviewed)[1:] == (1, ["finished"])
    result = run(policy())
    assert sorted(done) == sorted(2 * STEPS)
    assert run(policy()) == result
    assert rows(reviewed) == (2, 1, ["finished"])
    assert verify_ledger(database).intact
    # The same run from its beginning, undisturbed: the database knows when it began.
    shutil.rmtree(tmp_path / ".challenger.retrain")
    shutil.rmtree(tmp_path / "challenger")
    assert run(policy()).bundle == result.bundle
    assert rows(reviewed) == (2, 1, ["finished"])


def test_a_step_whose_file_is_gone_or_altered(reviewed: Store, run, tmp_path: Path,
                                              monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    with monkeypatch.context() as patch:
        killed(patch, RunState, "step", lambda _, name, *__: name == "gate")
        with pytest.raises(Killed):
            run(policy())
    state = tmp_path / ".challenger.retrain"
    table = state / "compare" / "reported.json"
    kept = table.read_bytes()
    table.write_bytes(kept + b" ")
    with pytest.raises(RunStateError, match="compare of this run was altered"):
        run(policy())
    table.unlink()
    with pytest.raises(RunStateError, match=r"compare of this run lacks reported\.json"):
        run(policy())
    table.write_bytes(kept)
    (state / "state.json").write_text("{")
    with pytest.raises(RunStateError, match="cannot be read"):
        run(policy())
    assert not (tmp_path / "challenger").exists()
    assert rows(reviewed) == (1, 0, ["started"])
    shutil.rmtree(state)
    assert run(policy()).bundle


def test_two_at_once(reviewed: Store, run, tmp_path: Path) -> None:
    with (
        only_one(tmp_path / "elsewhere", reviewed),
        pytest.raises(RetrainInProgress, match=r"process \d+\) is at work here"),
    ):
        run(policy())
    assert not [path for path in tmp_path.iterdir() if path.name.strip(".").startswith("chall")]
    assert not [*tmp_path.glob(".*.lock")]
    # A file that a killed process left locks nothing.
    (tmp_path / ".challenger.retrain.lock").write_text("99999999\n")
    assert run(policy()).bundle


def test_a_full_disk(
    reviewed: Store, run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database: str
) -> None:
    """At the first byte of any step, of the bundle, and of the result: an error that says so."""
    full = OSError(errno.ENOSPC, "No space left on device")

    def refuses(*_: Any, **__: Any) -> Any:
        raise full

    for place in (
        "triage.learning.retraining.challenger.save_bundle",
        "triage.learning.retraining.measured.Predictions.save",
        "triage.learning.retraining.register.shutil.copyfile",
        "triage.learning.retraining.register.whole_file",
    ):
        with monkeypatch.context() as patch:
            patch.setattr(place, refuses)
            with pytest.raises(TriageError, match=r"No space left|disk may be full"):
                run(policy())
        finished = place.endswith("whole_file")
        assert (tmp_path / "challenger").exists() is finished
        assert rows(reviewed)[2] == ["finished" if finished else "started"]
    assert run(policy()).bundle
    assert verify_ledger(database).intact


def test_a_row_or_a_bundle_deleted_by_hand(reviewed: Store, run, tmp_path: Path) -> None:
    result = run(policy())
    with reviewed.engine.connect() as connection:
        connection.execute(text("PRAGMA foreign_keys = OFF"))
        connection.execute(text("UPDATE training_run SET state = 'started', challenger_id = NULL"))
        connection.commit()
    assert run(policy()) == result
    assert rows(reviewed)[2] == ["finished"]
    with reviewed.engine.connect() as connection:
        connection.execute(text("DELETE FROM training_run"))
        connection.commit()
    with pytest.raises(RunStateError, match="does not know this finished run"):
        run(policy())
    shutil.move(tmp_path / "challenger", tmp_path / "moved")
    with pytest.raises(RunStateError, match="is gone"):
        run(policy())
    (tmp_path / "challenger").mkdir()
    with pytest.raises(TriageError, match="is not a bundle"):
        run(policy())


def test_new_labels_begin_anew_before_the_end_and_not_after(
    reviewed: Store, truth: dict[str, str], run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        killed(patch, RunState, "step", lambda _, name, *__: name == "evaluate")
        with pytest.raises(Killed):
            run(policy())
    first = json.loads((tmp_path / ".challenger.retrain" / "state.json").read_text())
    read(reviewed, *list(truth.items())[1])
    result = run(policy())
    assert result.run != first["key"]
    assert result.labels["trained_on"] == 2
    read(reviewed, *list(truth.items())[2])
    assert run(policy()) == result
    with pytest.raises(UsageError, match="exists already"):
        run(policy(labels=2))
