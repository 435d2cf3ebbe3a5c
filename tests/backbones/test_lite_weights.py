from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from tests.weight_packages import Refuse, installed
from triage.backbones.lite_weights import CHECKPOINTS, lite_module, load_lite_weights
from triage.errors import MissingExtraError, TrainingError, UsageError
from triage.extras import EXTRAS
from triage.models.load_backbone import load_backbone


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("TRIAGE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "weights"


def install(folder: Path, variant: str) -> Path:
    """A package of the right name with another file of weights."""
    module = lite_module(variant)
    weights = folder / module / "models" / CHECKPOINTS[variant][0]
    weights.parent.mkdir(parents=True)
    (folder / module / "__init__.py").write_text("raise SystemExit('the code of the package ran')")
    torch.save({"_conv_stem.weight": torch.ones(1)}, weights)
    info = folder / f"{module}-0.1.0.dist-info"
    info.mkdir()
    name = module.replace("_", "-")
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1.0\n")
    return weights


def test_every_variant_has_a_module_of_the_extra() -> None:
    assert [lite_module(variant) for variant in CHECKPOINTS] == [*EXTRAS["weights"]]


def test_another_file_in_the_package_is_refused(
    cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    weights = install(tmp_path / "site", "0")
    monkeypatch.syspath_prepend(tmp_path / "site")
    with pytest.raises(TrainingError, match="not the expected file: its SHA-256") as error:
        load_backbone("lite:0")
    assert error.value.where == str(weights)
    assert [*cache.iterdir()] == []


def test_a_package_without_its_file(
    cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install(tmp_path / "site", "0").unlink()
    monkeypatch.syspath_prepend(tmp_path / "site")
    with pytest.raises(TrainingError, match=r"cannot be read \(No such file"):
        load_backbone("lite:0")


def test_a_missing_package_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "meta_path", [Refuse(), *sys.meta_path])
    with pytest.raises(MissingExtraError, match=r"lite:1 cannot be used without.*\.\[weights\]"):
        load_backbone("lite:1@64")


@installed
def test_a_damaged_copy_in_the_cache_is_made_again(cache: Path) -> None:
    # Copies: the tensors are mapped from the file that is cut.
    before = {name: value.clone() for name, value in load_lite_weights("0").items()}
    (kept,) = cache.iterdir()
    assert kept.stem == CHECKPOINTS["0"][1]
    kept.write_bytes(kept.read_bytes()[:1000])
    after = load_lite_weights("0")
    assert after.keys() == before.keys()
    assert all(torch.equal(after[name], value) for name, value in before.items())


@installed
def test_a_cache_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("TRIAGE_CACHE", str(tmp_path / "file"))
    with pytest.raises(UsageError, match=r"cannot be kept .*Set TRIAGE_CACHE"):
        load_lite_weights("0")
