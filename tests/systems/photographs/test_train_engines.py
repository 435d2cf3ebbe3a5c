"""The candidates of an ensemble trained by other processes: the same weights."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from multiprocessing import active_children
from pathlib import Path

import pytest
import torch

from tests.tiny import tiny_settings, write_resnet
from triage.backbones.backbone import Backbone
from triage.backbones.picture_statistics import PictureStatistics
from triage.data.dataset import Dataset
from triage.engine import EngineSettings, Executor, Task, open_executor
from triage.errors import EngineError, UsageError
from triage.models.settings import FitSettings, TrainSettings
from triage.systems.oct.family import OctFamily
from triage.systems.photographs.embed_tasks import CHUNK, STAGE, embed_by_tasks
from triage.systems.photographs.member_tasks import EPOCHS, HEAD_TASK
from triage.systems.photographs.train_by_tasks import FOLDER
from triage.systems.photographs.training import NETWORKS_STAGE, Pool, train_pool

FIT = FitSettings(epochs=2, patience=2, batch_size=32)


@pytest.fixture(scope="module")
def processes() -> Iterator[Executor]:
    """One process, since each takes seconds to import torch."""
    with open_executor(EngineSettings(engine="processes")) as executor:
        yield executor


def trained(
    dataset: Dataset,
    settings: TrainSettings,
    cache: Path,
    checkpoints: Path,
    executor: Executor | None = None,
    **given: object,
) -> Pool:
    return train_pool(
        dataset, settings, cache_folder=cache, checkpoints=checkpoints, executor=executor, **given
    )


def assert_same(found: Pool, expected: Pool) -> None:
    """The same names, losses and weights, and the same predictions on validation."""
    assert [each.name for each in found.members] == [each.name for each in expected.members]
    assert found.losses == pytest.approx(expected.losses, abs=1e-6)
    pairs = [
        (one.head, other.head) for one, other in zip(found.members, expected.members, strict=True)
    ]
    pairs += [(found.backbones[key], value) for key, value in expected.backbones.items()]
    for one, other in pairs:
        assert not one.training
        state = other.state_dict()
        assert list(one.state_dict()) == list(state)
        for name, value in one.state_dict().items():
            torch.testing.assert_close(value, state[name], rtol=0, atol=1e-6)
    for key, value in expected.validation.items():
        torch.testing.assert_close(
            torch.from_numpy(found.validation[key]), torch.from_numpy(value), rtol=0, atol=1e-5
        )


@pytest.mark.parametrize(
    "changes",
    [
        {"head": "hod", "dropout": 0.2},
        {"head": "softmax", "posterior": "mc_dropout", "samples": 2, "dropout": 0.2},
        {"head": "duq", "hyperparameters": "varied"},
    ],
    ids=["plain", "posterior", "varied"],
)
def test_heads_are_the_same(
    changes: dict[str, object],
    processes: Executor,
    phantom_data: Dataset,
    tiny_hf: Path,
    session_cache: Path,
    tmp_path: Path,
) -> None:
    settings = tiny_settings(tiny_hf, members=2, fit=FIT, **changes)
    here = trained(phantom_data, settings, session_cache, tmp_path / "here")
    there = trained(phantom_data, settings, session_cache, tmp_path / "there", processes)
    assert_same(there, here)
    # The checkpoints are those of the local engine, and are taken up by it.
    names = {path.name for path in (tmp_path / "here").iterdir()}
    assert {path.name for path in (tmp_path / "there").iterdir()} == {*names, FOLDER}
    identifiers = [case.case_id.encode() for case in phantom_data.cases]
    for path in (tmp_path / "there" / FOLDER).iterdir():
        content = path.read_bytes()
        assert not any(each in content for each in identifiers)


def test_workers_embed_and_the_caller_finds_all_of_it(
    processes: Executor,
    phantom_data: Dataset,
    tiny_hf: Path,
    session_cache: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = tiny_settings(tiny_hf, members=1, fit=FIT)
    here = trained(phantom_data, settings, session_cache, tmp_path / "here", statistics=True)

    def refuse(self: Backbone, images: object) -> None:
        raise AssertionError("embedded by the caller")

    monkeypatch.setattr(Backbone, "embed_views", refuse)
    monkeypatch.setattr(PictureStatistics, "embed_views", refuse)
    stages: dict[str, int] = {}
    there = trained(
        phantom_data,
        settings,
        tmp_path / "cache",
        tmp_path / "there",
        processes,
        statistics=True,
        progress=lambda stage, done, total: stages.update({stage: total}),
    )
    assert stages[STAGE] == -(-len(there.opened.cases) // CHUNK)
    assert [case.case_id for case in there.opened.cases] == [
        case.case_id for case in here.opened.cases
    ]
    for key, value in here.validation.items():
        torch.testing.assert_close(
            torch.from_numpy(there.validation[key]), torch.from_numpy(value), rtol=0, atol=1e-5
        )


def test_a_worker_with_other_weights(
    processes: Executor, phantom_data: Dataset, tiny_hf: Path, tmp_path: Path
) -> None:
    settings = tiny_settings(tiny_hf)
    with pytest.raises(EngineError, match="other weights"):
        embed_by_tasks(
            phantom_data.cases[:2], settings, {settings.backbones[0]: "0"}, tmp_path, processes,
            statistics=False, progress=lambda *_: None,
        )  # fmt: skip


def test_networks_are_the_same_after_a_killed_worker(
    processes: Executor, phantom_data: Dataset, session_cache: Path, tmp_path: Path
) -> None:
    folder = write_resnet(tmp_path / "net")
    fit = FitSettings(epochs=3, patience=3, batch_size=32)
    settings = tiny_settings(folder, mode="finetune", members=2, fit=fit)
    here = trained(phantom_data, settings, session_cache, tmp_path / "here")
    seen: list[tuple[str, int]] = []

    def kill(stage: str, done: int, total: int) -> None:
        worker, _, inner = stage.partition(": ")
        if inner == EPOCHS:
            seen.append((worker, done))
            if len(seen) == 1:
                (process,) = [each for each in active_children() if each.name == worker]
                assert process.pid is not None
                os.kill(process.pid, signal.SIGKILL)
        elif stage == NETWORKS_STAGE:
            assert total == 2

    there = trained(
        phantom_data, settings, session_cache, tmp_path / "there", processes, progress=kill
    )
    assert_same(there, here)
    # The killed candidate went on from its first epoch, which was not trained again.
    assert sum(done == 1 for _, done in seen) == 2


def test_a_worker_without_its_files(processes: Executor, tmp_path: Path, tiny_hf: Path) -> None:
    arguments = {
        "plan": [str(tmp_path / "plan.safetensors"), "a"],
        "embeddings": [str(tmp_path / "embeddings.safetensors"), "b"],
        "settings": tiny_settings(tiny_hf).model_dump(mode="json"),
        "seed": 0,
        "checkpoint": str(tmp_path / "c.safetensors"),
        "out": str(tmp_path / "o.safetensors"),
    }
    with pytest.raises(EngineError, match="no whole file of a training plan"):
        processes.map([Task(HEAD_TASK, arguments)])


def test_volumes_are_trained_here(processes: Executor, phantom_data: Dataset) -> None:
    with pytest.raises(UsageError, match="in one process"):
        OctFamily().fit(
            phantom_data, None, "x", cache_folder=None, checkpoints=Path("c"),  # type: ignore[arg-type]
            progress=lambda *_: None, executor=processes,
        )  # fmt: skip
