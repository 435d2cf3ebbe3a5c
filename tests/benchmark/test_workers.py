"""Draws side by side: the same records, numbers and refusals as one after the other."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from triage.array_file import load_arrays, save_arrays
from triage.benchmark import draw_task, embedding
from triage.benchmark.draw_job import DrawJob
from triage.benchmark.draw_task import draw_tasks
from triage.benchmark.methods import Method, parse_methods
from triage.benchmark.protocol import Protocol
from triage.benchmark.records import Records
from triage.benchmark.results import BenchmarkResult
from triage.benchmark.run import benchmark
from triage.engine import EngineSettings, Task
from triage.errors import UsageError
from triage.imaging.views import Views

METHODS = "knn,outlier_mass,gram,temperature,lac"
NEVER, ONCE = (Method("score", key, "softmax") for key in ("never", "once"))
"""Not in the registry: refused by every draw that has no record of them."""


def measure(protocol: Protocol, out: Path, cache: Path, workers: int) -> BenchmarkResult:
    """As if a killed run had measured `once` in the first draw, and nothing else."""
    save_arrays(out / "records" / "draw-0" / f"{ONCE.name}.safetensors", {}, {})
    methods = [*parse_methods(METHODS), NEVER, ONCE]
    engine = EngineSettings(engine="processes" if workers > 1 else "local", workers=workers)
    return benchmark(protocol, methods, 2, out, engine=engine, cache_folder=cache, n_resamples=20)


def plain(result: BenchmarkResult) -> Any:
    content = json.loads(result.to_json())
    content["created_at"] = ""
    for row in (*content["scores"], *content["calibrators"]):
        row["cost"] = None
    return content


def records(folder: Path) -> dict[str, Any]:
    """Arrays of every record, and what its header says beside times and memory."""
    found = {}
    for path in sorted(folder.glob("records/*/*.safetensors")):
        arrays, header = load_arrays(path) or ({}, {})
        costs = ("fit_seconds", "score_seconds", "memory_mib")
        found[f"{path.parent.name} {path.stem}"] = (
            {name: (value.dtype, value.tolist()) for name, value in arrays.items()},
            {key: value for key, value in header.items() if key not in costs},
        )
    return found


@pytest.fixture(scope="module")
def serial(protocol: Protocol, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One draw after the other, from an empty cache."""
    folder = tmp_path_factory.mktemp("serial")
    measure(protocol, folder / "out", folder / "cache", 1)
    return folder


def test_two_processes_give_what_one_gives(
    serial: Path, protocol: Protocol, tmp_path: Path
) -> None:
    found = measure(protocol, tmp_path / "out", tmp_path / "cache", 2)
    expected = measure(protocol, serial / "out", serial / "cache", 1)  # what it measured is kept
    assert plain(found) == plain(expected)
    assert [one.key for one in found.skipped] == [NEVER.name, ONCE.name]
    assert "once" in found.skipped[1].reason
    assert records(tmp_path / "out") == records(serial / "out")
    assert len(records(serial / "out")) == 2 * (4 + 6 + 3) + 1
    # Memory is traced in the first draw alone.
    for seed, traced in ((0, True), (1, False)):
        place = tmp_path / "out" / "records" / f"draw-{seed}" / "knn@softmax.safetensors"
        _, header = load_arrays(place) or ({}, {})
        assert (header["memory_mib"] is not None) == traced
    assert not list((tmp_path / "out" / "checkpoints").glob("*"))
    assert all(row.cost.memory_mib is not None for row in found.scores)


@pytest.mark.parametrize("changes", [{}, {"stages": 2, "views": Views.CROPS}])
def test_what_draws_embed_is_embedded_beforehand(
    changes: dict[str, Any], protocol: Protocol, tmp_path: Path
) -> None:
    """Whatever a draw asks for afterwards is in the cache: no file there is new."""
    protocol = replace(protocol, settings=protocol.settings.model_copy(update=changes))
    seeds = protocol.seeds(2)
    embedding.embed_beforehand(
        protocol, seeds, cache_folder=tmp_path / "cache", with_maps=True, report=lambda *_: None
    )
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob("*.safetensors")}
    assert before
    measure(protocol, tmp_path / "out", tmp_path / "cache", 1)
    after = {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob("*.safetensors")}
    assert after == before


def test_a_draw_is_a_task_of_json(protocol: Protocol, tmp_path: Path) -> None:
    """The protocol that a worker makes of the file is the one that was written."""
    names = sorted({case.cluster for case in protocol.dataset(0).cases})
    full = replace(
        protocol,
        joined=((names[0], names[3]), (names[2], names[5])),
        far=tmp_path,
        unknown_texts=("a leaf",),
        similar=0.5,
        first_draw=2,
        indistinct=True,
    )
    records = Records.existing(tmp_path)
    job = DrawJob(full, 1, (NEVER, ONCE), records, None, True)
    (task,) = draw_tasks([job])
    arguments = Task.from_json(task.to_json()).arguments
    path, sha256 = Path(arguments["protocol"]), arguments["sha256"]
    assert hashlib.sha256(path.read_bytes()).hexdigest() == sha256
    assert draw_task._read(path, sha256, protocol.root.absolute(), tmp_path, 1) == replace(
        full, root=protocol.root.absolute()
    )
    assert not any(name in path.read_text() for name in names)  # clusters may be patients
    path.write_text(path.read_text().replace("a leaf", "a cat"))
    with pytest.raises(UsageError, match="not the file that the draws were prepared with"):
        task.run(lambda *_: None)
