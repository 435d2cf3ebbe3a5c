from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.tiny import noise, tiny_settings
from tests.weight_packages import Refuse, installed
from triage.backbones.preprocessing import Preprocessing
from triage.data.dataset import Dataset
from triage.errors import TrainingError
from triage.imaging.views import Views
from triage.learning.train import train
from triage.models.load_backbone import load_backbone, restore_backbone
from triage.systems.bundle import load_system
from triage.systems.photographs.system import System


@pytest.mark.parametrize("name", ["3", "x", "00"])
def test_another_number(name: str) -> None:
    with pytest.raises(TrainingError, match=r"no EfficientNet-Lite.*Write lite:0 or lite:1"):
        load_backbone(f"lite:{name}")


@installed
def test_pixels_are_normalised_as_in_training() -> None:
    preprocessing = load_backbone("lite:0@32").pictures
    frames = torch.from_numpy(noise(0, 32))[None]
    expected = (frames.permute(0, 3, 1, 2).float() - 127) / 128
    torch.testing.assert_close(preprocessing.normalise(frames), expected, atol=1e-5, rtol=1e-5)


@installed
def test_it_is_restored_exactly_without_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backbone = load_backbone("lite:0@64", stages=2, views=Views.CROPS)
    assert (backbone.width, backbone.name) == (1280 + 112, "lite0-64")
    backbone.save(tmp_path)
    monkeypatch.setattr(sys, "meta_path", [Refuse(), *sys.meta_path])
    monkeypatch.setenv("TRIAGE_CACHE", str(tmp_path / "empty"))
    restored = restore_backbone(tmp_path)
    assert restored.digest() == backbone.digest()
    pixels = backbone.pictures.normalise(torch.from_numpy(noise(1, 64))[None])
    with torch.inference_mode():
        assert torch.equal(restored.eval()(pixels), backbone.eval()(pixels))


@installed
def test_a_bundle_of_backbones_with_sizes_of_their_own(
    phantom_data: Dataset, tiny_hf: Path, session_cache: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    settings = tiny_settings(tiny_hf, "lite:0@64")
    train(phantom_data, settings, tmp_path / "bundle", cache_folder=session_cache)
    cases = phantom_data.cases[:4]
    before = load_system(tmp_path / "bundle")[0].score(cases).predictions
    monkeypatch.setattr(sys, "meta_path", [Refuse(), *sys.meta_path])
    monkeypatch.setenv("TRIAGE_CACHE", str(tmp_path / "empty"))
    system, _ = load_system(tmp_path / "bundle")
    assert isinstance(system, System)
    sizes = {each.pictures for each in system.backbones.values()}
    assert {each.size for each in sizes} == {32, 64}
    assert all(isinstance(each, Preprocessing) for each in sizes)
    after = system.score(cases).predictions
    np.testing.assert_array_equal(after.probabilities, before.probabilities)
