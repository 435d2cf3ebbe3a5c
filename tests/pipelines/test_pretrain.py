from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.pipelines.command import Command
from tests.tiny import noisy_cases, tiny_settings
from triage.data.dataset import Dataset
from triage.data.manifest import Case
from triage.data.spec_files import shipped_spec
from triage.errors import TrainingError, UsageError
from triage.learning import pretrain as module
from triage.learning.pretrain import hold_out, pretrain
from triage.learning.train import train
from triage.models.contrastive.settings import PretrainSettings
from triage.models.load_backbone import load_backbone
from triage.models.read_tasks import open_with
from triage.models.settings import FitSettings
from triage.systems.bundle import load_system

SPEC = shipped_spec("derm_phantoms")
TINY = PretrainSettings(
    backbone="monai:resnet10_narrow@32",
    hidden=16,
    projection=8,
    fit=FitSettings(epochs=2, patience=2, batch_size=32, learning_rate=2e-3),
)
CONFIG = """
backbone: monai:resnet10_narrow@32
fit: {epochs: 1, batch_size: 32}
"""


def small(phantom_data: Dataset, folder: Path, images: list[int]) -> Dataset:
    """A training split of a few cases of noise."""
    cases = tuple(noisy_cases(folder, images))
    return replace(phantom_data, cases=cases, splits=("train",) * len(cases))


@pytest.mark.parametrize("method", ["simclr", "micle"])
def test_the_result_is_a_backbone_like_any_other(
    method: str, phantom_data: Dataset, tmp_path: Path
) -> None:
    out = tmp_path / "skin"
    settings = TINY.model_copy(update={"method": method})
    record = pretrain(phantom_data, settings, out)
    assert {path.name for path in tmp_path.rglob("*")} == {
        "skin", "model.safetensors", "backbone.json", "pretraining.json",
    }  # fmt: skip
    assert json.loads((out / "pretraining.json").read_text())["digest"] == record.digest
    backbone = load_backbone(f"file:{out}")
    assert record.backbone == backbone.reference == f"file:{out}"
    assert (backbone.name, backbone.width, backbone.digest()) == ("skin", 256, record.digest)
    assert backbone.digest() != load_backbone(TINY.backbone).digest()
    assert load_backbone(f"file:{out}@48").pictures.size == 48
    train(phantom_data, tiny_settings(f"file:{out}"), tmp_path / "b")
    system, manifest = load_system(tmp_path / "b")
    assert list(manifest.backbones) == ["skin"]
    assert system.backbones["skin"].digest() == record.digest


