from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.tiny import TinyBundle, tiny_settings, write_mobilenet
from triage.data.dataset import Dataset
from triage.heads import HEADS, HeadKind
from triage.learning.train import fit_system, train
from triage.models.settings import FitSettings
from triage.systems.bundle import load_system, verify_bundle

ONE = FitSettings(epochs=1)


def test_training_twice_gives_the_same_bundle(
    tiny_bundle: TinyBundle, phantom_data: Dataset, tmp_path: Path
) -> None:
    """But for the name and the moment, which the card tells."""
    again = train(
        phantom_data, tiny_bundle.settings, tmp_path / "b", cache_folder=tiny_bundle.cache
    )
    apart = {"name", "created_at", "files"}
    assert again.model_dump(exclude=apart) == tiny_bundle.manifest.model_dump(exclude=apart)
    assert [name for name, digest in again.files.items()
            if tiny_bundle.manifest.files[name] != digest] == ["model_card.md"]  # fmt: skip


class Killed(BaseException):
    pass


@pytest.mark.parametrize("mode", ["embed", "finetune"])
def test_a_killed_run_goes_on_and_ends_the_same(
    mode: str, phantom_data: Dataset, tiny_hf: Path, session_cache: Path, tmp_path: Path
) -> None:
    fit = FitSettings(epochs=2, patience=2, batch_size=32)
    settings = tiny_settings(tiny_hf, mode=mode, fit=fit)
    whole = train(phantom_data, settings, tmp_path / "whole" / "b", cache_folder=session_cache)

    def kill(stage: str, done: int, total: int) -> None:
        if stage.startswith("training") and done == 1:
            raise Killed

    out = tmp_path / "killed" / "b"
    with pytest.raises(Killed):
        train(phantom_data, settings, out, cache_folder=session_cache, progress=kill)
    assert not out.exists()
    assert [path.name for path in out.parent.iterdir()] == [".b.checkpoints"]
    resumed = train(phantom_data, settings, out, cache_folder=session_cache)
    assert [path.name for path in out.parent.iterdir()] == ["b"]
    weights = {n: d for n, d in resumed.files.items() if n.endswith(".safetensors")}
    assert weights == {n: d for n, d in whole.files.items() if n.endswith(".safetensors")}


@pytest.mark.parametrize("kind", HeadKind)
def test_every_head_makes_a_system(
    kind: HeadKind, phantom_data: Dataset, tiny_hf: Path, session_cache: Path, tmp_path: Path
) -> None:
    settings = tiny_settings(tiny_hf, head=kind, members=1, fit=ONE)
    train(phantom_data, settings, tmp_path / "b", cache_folder=session_cache)
    system, manifest = load_system(tmp_path / "b")
    assert (system.kind, manifest.classes) == (kind, HEADS[kind].classes(phantom_data.draw))


def test_a_diverse_ensemble_may_list_a_member_twice(
    phantom_data: Dataset, tiny_hf: Path, session_cache: Path, tmp_path: Path
) -> None:
    settings = tiny_settings(tiny_hf, selection="diverse", members=4, candidates=2, fit=ONE)
    manifest = train(phantom_data, settings, tmp_path / "b", cache_folder=session_cache)
    assert len(manifest.members) == 4
    system, _ = load_system(tmp_path / "b")
    assert [member.name for member in system.members] == [e.name for e in manifest.members]


def test_the_bundle_keeps_only_backbones_in_use(
    phantom_data: Dataset, tiny_hf: Path, session_cache: Path, tmp_path: Path
) -> None:
    other = write_mobilenet(tmp_path / "other")
    settings = tiny_settings(tiny_hf, other, selection="diverse", members=1, candidates=2, fit=ONE)
    manifest = train(phantom_data, settings, tmp_path / "b", cache_folder=session_cache)
    (used,) = manifest.backbones
    assert [path.name for path in (tmp_path / "b" / "backbones").iterdir()] == [used]
    verify_bundle(tmp_path / "b")


def test_an_unsaved_system_decides_as_the_saved_one(
    phantom_data: Dataset, tiny_hf: Path, session_cache: Path, tmp_path: Path
) -> None:
    settings = tiny_settings(tiny_hf, mode="finetune", members=1, fit=ONE)
    trained = fit_system(phantom_data, settings, tmp_path / "b", cache_folder=session_cache)
    cases = phantom_data.of_split("test")[:5]
    before = trained.system.score(cases).predictions
    trained.save(tmp_path / "b", promotion={"promoted": False})
    system, manifest = load_system(tmp_path / "b")
    assert np.array_equal(before.probabilities, system.score(cases).predictions.probabilities)
    assert manifest.promotion == {"promoted": False}
