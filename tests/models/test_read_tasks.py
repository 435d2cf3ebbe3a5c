"""Images that an engine's workers read and resize: the same pixels as in one process."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from multiprocessing import active_children
from pathlib import Path

import pytest
import torch

from tests.tiny import noisy_cases
from triage.backbones.preprocessing import Preprocessing
from triage.data.dataset import Dataset
from triage.data.manifest import Case
from triage.engine import EngineSettings, Executor, open_executor
from triage.imaging.views import Views
from triage.learning.pretrain import pretrain
from triage.models.contrastive.settings import PretrainSettings
from triage.models.embeddings import open_images
from triage.models.read_tasks import FOLDER, STAGE, open_with
from triage.models.settings import FitSettings

READER = Preprocessing(size=32, mean=(0.5, 0.4, 0.3), std=(0.1, 0.2, 0.3), views=Views.CROPS)


@pytest.fixture(scope="module")
def processes() -> Iterator[Executor]:
    with open_executor(EngineSettings(engine="processes", workers=2)) as executor:
        yield executor


@pytest.fixture(autouse=True)
def small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triage.models.read_tasks.CHUNK", 3)


def some_cases(folder: Path) -> list[Case]:
    """Eight cases, of which one has a file that is no picture and one a file that is not there."""
    cases = noisy_cases(folder, [1, 2, 1, 3, 1, 1, 2, 1])
    cases[2].images[0].write_text("no picture")
    cases[6].images[1].unlink()
    return cases


def assert_same(cases: list[Case], executor: Executor, folder: Path) -> None:
    here, opened_here = open_images(cases, READER)
    there, opened = open_with(executor, cases, READER, folder, lambda *_: None)
    assert torch.equal(there.images, here.images)
    assert there.counts.tolist() == here.counts.tolist()
    assert opened.cases == opened_here.cases
    assert list(opened.rejected) == list(opened_here.rejected)
    for name, refusal in opened.rejected.items():
        known = opened_here.rejected[name]
        assert (refusal.reason, str(refusal), refusal.sha256) == (
            known.reason, str(known), known.sha256
        )  # fmt: skip


def test_the_same_pixels_and_refusals(processes: Executor, tmp_path: Path) -> None:
    cases = some_cases(tmp_path / "data")
    assert_same(cases, processes, tmp_path / "work")
    assert_same([], processes, tmp_path / "none")
    assert_same([cases[2]], processes, tmp_path / "refused")


def test_in_this_process_nothing_is_written(tmp_path: Path) -> None:
    with open_executor(None) as local:
        assert_same(some_cases(tmp_path / "data"), local, tmp_path / "work")
    assert not (tmp_path / "work").exists()


def test_a_killed_worker(processes: Executor, tmp_path: Path) -> None:
    cases = some_cases(tmp_path / "data")
    killed: list[int] = []

    def kill(stage: str, done: int, total: int) -> None:
        if stage == STAGE and done == 0 and not killed:
            victim = active_children()[0].pid if active_children() else None
            if victim is not None:
                killed.append(victim)
                os.kill(victim, signal.SIGKILL)

    open_with(processes, cases[:1], READER, tmp_path / "first", lambda *_: None)  # starts workers
    there, _ = open_with(processes, cases, READER, tmp_path / "work", kill)
    assert killed
    assert torch.equal(there.images, open_images(cases, READER)[0].images)


def test_finished_groups_are_kept_and_damaged_or_changed_ones_read_again(
    processes: Executor, tmp_path: Path
) -> None:
    cases = some_cases(tmp_path / "data")
    work = tmp_path / "work"

    def first_done() -> int:
        found: list[int] = []

        def watch(stage: str, done: int, total: int) -> None:
            if stage == STAGE:
                found.append(done)

        open_with(processes, cases, READER, work, watch)
        return found[0]

    assert first_done() == 0
    assert first_done() == 3
    damaged = sorted((work / FOLDER).glob("*.safetensors"))[0]
    data = bytearray(damaged.read_bytes())
    data[-1] ^= 1
    damaged.write_bytes(data)
    assert first_done() == 2
    sorted((work / FOLDER).glob("*.safetensors"))[1].unlink()
    assert first_done() == 2
    cases[0].images[0].write_bytes(cases[1].images[0].read_bytes())
    os.utime(cases[0].images[0], ns=(1, 1))
    assert first_done() == 2
    assert_same(cases, processes, work)


def test_pretraining_is_the_same(
    processes: Executor, phantom_data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = tuple(noisy_cases(tmp_path / "data", [1, 2] * 5))
    cases[4].images[0].write_text("no picture")
    data = replace(phantom_data, cases=cases, splits=("train",) * len(cases))
    settings = PretrainSettings(
        backbone="monai:resnet10_narrow@32",
        hidden=16,
        projection=8,
        fit=FitSettings(epochs=1, patience=1, batch_size=32),
    )
    here = pretrain(data, settings, tmp_path / "here")
    engine = EngineSettings(engine="processes", workers=2)
    asked: list[EngineSettings | None] = []

    def started(wanted: EngineSettings | None) -> nullcontext[Executor]:
        asked.append(wanted)
        return nullcontext(processes)

    monkeypatch.setattr("triage.learning.pretrain.open_executor", started)
    there = pretrain(data, settings, tmp_path / "there", engine=engine)
    assert asked == [engine]
    assert there.rejected == here.rejected == {"unknown_format": 1}
    assert (there.cases, there.with_several) == (here.cases, here.with_several)
    assert there.loss == pytest.approx(here.loss, abs=1e-6)
    assert {path.name for path in tmp_path.iterdir()} == {"data", "here", "there"}