def test_only_training_cases_are_opened(
    phantom_data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither validation nor test cases, nor any case of a condition that is kept for them."""
    seen: list[Case] = []

    def watched(executor: Any, cases: list[Case], *rest: Any) -> Any:
        seen.extend(cases)
        return open_with(executor, cases, *rest)

    monkeypatch.setattr(module, "open_with", watched)
    record = pretrain(phantom_data, TINY, tmp_path / "a")
    assert sorted(case.case_id for case in seen) == sorted(
        case.case_id for case in phantom_data.of_split("train")
    )
    assert {case.condition for case in seen} <= set(phantom_data.draw.classes)
    assert record.cases + record.held_out == len(seen)


def test_labels_have_no_part_in_it(phantom_data: Dataset, tmp_path: Path) -> None:
    blind = replace(
        phantom_data, cases=tuple(replace(case, condition=None) for case in phantom_data.cases)
    )
    digests = {
        pretrain(data, TINY, tmp_path / name).digest
        for name, data in (("a", phantom_data), ("b", blind))
    }
    assert len(digests) == 1


class Killed(BaseException):
    pass


def test_a_killed_run_goes_on_and_ends_the_same(phantom_data: Dataset, tmp_path: Path) -> None:
    whole = pretrain(phantom_data, TINY, tmp_path / "whole" / "a")

    def kill(stage: str, done: int, total: int) -> None:
        if stage == "pretraining" and done == 1:
            raise Killed

    out = tmp_path / "killed" / "a"
    with pytest.raises(Killed):
        pretrain(phantom_data, TINY, out, progress=kill)
    assert [path.name for path in out.parent.iterdir()] == [".a.checkpoints"]
    done: list[int] = []

    def watch(stage: str, now: int, total: int) -> None:
        if stage == "pretraining":
            done.append(now)

    resumed = pretrain(phantom_data, TINY, out, progress=watch)
    assert done == [2]
    assert [path.name for path in out.parent.iterdir()] == ["a"]
    assert (resumed.digest, resumed.loss) == (whole.digest, whole.loss)


def test_clusters_are_held_out_whole() -> None:
    cases = [
        Case(f"c{n}", f"p{n // 3}", f"patient:p{n // 3}", (), condition=None) for n in range(60)
    ]
    training, held_out = hold_out(cases, 0.2, 0)
    assert len(held_out) == 12
    assert sorted(case.case_id for case in training + held_out) == sorted(c.case_id for c in cases)
    assert not {case.cluster for case in training} & {case.cluster for case in held_out}
    assert hold_out(cases, 0.2, 1)[1] != held_out


@pytest.mark.parametrize("images", [[1], [2], [1, 1, 1]])
def test_too_few_cases(images: list[int], phantom_data: Dataset, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="too few"):
        pretrain(small(phantom_data, tmp_path / "data", images), TINY, tmp_path / "a")
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(
    ("images", "reported"),
    [([1] * 6, "as in SimCLR"), ([1, 2] * 4, "two images or more"), ([2] * 6, None)],
)
def test_micle_says_where_it_is_simclr(
    images: list[int], reported: str | None, phantom_data: Dataset, tmp_path: Path
) -> None:
    settings = TINY.model_copy(update={"method": "micle"})
    record = pretrain(small(phantom_data, tmp_path / "data", images), settings, tmp_path / "a")
    assert [reported in note for note in record.notes] == ([True] if reported else [])


def test_an_unreadable_image_leaves_its_case_out(phantom_data: Dataset, tmp_path: Path) -> None:
    data = small(phantom_data, tmp_path / "data", [1] * 8)
    data.cases[3].images[0].write_text("no picture")
    record = pretrain(data, TINY, tmp_path / "a")
    assert record.rejected == {"unknown_format": 1}
    assert record.cases + record.held_out == 7


def test_nothing_is_overwritten_and_volumes_are_refused(
    phantom_data: Dataset, oct_data: Dataset, tmp_path: Path
) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(UsageError, match="exists already"):
        pretrain(phantom_data, TINY, tmp_path / "a")
    with pytest.raises(UsageError, match="volumes cannot"):
        pretrain(oct_data, TINY, tmp_path / "b")


@pytest.mark.parametrize("harm", ["weights", "description", "folder", "other"])
def test_a_damaged_result_is_a_clear_error(
    harm: str, phantom_data: Dataset, tmp_path: Path
) -> None:
    folder = tmp_path / "a"
    load_backbone("monai:resnet10_narrow@32").save(folder)
    if harm == "weights":
        (folder / "model.safetensors").write_bytes(b"\xff" * 40)
    elif harm == "description":
        (folder / "backbone.json").write_text("[]")
    elif harm == "folder":
        folder = tmp_path / "absent"
    else:
        load_backbone("monai:resnet10@32").save(tmp_path / "b")
        (tmp_path / "b" / "model.safetensors").replace(folder / "model.safetensors")
    with pytest.raises(TrainingError, match="cannot be read"):
        load_backbone(f"file:{folder}")


# The verb


def test_pretrain_then_train(triage: Command, phantom_root: Path, tmp_path: Path) -> None:
    config = tmp_path / "settings.yaml"
    config.write_text(CONFIG)
    data = ("--spec", SPEC, "--root", phantom_root)
    out = tmp_path / "skin"
    pretraining = ("pretrain", *data, "--method", "micle", "--out", out, "--config", config)
    found = triage(*pretraining, "--seed", 3, "--roles-seed", 1, "--json")
    assert found.code == 0, found.err
    assert (found.json["settings"]["method"], found.json["settings"]["seed"]) == ("micle", 3)
    assert found.json["roles_seed"] == 1
    assert found.json == json.loads((out / "pretraining.json").read_text())
    again = triage(*pretraining)
    assert again.code == 2
    assert "exists already" in again.err
    trained = triage(
        "train", *data, "--backbone", f"file:{out}", "--members", 1, "--out", tmp_path / "b",
        "--json", "--roles-seed", 1,
    )  # fmt: skip
    assert trained.code == 0, trained.err
    kept = load_file(tmp_path / "b" / "backbones" / "skin" / "model.safetensors")
    made = load_file(out / "model.safetensors")
    assert all(torch.equal(value, kept[name]) for name, value in made.items())


def test_plain_output(triage: Command, phantom_root: Path, tmp_path: Path) -> None:
    config = tmp_path / "settings.yaml"
    config.write_text(CONFIG)
    answer = triage(
        "pretrain", "--spec", SPEC, "--root", phantom_root, "--out", tmp_path / "a",
        "--method", "micle", "--config", config,
    )  # fmt: skip
    assert answer.code == 0, answer.err
    assert "note: " in answer.out
    assert f"--backbone file:{tmp_path / 'a'}" in answer.out


@contextmanager
def stopping_bars(quiet: bool = False) -> Iterator[Any]:
    def report(stage: str, done: int, total: int) -> None:
        if stage == "pretraining":
            raise KeyboardInterrupt

    yield report


def test_interrupted(
    triage: Command, phantom_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "settings.yaml"
    config.write_text(CONFIG)
    monkeypatch.setattr("pipelines.terminal.progress_bars.progress_bars", stopping_bars)
    answer = triage(
        "pretrain", "--spec", SPEC, "--root", phantom_root, "--out", tmp_path / "a",
        "--config", config,
    )  # fmt: skip
    assert answer.code == 130
    assert "the same command goes on from here" in answer.err
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(
    "wrong",
    [
        ("--method", "moco"),
        ("--seed", -1),
        ("--backbone", "monai:nothing"),
        ("--backbone", "file:nowhere"),
        ("--config", "nowhere.yaml"),
        ("--engine", "threads"),
        ("--engine", "local", "--workers", 2),
    ],
)
def test_wrong_settings(
    wrong: tuple[Any, ...], triage: Command, phantom_root: Path, tmp_path: Path
) -> None:
    answer = triage(
        "pretrain", "--spec", SPEC, "--root", phantom_root, "--out", tmp_path / "a", *wrong
    )
    assert answer.code == 2
    assert answer.err.strip()
    assert not list(tmp_path.iterdir())
