"""Retraining killed by SIGKILL at every boundary of its steps, and at random moments.

    python -m tests.soak.retrain_kills [RANDOM [SEED]]

A small system on phantoms is retrained in a process of its own, which is killed before and after
each step's files and record are written, around the transaction that registers the bundle, and then
RANDOM times (by default 20) at a moment drawn from the time that an undisturbed run takes. After each
kill the same command is given again. Every bundle must be that of the undisturbed run, the database
must hold one run and one gate run, and its ledger must be intact.
"""

from __future__ import annotations

import csv
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import select

from tests.pipelines.retraining import policy, put, read
from tests.tiny import TinyBundle, tiny_settings, write_resnet
from triage.data.dataset import load_dataset
from triage.data.spec_files import load_spec, shipped_spec
from triage.intake.case_table import read_unlabelled
from triage.learning.retraining import challenger, register
from triage.learning.retraining.pipeline import retrain
from triage.learning.retraining.request import RetrainRequest
from triage.learning.retraining.run_state import RunState
from triage.learning.train import train
from triage.phantoms.skin import write_phantoms
from triage.store import open_store, verify_ledger
from triage.store.learning_tables import GateRunRow, TrainingRunRow

MOST = 200
BOUNDARIES: tuple[tuple[Any, str], ...] = (
    (RunState, "step"),
    (RunState, "_write"),
    (RunState, "finish"),
    (challenger, "save_bundle"),
    (register, "save_bundle"),
    (register, "judge_with_hold_out"),
    (register, "finish_run"),
    (register, "write_page"),
)
"""Functions around which the process is killed: before they are called, and after they returned."""


def prepare(work: Path) -> None:
    """Write data, a champion and a database with reviews into a folder."""
    spec = load_spec(shipped_spec("derm_phantoms"))
    write_phantoms(work / "data", 200, 0, size=32)
    write_phantoms(work / "clinic", 20, 0, size=32, labelled=False, start=50_000)
    backbone = write_resnet(work / "net")
    settings = tiny_settings(backbone)
    dataset = load_dataset(spec, work / "data")
    manifest = train(dataset, settings, work / "first", cache_folder=work / "cache")
    bundle = TinyBundle(work / "first", manifest, settings, work / "cache")
    (work / "run").mkdir()
    store = open_store(f"sqlite:///{work / 'run' / 'cases.db'}", create=True)
    clinic = work / "clinic"
    put(store, read_unlabelled(clinic / "manifest.csv", clinic, spec), bundle, clinic)
    with (clinic / "truth.csv").open(newline="") as stream:
        truth = {row["case_id"]: row["condition"] for row in csv.DictReader(stream)}
    for case, condition in truth.items():
        if condition in dataset.draw.classes:
            read(store, case, condition)
    store.close()


def run_child(work: Path, run: Path, kill_at: int) -> None:
    """Retrain in this process, and kill it at a boundary; 0 kills nowhere."""
    crossed = 0

    def crossing() -> None:
        nonlocal crossed
        crossed += 1
        if crossed == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    for place, name in BOUNDARIES:
        setattr(place, name, _around(getattr(place, name), crossing))
    store = open_store(f"sqlite:///{run / 'cases.db'}")
    request = RetrainRequest(
        spec=load_spec(shipped_spec("derm_phantoms")),
        root=work / "data",
        policy=policy(),
        out=run / "second",
        bundle=work / "first",
        cache_folder=work / "cache",
    )
    print(retrain(request, store).bundle, crossed)
    store.close()


def _around(function: Callable[..., Any], crossing: Callable[[], None]) -> Callable[..., Any]:
    def called(*given: Any, **options: Any) -> Any:
        crossing()
        found = function(*given, **options)
        crossing()
        return found

    return called


def child(work: Path, run: Path, kill_at: int = 0, after: float | None = None) -> tuple[int, str]:
    """Retrain in a process of its own; return its exit status and what it printed."""
    command = [sys.executable, "-m", "tests.soak.retrain_kills", "child", str(work), str(run)]
    process = subprocess.Popen(
        [*command, str(kill_at)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        out, err = process.communicate(timeout=after)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
    if process.returncode not in (0, -signal.SIGKILL):
        raise AssertionError(err[-2000:])
    return process.returncode, out


def check(run: Path, expected: str, found: str) -> None:
    """Compare a run that went on with the undisturbed one."""
    assert found == expected, f"another bundle: {found}"
    url = f"sqlite:///{run / 'cases.db'}"
    store = open_store(url)
    with store.reading() as session:
        assert list(session.scalars(select(TrainingRunRow.state))) == ["finished"]
        assert len(session.scalars(select(GateRunRow)).all()) == 1
    store.close()
    assert verify_ledger(url).intact
    assert not [path.name for path in run.glob(".second*") if path.name != ".second.retrain"]


def main(random_kills: int = 20, seed: int = 0) -> None:
    """Run everything, and print one line a kind of kill."""
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        prepare(work)
        status, _ = child(work, work / "run", 1)  # the row of the run is there, and no step is done
        assert status == -signal.SIGKILL
        shutil.copytree(work / "run", work / "undisturbed")
        began = time.monotonic()
        _, out = child(work, work / "undisturbed")
        spent = time.monotonic() - began
        expected, boundaries = out.split()
        assert int(boundaries) < MOST
        for kill_at in range(1, int(boundaries) + 1):
            run = shutil.copytree(work / "run", work / f"at-{kill_at}")
            status, _ = child(work, run, kill_at)
            assert status == -signal.SIGKILL
            _, again = child(work, run)
            check(run, expected, again.split()[0])
            shutil.rmtree(run)
        print(f"killed at each of {boundaries} boundaries: the same bundle every time")
        rng = np.random.default_rng(seed)
        ended = 0
        for number in range(random_kills):
            run = shutil.copytree(work / "run", work / f"random-{number}")
            for _ in range(3):
                status, _ = child(work, run, after=float(rng.uniform(0, spent)))
                ended += status == -signal.SIGKILL
            _, again = child(work, run)
            check(run, expected, again.split()[0])
            shutil.rmtree(run)
        print(f"killed {ended} times at random moments: the same bundle every time")


if __name__ == "__main__":
    if sys.argv[1:2] == ["child"]:
        run_child(Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
    else:
        main(*(int(one) for one in sys.argv[1:3]))
