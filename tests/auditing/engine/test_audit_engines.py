"""An audit in other processes: the same numbers, also after the end of a worker."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tests.auditing.engine.tables import make_plan, make_table
from triage.array_file import load_arrays
from triage.auditing import run
from triage.auditing.audit_plan import AuditPlan, Limit
from triage.auditing.audit_table import AuditTable
from triage.auditing.engine.audit_tasks import AXIS_TASK
from triage.auditing.engine.table_file import contiguous, read_table_file, write_table
from triage.auditing.engine.user_metrics import UserMetric
from triage.auditing.measurement import AuditMeasurement
from triage.auditing.run import measure_audit
from triage.engine import EngineSettings, Executor, Task, open_executor
from triage.errors import EngineError, UsageError
from triage.hashing import hash_bytes

TABLE = make_table(120, 60)
PLAN = make_plan(
    metrics=("accuracy", "auroc_urgent", "nll"),
    limits=(Limit(metric="accuracy", at_least=0.3),),
    intervals={"replicates": 100},
)
OWN = """
import os, signal
from pathlib import Path

MARK = Path({mark!r})

def share(cases, weights):
    if {kills} and not MARK.exists():
        MARK.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return float(weights[cases["label"] == "a"].sum() / weights.sum())

METRICS = {{"share": share}}
"""


@pytest.fixture(scope="module")
def processes() -> Iterator[Executor]:
    with open_executor(EngineSettings(engine="processes", workers=2)) as executor:
        yield executor


def plan_with_own(folder: Path, *, kills: bool) -> AuditPlan:
    """A plan with a metric of a file, which ends the first process that measures it."""
    path = folder / f"own-{kills}.py"
    path.write_text(OWN.format(mark=str(folder / "mark"), kills=kills))
    return PLAN.model_copy(
        update={
            "metrics": ("accuracy", "share"),
            "metrics_file": str(path),
            "metrics_sha256": hash_bytes(path.read_bytes()),
        }
    )


def without_plan(found: AuditMeasurement) -> AuditMeasurement:
    return found.model_copy(update={"plan_sha256": ""})


def test_processes_measure_the_same_and_leave_no_table(processes: Executor, tmp_path: Path) -> None:
    stages = set()
    found = measure_audit(
        TABLE, PLAN, executor=processes, folder=tmp_path,
        progress=lambda stage, done, total: stages.add(stage),
    )  # fmt: skip
    assert found == measure_audit(TABLE, PLAN)
    assert {run.STAGE, run.ANALYSES_STAGE} < stages
    assert not (tmp_path / run.TABLE_FILE).exists()
    # What one engine has kept, another goes on from.
    again: list[str] = []
    kept = measure_audit(
        TABLE, PLAN, folder=tmp_path, progress=lambda *each: again.append(str(each))
    )
    assert kept == found
    assert not any("levels" in each for each in again)


def test_a_killed_worker_changes_no_number(processes: Executor, tmp_path: Path) -> None:
    killed = measure_audit(
        TABLE, plan_with_own(tmp_path, kills=True), analyses=False, executor=processes
    )
    assert (tmp_path / "mark").exists()
    whole = measure_audit(TABLE, plan_with_own(tmp_path, kills=False), analyses=False)
    assert without_plan(killed) == without_plan(whole)
    assert {each.metric for each in killed.estimates} == {"share", "accuracy"}


def test_a_worker_without_the_table_says_so(processes: Executor, tmp_path: Path) -> None:
    place = tmp_path / "table.safetensors"
    arguments = {
        "table": str(place), "content": "a", "plan": PLAN.model_dump(mode="json"), "axis": "skin",
    }  # fmt: skip
    with pytest.raises(EngineError, match="finds no whole file of the audited table") as caught:
        processes.map([Task(AXIS_TASK, arguments)])
    assert "same path" in str(caught.value)
    write_table(place, TABLE, "b")
    with pytest.raises(EngineError, match="audited table of another run"):
        processes.map([Task(AXIS_TASK, arguments)])
    place.write_bytes(place.read_bytes()[:-1] + b"?")
    with pytest.raises(EngineError, match="finds no whole file of the audited table"):
        processes.map([Task(AXIS_TASK, arguments | {"content": "b"})])


def test_functions_stay_in_this_process(processes: Executor) -> None:
    own = [UserMetric("mine", lambda cases, weights: 0.0)]
    with pytest.raises(UsageError, match="other processes"):
        measure_audit(TABLE, PLAN, metrics=own, executor=processes)


# The file


def test_a_table_comes_back_without_names(tmp_path: Path) -> None:
    names = pa.array([f"MRN-{row}" for row in range(len(TABLE))])
    table = replace(TABLE, case_names=names, case_numbers=np.arange(len(TABLE)))
    path = tmp_path / "t.safetensors"
    write_table(path, table, "hash")
    assert b"MRN" not in path.read_bytes()
    found = read_table_file(path, "hash")
    assert found.case_names is None
    assert_equal(found, replace(table, case_names=None))
    loaded = load_arrays(path)
    assert loaded is not None
    assert len(loaded[0]) == 2 + sum(
        isinstance(value, np.ndarray) for value in vars(table).values()
    )


def test_a_laid_out_table_is_the_same(tmp_path: Path) -> None:
    assert TABLE.probabilities is not None
    columns = replace(TABLE, probabilities=np.asfortranarray(TABLE.probabilities))
    found = contiguous(columns)
    assert found.probabilities is not None
    assert found.probabilities.flags.c_contiguous
    assert_equal(found, TABLE)
    assert measure_audit(columns, PLAN) == measure_audit(TABLE, PLAN)


def assert_equal(found: AuditTable, expected: AuditTable) -> None:
    for name, value in vars(expected).items():
        other = getattr(found, name)
        if isinstance(value, np.ndarray):
            assert other.dtype == value.dtype
            np.testing.assert_array_equal(other, value)
        elif name == "axes":
            assert list(other) == list(value)
            for axis, codes in value.items():
                assert other[axis].levels == codes.levels
                np.testing.assert_array_equal(other[axis].codes, codes.codes)
        else:
            assert other == value
