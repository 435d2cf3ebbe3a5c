from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from triage.errors import UsageError
from triage.learning.default_backbones import FALLBACK, default_backbones


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
