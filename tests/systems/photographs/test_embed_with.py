"""Embedding with several backbones: caches opened once serve many calls."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.tiny import noisy_cases, write_resnet
from triage.backbones import preprocessing
from triage.backbones.backbone import Backbone
from triage.data.manifest import Case
from triage.decoding.worker import default_pool
from triage.hashing import hash_file
from triage.imaging.corruptions import FAR
from triage.imaging.resized import ResizedPicture
from triage.imaging.views import Views
from triage.models import embedding_cache, read_ahead
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


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Every picture that is decoded."""
    seen: list[Path] = []
    read = preprocessing.read_resized

    def counting(path: Path, *rest: Any, **given: Any) -> ResizedPicture:
        seen.append(path)
        return read(path, *rest, **given)

    monkeypatch.setattr(preprocessing, "read_resized", counting)
    return seen


def test_a_picture_is_decoded_once_for_all_backbones(
    cases: list[Case], backbones: dict[str, Backbone], decoded: list[Path]
) -> None:
    large = load_backbone(f"{backbones['b'].reference}@48", views=Views.CROPS)
    several = backbones | {"c": large}
    alone = {key: embed_with({key: one}, cases, None)[0][key] for key, one in several.items()}
    decoded.clear()
    steps: list[int] = []
    found, opened = embed_with(several, cases, None, steps.append)
    assert sorted(decoded) == sorted(path for case in cases for path in case.images)
    assert sum(steps) == len(several) * len(decoded)
    assert opened.cases == cases
    for key, expected in alone.items():
        np.testing.assert_allclose(found[key], expected, atol=1e-5)


def test_only_backbones_that_lack_a_picture_get_it(
    cases: list[Case], backbones: dict[str, Backbone], decoded: list[Path], tmp_path: Path
) -> None:
    expected, _ = embed_with(backbones, cases, None)
    caches = open_caches(backbones, tmp_path / "c")
    embed_with({"a": backbones["a"]}, cases[:2], None, caches={"a": caches["a"]})
    embed_with({"b": backbones["b"]}, cases[1:], None, caches={"b": caches["b"]})
    decoded.clear()
    found, _ = embed_with(backbones, cases, None, caches=caches)
    known = {*cases[1].images}
    assert sorted(decoded) == sorted({path for case in cases for path in case.images} - known)
    for key in backbones:
        np.testing.assert_allclose(found[key], expected[key], atol=1e-5)


def test_a_picture_that_changes_underway_reaches_every_backbone(
    cases: list[Case], backbones: dict[str, Backbone], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its hash was of content that one backbone knows and the other does not."""
    caches = open_caches(backbones, None)
    expected, _ = embed_with(backbones, cases, None)
    embed_with({"a": backbones["a"]}, cases[:1], None, caches={"a": caches["a"]})
    known = hash_file(cases[0].images[0])
    monkeypatch.setattr(preprocessing, "hash_file", lambda _: known)
    found, opened = embed_with(backbones, cases[2:], None, caches=caches)
    assert opened.cases == cases[2:]
    for key in backbones:
        np.testing.assert_allclose(found[key], expected[key][2:], atol=1e-5)


def test_bad_pictures_are_refused_once_and_for_all_backbones(
    cases: list[Case], backbones: dict[str, Backbone]
) -> None:
    cases[1].images[0].write_text("no picture")
    twin = replace(cases[2], case_id="twin", images=(cases[1].images[0],))
    found, opened = embed_with(backbones, [*cases, twin], None)
    assert {*opened.rejected} == {"c1", "twin"}
    assert {len(vectors) for vectors in found.values()} == {len(cases) - 1}


def test_what_waits_is_bounded_whatever_the_number_of_cases(
    backbones: dict[str, Backbone], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_ahead, "MAX_HELD", 0)
    many = noisy_cases(tmp_path / "many", [1] * 30)
    begun, done, ahead = [], [], []
    read = preprocessing.read_resized

    def counting(path: Path, *rest: Any, **given: Any) -> ResizedPicture:
        begun.append(path)
        return read(path, *rest, **given)

    def progress(_: int) -> None:
        done.append(1)
        ahead.append(len(begun) - len(done))

    monkeypatch.setattr(preprocessing, "read_resized", counting)
    embed_with(backbones, many, None, progress)
    assert max(ahead) <= 2 * default_pool().limits.workers


def test_no_reader_waits_for_ever_where_embedding_is_interrupted(
    backbones: dict[str, Backbone], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_ahead, "MAX_HELD", 0)
    many = noisy_cases(tmp_path / "many", [1] * 30)

    def stop(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        embed_with(backbones, many, None, stop)
    for thread in threading.enumerate():
        if thread.name.startswith("decoder"):
            thread.join(timeout=30)
            assert not thread.is_alive()
