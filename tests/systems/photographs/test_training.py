from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import triage.systems.photographs.plan as module
from tests.tiny import tiny_settings, write_mobilenet, write_resnet
from triage.data.dataset import Dataset, load_dataset
from triage.errors import TrainingError
from triage.heads import HEADS, HeadKind
from triage.imaging.views import Views
from triage.models.embedding_cache import EmbeddingCache
from triage.models.embeddings import embed_cases
from triage.models.settings import FitSettings, TrainSettings
from triage.models.training import Labelled
from triage.systems.photographs.frozen_backbones import load_backbones
from triage.systems.photographs.training import Pool, train_pool

ONE_EPOCH = FitSettings(epochs=1, patience=1, batch_size=32)
TWO_EPOCHS = FitSettings(epochs=2, patience=2, batch_size=32)


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Labelled, Labelled]]:
    """What every network of the test is fitted on, instead of fitting it."""
    seen: list[tuple[Labelled, Labelled]] = []

    def recording(network: object, training: Labelled, validation: Labelled, **_: object) -> float:
        seen.append((training, validation))
        return 1.0

    monkeypatch.setattr(module, "fit", recording)
    return seen


def pool_of(
    dataset: Dataset, settings: TrainSettings, cache: Path, checkpoints: Path, **options: object
) -> Pool:
    return train_pool(dataset, settings, cache_folder=cache, checkpoints=checkpoints, **options)


def state_of(pool: Pool) -> list[torch.Tensor]:
    heads = [value for m in pool.members for value in m.head.state_dict().values()]
    return heads + [v for b in pool.backbones.values() for v in b.state_dict().values()]


@pytest.mark.parametrize("kind", [kind for kind in HeadKind if kind != HeadKind.INTROSPECTIVE])
@pytest.mark.parametrize("mode", ["embed", "finetune"])
def test_the_plan_trains_on_what_it_should(
    kind: HeadKind,
    mode: str,
    plans: list[tuple[Labelled, Labelled]],
    phantom_data: Dataset,
    tiny_hf: Path,
    session_cache: Path,
    tmp_path: Path,
) -> None:
    """Rows and targets of a fit, told apart by the conditions behind them: validation and test
    outliers never train, and only validation inliers stop the training."""
    settings = tiny_settings(tiny_hf, mode=mode, head=kind, members=1, fit=ONE_EPOCH)
    pool = pool_of(phantom_data, settings, session_cache, tmp_path)
    ((training, validation),) = plans
    draw = phantom_data.draw
    cases = phantom_data.of_split("train", "validation")
    assert pool.opened.cases == cases
    trained = [cases[row] for row in training.inputs.rows]
    stopping = [cases[row] for row in validation.inputs.rows]

    learns = HEADS[kind].info.learns_outliers
    expected = draw.classes if learns else draw.inliers
    assert trained == [c for c in phantom_data.of_split("train") if c.condition in expected]
    held_out = {*draw.validation, *draw.test}
    assert not held_out & {case.condition for case in (*trained, *stopping)}
    assert not {c.cluster for c in trained} & {c.cluster for c in phantom_data.of_split("test")}
    for case, target in zip(trained, training.targets.tolist(), strict=True):
        bucket = kind is not HeadKind.HOD and case.condition in draw.train
        assert target == (len(draw.inliers) if bucket else expected.index(case.condition))
    validating = phantom_data.of_split("validation")
    assert stopping == [c for c in validating if c.condition in draw.inliers]
    assert [draw.inliers[k] for k in validation.targets] == [c.condition for c in stopping]
    # Validation outliers are embedded all the same, for the threshold.
    assert pool.validation_cases == validating
    assert {c.condition for c in validating} >= set(draw.validation)
    (matrix,) = pool.validation.values()
    assert len(matrix) == len(validating)


def test_members_take_backbones_in_turn_and_names_differ(
    phantom_data: Dataset, session_cache: Path, tmp_path: Path
) -> None:
    """Two directories of one name stay apart."""
    folders = [write_resnet(tmp_path / "a/net"), write_resnet(tmp_path / "b/net", seed=1)]
    settings = tiny_settings(*folders, members=3, fit=ONE_EPOCH)
    pool = pool_of(phantom_data, settings, session_cache, tmp_path / "c")
    assert [member.name for member in pool.members] == ["net-seed0", "net-2-seed0", "net-seed1"]
    assert [member.backbone for member in pool.members] == ["net", "net-2", "net"]
    digests = {backbone.digest() for backbone in pool.backbones.values()}
    assert len(digests) == 2


def test_fine_tuned_members_of_one_name_stay_apart(
    plans: list[object], phantom_data: Dataset, tmp_path: Path
) -> None:
    folders = [write_resnet(tmp_path / "a/net"), write_resnet(tmp_path / "b/net", seed=1)]
    settings = tiny_settings(*folders, mode="finetune", fit=ONE_EPOCH)
    pool = pool_of(phantom_data, settings, tmp_path, tmp_path / "c")
    assert [member.name for member in pool.members] == ["net-seed0", "net-seed0-2"]
    assert len({backbone.digest() for backbone in pool.backbones.values()}) == 2


