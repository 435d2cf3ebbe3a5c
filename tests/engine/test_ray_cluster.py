"""Ray: what holds on every engine, scoring, audits; nothing listens on the network.

All tests of the suite that need a cluster are here: it takes seconds to start, so they share one.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.auditing.engine.test_audit_engines import PLAN, TABLE
from tests.engine import functions
from tests.engine.functions import task
from tests.engine.test_every_engine import (  # noqa: F401  (collected here with another executor)
    test_a_failed_task_stops_the_others,
    test_a_killed_workers_task_is_tried_again,
    test_an_error_comes_as_it_was,
    test_an_interrupt_stops_all,
    test_an_interrupted_run_goes_on,
    test_relative_paths_mean_the_same,
    test_results_are_those_of_python_and_in_order,
    test_workers_are_kept_and_have_their_threads,
    workers,
)
from tests.intake.test_score_dataset import assert_same, photos, run, whole  # noqa: F401
from triage import extras
from triage.auditing.run import measure_audit
from triage.engine import EngineSettings, code_version, open_executor, ray_cluster, ray_connection
from triage.errors import EngineError, MissingExtraError
from triage.intake.score import ScoreResult
from triage.intake.score_dataset import DatasetResult
from triage.predictions import Predictions

ROOT = Path(__file__).parents[2]
needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="the extra [ray] is not installed")


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """A cluster with cores for the executor below and for one that a test opens."""
    pytest.importorskip("ray", reason="the extra [ray] is not installed")
    connection = ray_connection.connect(None, cpus=3)
    assert connection.owned
    yield
    connection.close()


@pytest.fixture(scope="module")
def executor(cluster: None) -> Iterator[ray_cluster.RayExecutor]:
    with open_executor(EngineSettings(engine="ray", workers=2, retries=1)) as found:
        assert isinstance(found, ray_cluster.RayExecutor)
        found.map([task(functions.square, number=1)])
        yield found


def children(process: int) -> set[int]:
    """A process and all that descend from it."""
    parents = {}
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(place.parent.name)] = int(place.read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
    found = {process}
    while more := {one for one, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def listening(processes: set[int]) -> dict[str, str]:
    """Hexadecimal addresses and ports on which processes listen, from the kernel's tables."""
    inodes = set()
    for process in processes:
        for handle in Path(f"/proc/{process}/fd").iterdir():
            try:
                inodes.add(os.readlink(handle))
            except OSError:
                continue
    found = {}
    for table in ("tcp", "tcp6"):
        place = Path(f"/proc/net/{table}")
        for line in place.read_text().splitlines()[1:] if place.exists() else ():
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes:
                found[fields[1]] = fields[1].split(":")[0]
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="reads the tables of Linux")
def test_every_port_is_on_loopback(executor: ray_cluster.RayExecutor) -> None:
    loopback = {"0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"}
    found = listening(children(os.getpid()))
    assert len(found) >= 3  # the control service, the node's and the worker's
    assert set(found.values()) <= loopback


def test_the_variables_of_the_start_are_gone(executor: ray_cluster.RayExecutor) -> None:
    assert "RAY_AUTH_TOKEN" not in os.environ
    assert not set(ray_connection._LOOPBACK_ONLY) & set(os.environ)
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"


def test_a_worker_of_another_version(
    executor: ray_cluster.RayExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = code_version.CodeVersion("0.0.1", "ab" * 32)
    monkeypatch.setattr("triage.engine.worker_calls.code_version", lambda: other)
    with pytest.raises(EngineError, match=r"the worker runs triage .*come from triage 0\.0\.1"):
        executor.map([task(functions.square, number=2)])
    monkeypatch.undo()
    monkeypatch.setattr(ray_cluster, "code_version", lambda: other)
    executor._stop(list(executor._workers))
    with pytest.raises(EngineError, match=r"the worker runs triage .*come from triage 0\.0\.1"):
        executor.map([task(functions.square, number=2)])


def test_a_cluster_that_fails_is_said(
    executor: ray_cluster.RayExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wait(*_: object, **__: object) -> None:
        raise executor._ray.exceptions.RaySystemError("gone")

    monkeypatch.setattr(executor._ray, "wait", wait)
    with pytest.raises(EngineError, match=r"cluster failed \(RaySystemError\).*same command"):
        executor.map([task(functions.square, number=2)])


def test_a_connection_of_the_process_is_used(executor: ray_cluster.RayExecutor) -> None:
    with open_executor(EngineSettings(engine="ray")) as second:
        assert second.map([task(functions.harmonic, first=1, last=3)])[0]["sum"] == 1.5
    assert executor.map([task(functions.harmonic, first=1, last=3)])[0]["sum"] == 1.5
    with pytest.raises(EngineError, match="connected to another Ray cluster"):
        open_executor(EngineSettings(engine="ray", address="127.0.0.1:1"))


def test_no_worker_starts_in_time(
    executor: ray_cluster.RayExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_cluster, "_START_SECONDS", 1.0)
    with (
        open_executor(EngineSettings(engine="ray", threads=64)) as second,
        pytest.raises(EngineError, match=r"no worker has started in 1 seconds.*takes 64"),
    ):
        second.map([task(functions.square, number=2)])


def test_an_audit_measures_the_same(executor: ray_cluster.RayExecutor, tmp_path: Path) -> None:
    found = measure_audit(TABLE, PLAN, analyses=False, executor=executor, folder=tmp_path)
    assert found == measure_audit(TABLE, PLAN, analyses=False)


def test_scoring_gives_the_same_table(
    cluster: None,
    run: Callable[..., DatasetResult],  # noqa: F811
    whole: tuple[Path, ScoreResult],  # noqa: F811
) -> None:
    result = run(6, engine=EngineSettings(engine="ray"))
    assert_same(Predictions.load(result.folder), Predictions.load(whole[0]))


@needs_ray
@pytest.mark.parametrize("answers", [True, False])
def test_an_address_that_is_no_cluster(answers: bool) -> None:
    """In a process of its own, because this one is connected already."""
    code = (
        "import sys; from triage.engine import EngineSettings, open_executor, ray_connection\n"
        "from triage.errors import EngineError\n"
        "ray_connection._PROBE_SECONDS = 3\n"
        "try:\n    open_executor(EngineSettings(engine='ray', address=sys.argv[1]))\n"
        "except EngineError as error:\n    print(error)\n"
    )
    with socket.socket() as port:
        port.bind(("127.0.0.1", 0))
        if answers:
            port.listen()
        address = f"127.0.0.1:{port.getsockname()[1]}"
        done = subprocess.run(
            [sys.executable, "-c", code, address],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    expected = "no Ray cluster can be joined" if answers else "nothing answers there"
    assert done.stdout.startswith(f"--address {address}: {expected}")


def test_ray_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(extras.EXTRAS, "ray", ("no_such_module",))
    with pytest.raises(MissingExtraError, match=r"--engine ray .*\[ray\]"):
        open_executor(EngineSettings(engine="ray"))
