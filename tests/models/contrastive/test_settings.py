from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch

from triage.errors import SpecError, UsageError
from triage.models.contrastive import settings as module
from triage.models.contrastive.settings import PretrainSettings, load_settings

TRAINING = Path(__file__).parents[3] / "data_specs" / "pretraining"
SHIPPED = ("laptop", "gpus")


def write(folder: Path, text: str) -> Path:
    path = folder / "settings.yaml"
    path.write_text(text)
    return path


def test_what_is_left_open_stays_at_every_depth(tmp_path: Path) -> None:
    path = write(tmp_path, "{fit: {epochs: 3}, views: {crop: 0.5}, seed: 4}")
    found = load_settings(path, seed=7, method="micle", backbone=None)
    assert (found.fit.epochs, found.views.crop, found.seed, found.method) == (3, 0.5, 7, "micle")
    usual = PretrainSettings()
    assert found.fit == usual.fit.model_copy(update={"epochs": 3})
    assert found.views == usual.views.model_copy(update={"crop": 0.5})
    assert found.backbone == usual.backbone
    assert load_settings() == usual


@pytest.mark.parametrize(
    ("text", "reported"),
    [
        ("epochs: 3", "epochs: there is no such key"),
        ("{fit: {epochs: 0}, temperature: 0}", "temperature: "),
        ("fit: 3", "fit: "),
        ("method: moco", "method: "),
        ("- a", "is not a mapping"),
        ("held_out: 0.9", "held_out: "),
    ],
)
def test_a_file_of_other_settings(text: str, reported: str, tmp_path: Path) -> None:
    with pytest.raises(SpecError) as caught:
        load_settings(write(tmp_path, text))
    assert reported in str(caught.value)


@pytest.mark.parametrize("wrong", [{"seed": -1}, {"method": "moco"}, {"backbone": ""}])
def test_a_wrong_choice(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=f"--{next(iter(wrong))}"):
        load_settings(**wrong)


def test_processors_that_are_not_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(module, "has_bfloat16", lambda: False)
    with pytest.raises(UsageError, match="no GPU"):
        load_settings(write(tmp_path, "device: cuda"))
    with pytest.raises(UsageError, match="bfloat16"):
        load_settings(write(tmp_path, "precision: bfloat16"))


def test_the_shipped_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    laptop, gpus = (load_settings(TRAINING / f"simclr_{name}.yaml") for name in SHIPPED)
    assert laptop == PretrainSettings()
    assert (gpus.device, gpus.precision, gpus.backbone) == (
        "cuda",
        "bfloat16",
        "monai:resnet34@224",
    )


def test_the_page_names_every_setting_and_its_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    page = (TRAINING.parents[1] / "docs" / "pretraining.md").read_text(encoding="utf-8")
    fields = {*PretrainSettings.model_fields, *module.ViewSettings.model_fields}
    named = set(re.findall(r"`(?:views\.|fit\.)?(\w+)`", page))
    assert fields - {"views"} <= named | {"fit"}
    sizes = [load_settings(TRAINING / f"simclr_{name}.yaml").model_dump() for name in SHIPPED]
    for path, *shown in re.findall(r"^\| `([\w.]+)`[^|]*\| (.+?) \| (.+?) \|$", page, re.MULTILINE):
        if path.split(".")[0] in sizes[0]:
            part, _, key = path.rpartition(".")
            found = [(size[part] if part else size)[key] for size in sizes]
            assert [cell.strip("`") for cell in shown] == [str(value) for value in found], path