def test_a_backbone_named_twice(phantom_data: Dataset, tiny_hf: Path, tmp_path: Path) -> None:
    settings = tiny_settings(tiny_hf, tiny_hf)
    with pytest.raises(TrainingError, match="named twice"):
        pool_of(phantom_data, settings, tmp_path, tmp_path)


class Killed(BaseException):
    pass


def test_bfloat16_on_a_processor_without_it(
    phantom_data: Dataset, tiny_hf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("triage.systems.photographs.training.has_bfloat16", lambda: False)
    settings = tiny_settings(tiny_hf, mode="finetune", precision="bfloat16", fit=ONE_EPOCH)
    with pytest.raises(TrainingError, match=r"no bfloat16 arithmetic\. Use --precision float32"):
        train_pool(phantom_data, settings, cache_folder=None, checkpoints=tmp_path)


@pytest.mark.parametrize("mode", ["embed", "finetune"])
def test_a_killed_pool_is_resumed_exactly(
    mode: str, phantom_data: Dataset, tiny_hf: Path, session_cache: Path, tmp_path: Path
) -> None:
    fit = FitSettings(epochs=2, patience=2, batch_size=32)
    settings = tiny_settings(tiny_hf, mode=mode, fit=fit, dropout=0.2)
    whole = pool_of(phantom_data, settings, session_cache, tmp_path / "whole")
    stages: list[str] = []

    def kill(stage: str, done: int, total: int) -> None:
        stages.append(stage)
        if "training" in stage and done == 1 and len(set(stages)) == 2:
            raise Killed

    with pytest.raises(Killed):
        pool_of(phantom_data, settings, session_cache, tmp_path / "c", progress=kill)
    assert len(list((tmp_path / "c").iterdir())) == 1
    resumed = pool_of(phantom_data, settings, session_cache, tmp_path / "c")
    assert resumed.losses == whole.losses
    for one, two in zip(state_of(whole), state_of(resumed), strict=True):
        assert torch.equal(one, two)


def test_checkpoints_of_other_settings_or_data_are_not_taken_up(
    phantom_data: Dataset, tiny_hf: Path, session_cache: Path, tmp_path: Path
) -> None:
    def checkpoints(dataset: Dataset, **changes: object) -> set[str]:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        settings = tiny_settings(tiny_hf, members=1, **{"fit": ONE_EPOCH, **changes})
        pool_of(dataset, settings, session_cache, folder)
        return {path.name for path in folder.iterdir()}

    first = checkpoints(phantom_data)
    assert checkpoints(phantom_data) == first
    longer = FitSettings(epochs=1, patience=1, batch_size=16)
    assert not first & checkpoints(phantom_data, fit=longer)
    assert not first & checkpoints(phantom_data, head=HeadKind.SOFTMAX)
    lost = phantom_data.splits.index("train")
    smaller = replace(
        phantom_data,
        cases=phantom_data.cases[:lost] + phantom_data.cases[lost + 1 :],
        splits=phantom_data.splits[:lost] + phantom_data.splits[lost + 1 :],
    )
    assert not first & checkpoints(smaller)


def test_unreadable_cases_are_left_out_and_named(
    phantom_data: Dataset, phantom_root: Path, tiny_hf: Path, tmp_path: Path
) -> None:
    root = shutil.copytree(phantom_root, tmp_path / "root")
    dataset = load_dataset(phantom_data.spec, root)
    train, validation = (dataset.of_split(name)[0] for name in ("train", "validation"))
    train.images[0].write_bytes(b"")
    validation.images[0].unlink()
    for mode in ("embed", "finetune"):
        settings = tiny_settings(tiny_hf, mode=mode, members=1, fit=ONE_EPOCH)
        pool = pool_of(dataset, settings, tmp_path / "cache", tmp_path / mode)
        assert set(pool.opened.rejected) == {train.case_id, validation.case_id}
        assert validation not in pool.validation_cases


def test_a_class_without_a_readable_case(
    phantom_data: Dataset, phantom_root: Path, tiny_hf: Path, tmp_path: Path
) -> None:
    root = shutil.copytree(phantom_root, tmp_path / "root")
    dataset = load_dataset(phantom_data.spec, root)
    lost = dataset.draw.train[0]
    for case in dataset.of_split("train"):
        if case.condition == lost:
            case.images[0].unlink()
    with pytest.raises(TrainingError, match=f"no readable case to train on for {lost}"):
        pool_of(dataset, tiny_settings(tiny_hf), tmp_path / "cache", tmp_path / "c")


def test_validation_embeddings_are_those_of_the_trained_backbone(
    phantom_data: Dataset, tmp_path: Path
) -> None:
    settings = tiny_settings(
        write_mobilenet(tmp_path / "net"), mode="finetune", members=1, fit=ONE_EPOCH
    )
    pool = pool_of(phantom_data, settings, tmp_path, tmp_path / "c")
    ((key, backbone),) = pool.backbones.items()
    expected, _ = embed_cases(pool.validation_cases, backbone, EmbeddingCache(None, ""))
    assert np.allclose(pool.validation[key], expected)


def test_backbones_are_loaded_as_the_settings_say(tiny_hf: Path, tmp_path: Path) -> None:
    other = write_mobilenet(tmp_path / "net")
    found = load_backbones(tiny_settings(tiny_hf, other, stages=2, views=Views.CROPS))
    assert list(found) == [f"hf:{tiny_hf}", f"hf:{other}"]
    for backbone in found.values():
        assert (backbone.stages, backbone.pictures.views) == (2, Views.CROPS)


def test_training_on_crops_is_another_training_and_repeats_itself(
    phantom_data: Dataset, tiny_hf: Path, session_cache: Path, tmp_path: Path
) -> None:
    def trained(name: str, views: Views) -> Pool:
        settings = tiny_settings(tiny_hf, members=1, fit=TWO_EPOCHS, stages=2, views=views)
        return pool_of(phantom_data, settings, session_cache, tmp_path / name)

    first, again = (trained(name, Views.CROPS) for name in ("a", "b"))
    whole = trained("c", Views.WHOLE)
    assert first.losses == again.losses != whole.losses
    for one, two in zip(state_of(first), state_of(again), strict=True):
        assert torch.equal(one, two)
    heads = [pool.members[0].head.state_dict() for pool in (first, whole)]
    assert any(not torch.equal(a, b) for a, b in zip(*map(dict.values, heads), strict=True))


def test_heads_train_on_single_views_and_stop_by_the_mean(
    phantom_data: Dataset,
    tiny_hf: Path,
    session_cache: Path,
    tmp_path: Path,
    plans: list[tuple[Labelled, Labelled]],
) -> None:
    settings = tiny_settings(tiny_hf, members=1, stages=2, views=Views.CROPS)
    pool = pool_of(phantom_data, settings, session_cache, tmp_path)
    ((training, validation),) = plans
    ((key, backbone),) = pool.backbones.items()
    cases = [pool.opened.cases[row] for row in training.inputs.rows[:6]]
    views, _ = embed_cases(
        cases, backbone, EmbeddingCache(None, ""), by_view=EmbeddingCache(None, "")
    )
    generator = torch.Generator().manual_seed(0)
    drawn = [training.inputs.batch(torch.arange(6), generator).numpy() for _ in range(20)]
    seen = np.abs(np.stack(drawn)[:, :, None] - views[None]).max(-1) < 1e-5  # draw, case, view
    assert seen.any(2).all()  # a single view each time
    assert seen.any(0).all()  # and sooner or later every one
    held_out = torch.arange(len(validation.inputs))
    stopping = [pool.validation_cases.index(pool.opened.cases[r]) for r in validation.inputs.rows]
    assert np.array_equal(
        validation.inputs.batch(held_out, None).numpy(), pool.validation[key][stopping]
    )
    expected, _ = embed_cases(pool.validation_cases, backbone, EmbeddingCache(None, ""))
    assert pool.validation[key].shape == expected.shape
    assert np.allclose(pool.validation[key], expected, atol=1e-5)


def test_a_killed_training_on_crops_is_resumed_exactly(
    phantom_data: Dataset, tiny_hf: Path, session_cache: Path, tmp_path: Path
) -> None:
    settings = tiny_settings(tiny_hf, views=Views.CROPS, dropout=0.2, fit=TWO_EPOCHS)
    whole = pool_of(phantom_data, settings, session_cache, tmp_path / "whole")

    def kill(stage: str, done: int, total: int) -> None:
        if stage == "training heads" and done == 1:
            raise Killed

    with pytest.raises(Killed):
        pool_of(phantom_data, settings, session_cache, tmp_path / "c", progress=kill)
    resumed = pool_of(phantom_data, settings, session_cache, tmp_path / "c")
    assert resumed.losses == whole.losses
    for one, two in zip(state_of(whole), state_of(resumed), strict=True):
        assert torch.equal(one, two)


@pytest.mark.parametrize("changes", [{"head": HeadKind.INTROSPECTIVE}, {"posterior": "swag"}])
def test_other_ways_to_train_a_head_take_views_too(
    changes: dict[str, object],
    phantom_data: Dataset,
    tiny_hf: Path,
    session_cache: Path,
    tmp_path: Path,
) -> None:
    settings = tiny_settings(
        tiny_hf,
        **{"head": HeadKind.SOFTMAX, "members": 1, "fit": ONE_EPOCH, "views": "crops"} | changes,
    )
    pool = pool_of(phantom_data, settings, session_cache, tmp_path)
    (matrix,) = pool.validation.values()
    assert matrix.ndim == 2
    assert all(torch.isfinite(value).all() for value in state_of(pool))
