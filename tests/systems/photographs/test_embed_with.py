"""Embedding with several backbones: caches opened once serve many calls."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.tiny import noisy_cases, write_resnet
from triage.backbones import preprocessing
from triage.backbones.backbone import Backbone
from triage.data.manifest import Case
from triage.imaging.corruptions import FAR
from triage.imaging.views import Views
from triage.models import embedding_cache
from triage.models.load_backbone import load_backbone
from triage.systems.photographs.system import embed_with, open_caches


@pytest.fixture
def cases(tmp_path: Path) -> list[Case]:
    return noisy_cases(tmp_path / "images", [1, 2, 1])


@pytest.fixture
def backbones(tiny_hf: Path, tmp_path: Path) -> dict[str, Backbone]:
    other = write_resnet(tmp_path / "other", seed=1)
    return {"a": load_backbone(f"hf:{tiny_hf}"), "b": load_backbone(f"hf:{other}")}


def test_opened_caches_give_what_the_folder_gives(
    cases: list[Case], backbones: dict[str, Backbone], tmp_path: Path
) -> None:
    caches = open_caches(backbones, tmp_path / "c")
    for corruption in (None, FAR):
        expected, _ = embed_with(backbones, cases, None, None, corruption)
        found, opened = embed_with(backbones, cases, None, None, corruption, caches=caches)
        again, _ = embed_with(backbones, cases, tmp_path / "c", None, corruption)
        assert opened.cases == cases
        for key in backbones:
            assert np.array_equal(found[key], expected[key])
            assert np.array_equal(again[key], found[key])
    assert not np.allclose(found["a"], found["b"])


def test_opened_caches_read_no_shard_and_hash_no_weight_again(
    cases: list[Case],
    backbones: dict[str, Backbone],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    embed_with(backbones, cases, tmp_path / "c")
    caches = open_caches(backbones, tmp_path / "c")

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("opened again")

    monkeypatch.setattr(embedding_cache, "load_tensors", refuse)
    monkeypatch.setattr(Backbone, "digest", refuse)
    for _ in range(2):
        embed_with(backbones, cases, tmp_path / "c", caches=caches)
    embed_with(backbones, cases, tmp_path / "c", None, FAR, caches=caches)


def test_weights_that_changed_are_noticed_where_caches_are_opened(
    cases: list[Case], backbones: dict[str, Backbone], tmp_path: Path
) -> None:
    before, _ = embed_with(backbones, cases, tmp_path / "c")
    next(backbones["a"].parameters()).data.mul_(2)  # counts no version
    after, _ = embed_with(backbones, cases, tmp_path / "c")
    assert not np.array_equal(before["a"], after["a"])
    assert np.array_equal(before["b"], after["b"])


def test_by_view_only_backbones_of_several_views_give_them(
    cases: list[Case], backbones: dict[str, Backbone], tmp_path: Path
) -> None:
    crops = load_backbone(backbones["b"].reference, stages=2, views=Views.CROPS)
    both = {"a": backbones["a"], "b": crops}
    plain, _ = embed_with(both, cases, None)
    for _ in range(2):
        found, opened = embed_with(both, cases, tmp_path / "c", by_view=True)
        assert opened.cases == cases
        np.testing.assert_allclose(found["a"], plain["a"], atol=1e-6)
        assert found["b"].shape == (len(cases), 4, crops.width)
        np.testing.assert_allclose(found["b"].mean(1), plain["b"], atol=1e-6)
    assert len(list((tmp_path / "c").iterdir())) == 3  # of `a`, of `b`, of the views of `b`


def test_scoring_finds_what_training_embedded_by_view(
    cases: list[Case],
    backbones: dict[str, Backbone],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    both = {"b": load_backbone(backbones["b"].reference, views=Views.CROPS)}
    views, _ = embed_with(both, cases, tmp_path / "c", by_view=True)

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("opened again")

    monkeypatch.setattr(preprocessing, "read_resized", refuse)
    found, _ = embed_with(both, cases, tmp_path / "c")
    np.testing.assert_allclose(found["b"], views["b"].mean(1), atol=1e-6)
    again, _ = embed_with(both, cases, tmp_path / "c", by_view=True)
    assert np.array_equal(again["b"], views["b"])
