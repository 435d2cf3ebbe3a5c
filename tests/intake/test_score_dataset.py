"""Scoring in shards: the same table however it is divided, whatever is killed, and resumed."""

from __future__ import annotations

import csv
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from shutil import copytree
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.tiny import TinyBundle, TinyOctBundle
from triage.engine import EngineSettings
from triage.errors import BundleError, EngineError, PredictionsError, UsageError
from triage.intake.score import ScoreResult, score
from triage.intake.score_dataset import (
    DatasetResult,
    ShardSettings,
    decoders_each,
    score_dataset,
)
from triage.intake.score_shard import score_shard
from triage.intake.shard_plan import read_plan, write_plan
from triage.intake.shard_receipts import CaseProgress
from triage.phantoms.skin import write_phantoms
from triage.predictions import Predictions
from triage.scored_dataset import DatasetManifest
from triage.systems.manifest import BundleManifest

CASES = 12
PROCESSES = EngineSettings(engine="processes", workers=2)
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve cases, of which rows lie apart, a file is missing and one is text."""
    folder = tmp_path_factory.mktemp("photos")
    write_phantoms(folder, CASES, 0, size=32, labelled=False, start=70_000)
    with (folder / "manifest.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    first = [row for n, row in enumerate(rows) if row["case_id"] not in _ids(rows[:n])]
    later = [row for row in rows if row not in first]
    names = {row["case_id"]: row["image"] for row in first}
    images = list(names.values())
    (folder / images[2]).unlink()
    (folder / images[7]).write_text("no picture")
    with (folder / "manifest.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows([*first, *later])
    return folder


def _ids(rows: list[dict[str, str]]) -> set[str]:
    return {row["case_id"] for row in rows}


@pytest.fixture(scope="module")
def whole(
    photos: Path, tiny_bundle: TinyBundle, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, ScoreResult]:
    """The cases scored in one call into one file."""
    out = tmp_path_factory.mktemp("whole") / "out.parquet"
    return out, score(tiny_bundle.folder, photos / "manifest.csv", photos, out)


def assert_same(found: Predictions, expected: Predictions) -> None:
    """Equal cases and decisions, numbers to 1e-6."""
    pd.testing.assert_frame_equal(found.cases, expected.cases)
    assert (found.classes, found.members) == (expected.classes, expected.members)
    assert found.provenance == expected.provenance
    np.testing.assert_allclose(found.probabilities, expected.probabilities, rtol=0, atol=1e-6)
    np.testing.assert_allclose(found.embedding, expected.embedding, rtol=1e-5, atol=1e-5)
    assert found.decisions is not None
    assert expected.decisions is not None
    for name in ("condition", "recommendation", "queue_urgency", "reason_code", "next_action"):
        assert list(found.decisions[name]) == list(expected.decisions[name]), name
    for name in ("p_condition", "p_outlier", "expected_cost"):
        np.testing.assert_allclose(found.decisions[name], expected.decisions[name], atol=1e-6)


@pytest.fixture
def run(tiny_bundle: TinyBundle, photos: Path, tmp_path: Path) -> Callable[..., DatasetResult]:
    def go(
        size: int = 5,
        out: Path = tmp_path / "scored",
        *,
        bundle: Path = tiny_bundle.folder,
        table: Path = photos / "manifest.csv",
        engine: EngineSettings | None = None,
        report: Any = lambda *_: None,
    ) -> DatasetResult:
        settings = ShardSettings(size, engine or EngineSettings())
        return score_dataset(bundle, table, photos, out, settings, report=report)

    return go


@pytest.mark.parametrize("size", [5, 500])
def test_the_table_does_not_depend_on_the_size_of_shards(
    size: int, run: Callable[..., DatasetResult], whole: tuple[Path, ScoreResult]
) -> None:
    result = run(size)
    out, expected = whole
    assert_same(Predictions.load(result.folder), Predictions.load(out))
    parts = list(Predictions.parts(result.folder))
    assert [len(part) for part in parts] == [shard.scored for shard in result.manifest.shards]
    assert len(parts) == -(-CASES // size)
    assert result.counts == expected.counts
    assert result.warnings == expected.warnings
    listed = out.with_name(f"{out.name}.rejected.csv").read_text()
    assert (result.folder / "rejected.csv").read_text() == listed
    assert not (result.folder / ".work").exists()
    assert {path.name for path in result.folder.iterdir()} == {
        "dataset.json", "rejected.csv",
        *(f"{kind}-{n:05d}.parquet" for kind in ("part", "cases") for n in range(len(parts))),
    }  # fmt: skip


def test_processes_give_the_same_file_even_if_one_is_killed(
    tiny_bundle: TinyBundle, photos: Path, tmp_path: Path, whole: tuple[Path, ScoreResult]
) -> None:
    killed: list[int] = []
    seen: list[int] = []

    def report(stage: str, done: int, total: int) -> None:
        seen.append(done)
        if done and not killed:
            victim = multiprocessing.active_children()[0]
            assert victim.pid is not None
            os.kill(victim.pid, signal.SIGKILL)
            killed.append(victim.pid)

    out = tmp_path / "out.parquet"
    table = photos / "manifest.csv"
    found = score(
        tiny_bundle.folder, table, photos, out, report=report, engine=PROCESSES, shard_size=2
    )
    assert killed
    assert seen == sorted(seen)
    assert seen[-1] == CASES
    assert_same(Predictions.load(out), Predictions.load(whole[0]))
    assert found.counts == whole[1].counts
    assert found.cases == whole[1].cases
    assert found.scored.rejected.keys() == whole[1].scored.rejected.keys()
    assert found.scored.files == whole[1].scored.files
    assert sorted(path.name for path in tmp_path.iterdir() if "out" in path.name) == [
        "out.parquet", "out.parquet.rejected.csv",
    ]  # fmt: skip


def test_an_interrupted_run_goes_on_from_its_finished_shards(
    run: Callable[..., DatasetResult], tmp_path: Path, whole: tuple[Path, ScoreResult]
) -> None:
    def interrupt(stage: str, done: int, total: int) -> None:
        if done >= 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(2, report=interrupt)
    with pytest.raises(PredictionsError, match="is not complete"):
        Predictions.load(tmp_path / "scored")
    result = run(2)
    assert result.kept >= 3
    assert_same(Predictions.load(result.folder), Predictions.load(whole[0]))
    assert run(2).kept == 6  # nothing is left to do


def test_a_killed_command_goes_on(
    tiny_bundle: TinyBundle,
    photos: Path,
    tmp_path: Path,
    run: Callable[..., DatasetResult],
    whole: tuple[Path, ScoreResult],
) -> None:
    out = tmp_path / "scored"
    code = (
        "import sys; from triage.intake.score_dataset import *;"
        "bundle, table, root, out = sys.argv[1:];"
        "score_dataset(bundle, table, root, out, ShardSettings(1))"
    )
    given = (tiny_bundle.folder, photos / "manifest.csv", photos, out)
    process = subprocess.Popen([sys.executable, "-c", code, *map(str, given)], cwd=ROOT)
    end = time.monotonic() + 120
    while not list(out.glob(".work/done-*.json")) and time.monotonic() < end:
        time.sleep(0.01)
    process.kill()
    process.wait()
    finished = len(list(out.glob(".work/done-*.json")))
    assert 0 < finished < CASES
    result = run(1)
    assert result.kept == finished
    assert_same(Predictions.load(out), Predictions.load(whole[0]))


def test_a_damaged_shard_is_computed_anew(
    run: Callable[..., DatasetResult], whole: tuple[Path, ScoreResult]
) -> None:
    folder = run(5).folder
    part = folder / "part-00001.parquet"
    part.write_bytes(part.read_bytes()[:-9])
    (folder / "cases-00002.parquet").unlink()
    with pytest.raises(PredictionsError, match=r"shard 1 is damaged.*triage score"):
        Predictions.load(folder)
    assert run(5).kept == 1
    assert_same(Predictions.load(folder), Predictions.load(whole[0]))
    (folder / "dataset.json").write_text("{}")
    assert run(5).kept == 0
    assert_same(Predictions.load(folder), Predictions.load(whole[0]))


def test_only_what_changed_is_computed_anew(
    tiny_bundle: TinyBundle, photos: Path, tmp_path: Path
) -> None:
    root = copytree(photos, tmp_path / "copy")
    table, out = root / "manifest.csv", tmp_path / "scored"

    def again(size: int = 4) -> DatasetResult:
        return score_dataset(tiny_bundle.folder, table, root, out, ShardSettings(size))

    first = again()
    assert first.counts["missing"] == 1
    with table.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    missing = (out / "rejected.csv").read_text().splitlines()[1].split(",")
    name = next(row["image"] for row in rows if row["case_id"] == missing[0])
    donor = next(path for path in root.rglob(f"*{Path(name).suffix}") if path.stat().st_size > 99)
    (root / name).write_bytes(donor.read_bytes())  # the file comes later
    second = again()
    assert second.kept == 2
    assert "missing" not in second.counts
    kept = list(dict.fromkeys(row["case_id"] for row in rows))[:6]
    with table.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows([row for row in rows if row["case_id"] in kept])
    third = again()
    assert third.kept == 1
    assert len(third.manifest.shards) == 2
    assert not (out / "part-00002.parquet").exists()
    assert len(Predictions.load(out)) == third.counts["read"]


def test_another_bundle_starts_anew(
    run: Callable[..., DatasetResult], tiny_bundle: TinyBundle, tmp_path: Path
) -> None:
    digest = run(6).manifest.bundle_digest
    bundle = copytree(tiny_bundle.folder, tmp_path / "other")
    manifest = BundleManifest.of_text((bundle / "manifest.json").read_text())
    changed = manifest.model_copy(update={"notes": ("another",)})
    (bundle / "manifest.json").write_text(changed.to_text())
    result = run(6, bundle=bundle)
    assert result.kept == 0
    assert result.manifest.bundle_digest != digest
    assert Predictions.load(result.folder).provenance["bundle"] == result.manifest.bundle_digest


def call(**changes: Any) -> Any:
    given = dict.fromkeys(("runtime", "precision", "cache", "decoders")) | {
        "bundle": "", "digest": "", "plan": "", "plan_sha256": "", "number": 0, "key": "0" * 64,
        "root": ".", "out": ".", "readings": ".", "progress": lambda *_: None,
    }  # fmt: skip
    return score_shard(**given | changes)


def test_a_worker_without_the_bundle_or_with_another(
    tiny_bundle: TinyBundle, tmp_path: Path
) -> None:
    with pytest.raises(BundleError, match=r"absent on .*a worker has no such bundle"):
        call(bundle=str(tmp_path / "absent"), digest="a" * 64)
    with pytest.raises(BundleError, match=r"another bundle there: \w{12}, not aaaaaaaaaaaa"):
        call(bundle=str(tiny_bundle.folder), digest="a" * 64)


def test_a_plan_that_another_command_changed(tmp_path: Path) -> None:
    sha256 = write_plan(tmp_path / "plan.json", [], tmp_path)
    assert read_plan(tmp_path / "plan.json", sha256, tmp_path) == []
    with pytest.raises(EngineError, match="changed by another command"):
        read_plan(tmp_path / "plan.json", "0" * 64, tmp_path)
    with pytest.raises(EngineError, match="there is no such list of the cases"):
        read_plan(tmp_path / "absent.json", sha256, tmp_path)


def test_a_folder_of_something_else_is_left_alone(
    run: Callable[..., DatasetResult], tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.txt").write_text("mine")
    with pytest.raises(UsageError, match="other files"):
        run(out=other)
    with pytest.raises(UsageError, match="is a file"):
        run(out=other / "thesis.txt")
    assert [path.name for path in other.iterdir()] == ["thesis.txt"]


def test_two_at_once(run: Callable[..., DatasetResult], tmp_path: Path) -> None:
    """The second is refused and changes nothing; what the first does goes on."""
    out = tmp_path / "scored"
    refused: list[UsageError] = []

    def meanwhile(stage: str, done: int, total: int) -> None:
        if not refused:
            before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
            with pytest.raises(
                UsageError, match=rf"another scoring \(process {os.getpid()}\)"
            ) as it:
                run(3)
            refused.append(it.value)
            assert {p: p.read_bytes() for p in out.rglob("*") if p.is_file()} == before

    assert run(4, report=meanwhile).kept == 0
    assert refused
    assert not [path for path in out.iterdir() if path.name.startswith(".")]
    assert run(4).kept == 3


def test_a_folder_of_a_command_that_was_killed_before_its_first_shard(
    run: Callable[..., DatasetResult], tmp_path: Path
) -> None:
    out = tmp_path / "scored"
    (out / ".work").mkdir(parents=True)
    (out / ".work" / "plan-00000.json").write_text("[")
    (out / ".lock").write_text("99999999\n")  # of a process that has ended: it locks nothing
    result = run(500)
    assert DatasetManifest.read(result.folder).cases == CASES
    assert {path.name for path in out.iterdir()} == {
        "dataset.json", "part-00000.parquet", "cases-00000.parquet", "rejected.csv"
    }  # fmt: skip


def test_volumes(tiny_oct_bundle: TinyOctBundle, oct_root: Path, tmp_path: Path) -> None:
    whole = pd.read_csv(oct_root / "manifest.csv", dtype=str)
    column = next(name for name in whole if "volume" in name or "image" in name)
    table = tmp_path / "new.csv"
    rows = whole[[column]].rename(columns={column: "image"}).iloc[:4]
    pd.concat([rows, pd.DataFrame({"image": ["absent.npz"]})]).to_csv(table, index=False)
    out = tmp_path / "one.parquet"
    expected = score(tiny_oct_bundle.folder, table, oct_root, out)
    settings = ShardSettings(2)
    result = score_dataset(tiny_oct_bundle.folder, table, oct_root, tmp_path / "many", settings)
    assert_same(Predictions.load(result.folder), Predictions.load(out))
    assert result.counts == expected.counts
    for name in ("findings.csv", "rejected.csv"):
        text = out.with_name(f"{out.name}.{name}").read_text()
        assert (result.folder / name).read_text() == text
    readings = out.with_name(f"{out.name}.readings")
    assert {path.name: path.read_bytes() for path in (result.folder / "readings").iterdir()} == {
        path.name: path.read_bytes() for path in readings.iterdir()
    }
    next((result.folder / "readings").iterdir()).unlink()
    assert score_dataset(tiny_oct_bundle.folder, table, oct_root, result.folder, settings).kept == 2


def test_the_progress_of_cases_never_goes_back() -> None:
    shown: list[tuple[str, int, int]] = []
    progress = CaseProgress(lambda *step: shown.append(step), 20)
    for stage, done in (
        ("shards", 0), ("worker 1: shard 0", 4), ("worker 2: shard 1", 6), ("worker 1: shard 0", 1),
    ):  # fmt: skip
        progress(stage, done, 10)
    progress.finish(0, 10)
    progress.finish(1, 10)
    assert [done for _, done, _ in shown] == [4, 10, 16, 20]
    assert {(stage, total) for stage, _, total in shown} == {("scoring cases", 20)}


def test_the_cores_are_shared_by_the_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    settings = [EngineSettings(engine="processes", workers=n) for n in (1, 4, 5, 16)]
    assert [decoders_each(one) for one in settings] == [2, 2, 1, 1]
    assert decoders_each(EngineSettings()) is None


def test_a_folder_is_read_where_a_file_is(
    run: Callable[..., DatasetResult], whole: tuple[Path, ScoreResult]
) -> None:
    from triage.audit_sources.table_file import open_table

    folder = run(5).folder
    names = ["case_id", "p_outlier", "member_probabilities"]

    def read(path: Path) -> tuple[dict[str, list[Any]], Any]:
        rows: dict[str, list[Any]] = {name: [] for name in names}
        with open_table(path) as table:
            assert len(table.digest()) == 64
            for batch in table.batches(names):
                for name in names:
                    rows[name] += batch.column(name).to_pylist()
            return rows, table.own

    found, expected = read(folder), read(whole[0])
    assert found[0]["case_id"] == expected[0]["case_id"]
    np.testing.assert_allclose(found[0]["p_outlier"], expected[0]["p_outlier"], atol=1e-6)
    assert found[1] == expected[1]
    manifest = DatasetManifest.read(folder)
    (folder / manifest.shards[2].predictions.name).write_bytes(b"PAR1")
    with pytest.raises(PredictionsError, match="shard 2 is damaged"):
        read(folder)
