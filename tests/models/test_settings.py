from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from triage.heads import HeadKind
from triage.imaging.views import Views
from triage.models.settings import FitSettings, TrainSettings, default_settings


@pytest.mark.parametrize(
    "wrong",
    [
        {"backbones": ()},
        {"members": 0},
        {"members": 101},
        {"candidates": 0},
        {"seed": -1},
        {"head": "sigmoid"},
        {"mode": "both"},
        {"selection": "best"},
        {"precision": "float16"},
        {"hidden": -1},
        {"dropout": 1.0},
        {"fit": {"epochs": 0}},
        {"fit": {"learning_rate": 0}},
        {"fit": {"balance": 1.5}},
        {"fit": {"batch_size": 1}},
        {"memebrs": 3},
        {"fit": {"epoch": 3}},
        {"stages": 0},
        {"stages": 3},
        {"views": "corners"},
        {"mode": "finetune", "stages": 2},
        {"mode": "finetune", "views": "crops"},
    ],
)
def test_wrong_values_and_typos(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TrainSettings(**{"backbones": ("a",), **wrong})


def test_they_are_frozen_and_survive_json() -> None:
    settings = TrainSettings(backbones=("a", "b"), head=HeadKind.REJECT, fit=FitSettings(epochs=3))
    assert TrainSettings.model_validate_json(settings.model_dump_json()) == settings
    with pytest.raises(ValidationError):
        settings.members = 3  # type: ignore[misc]


def test_the_pool_takes_backbones_in_turn() -> None:
    settings = TrainSettings(backbones=("a", "b"), members=5, seed=10)
    assert settings.pool == [("a", 10), ("b", 10), ("a", 11), ("b", 11), ("a", 12)]


def test_the_pool_of_a_selection_holds_every_candidate() -> None:
    diverse = TrainSettings(backbones=("a",), members=3, candidates=5, selection="diverse")
    assert len(diverse.pool) == len(set(diverse.pool)) == 5
    few = TrainSettings(backbones=("a",), members=3, candidates=2, selection="diverse")
    assert len(few.pool) == 3


def test_defaults_depend_on_the_backbones() -> None:
    assert default_settings(("monai:resnet10",)).mode == "finetune"
    assert default_settings(("hf:x",)).mode == "embed"
    assert default_settings(("hf:x", "monai:resnet10")).mode == "finetune"
    assert default_settings(("hf:x",), "finetune").mode == "finetune"


def test_what_the_user_chose_wins() -> None:
    chosen = default_settings(("monai:resnet10",), members=7, head="softmax", seed=None)
    assert (chosen.members, chosen.head, chosen.seed) == (7, HeadKind.SOFTMAX, 0)


@pytest.mark.parametrize(
    ("backbones", "mode", "expected"),
    [
        (("hf:x",), None, (2, Views.CROPS)),
        (("file:x", "hf:y"), None, (2, Views.CROPS)),
        (("monai:resnet10",), "embed", (2, Views.CROPS)),
        (("oct:x",), None, (1, Views.WHOLE)),
        (("oct:x", "hf:y"), None, (1, Views.WHOLE)),
        (("hf:x",), "finetune", (1, Views.WHOLE)),
        (("monai:resnet10",), None, (1, Views.WHOLE)),
    ],
)
def test_what_is_embedded_by_default(
    backbones: tuple[str, ...], mode: Any, expected: tuple[int, Views]
) -> None:
    found = default_settings(backbones, mode)
    assert (found.stages, found.views) == expected
    chosen = default_settings(backbones, mode, stages=1, views="whole")
    assert (chosen.stages, chosen.views) == (1, Views.WHOLE)


def test_settings_from_before_there_were_views_mean_whole_pictures() -> None:
    old = TrainSettings(backbones=("a",)).model_dump(mode="json", exclude={"stages", "views"})
    found = TrainSettings.model_validate(old)
    assert (found.stages, found.views) == (1, Views.WHOLE)


def test_stages_and_views_survive_json() -> None:
    settings = TrainSettings(backbones=("a",), stages=2, views="crops")
    assert TrainSettings.model_validate_json(settings.model_dump_json()) == settings
    with pytest.raises(ValidationError, match="stages and views are for frozen embeddings"):
        TrainSettings(backbones=("a",), mode="finetune", stages=2)
