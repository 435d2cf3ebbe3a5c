"""Cases embedded by view: what each view is, what is kept of it, and what is not opened again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import triage.models.embedding_cache as cache_module
from tests.tiny import draw_case, noise, noisy_cases
from triage.backbones.backbone import Backbone
from triage.data.manifest import Case
from triage.decoding.read_picture import read_picture
from triage.errors import RejectReason
from triage.imaging.corruptions import FAR
from triage.imaging.views import Views, views_of
from triage.models.embedding_cache import EmbeddingCache
from triage.models.embeddings import embed_cases
from triage.models.load_backbone import load_backbone

COUNTS = [2, 1, 3, 1]


@pytest.fixture
def backbone(tiny_hf: Path) -> Backbone:
    return load_backbone(f"hf:{tiny_hf}", stages=2, views=Views.CROPS)


@pytest.fixture
def cases(tmp_path: Path) -> list[Case]:
    return noisy_cases(tmp_path / "images", COUNTS)


def memory() -> EmbeddingCache:
    return EmbeddingCache(None, "")


def by_view(cases: list[Case], backbone: Backbone, **options: object) -> np.ndarray:
    return embed_cases(cases, backbone, memory(), by_view=memory(), **options)[0]


def alone(backbone: Backbone, frame: np.ndarray) -> np.ndarray:
    """One picture through the network by itself, [D]."""
    pixels = torch.from_numpy(backbone.pictures.resize(np.ascontiguousarray(frame)).copy())[None]
    with torch.inference_mode():
        return backbone.eval()(backbone.pictures.normalise(pixels))[0].numpy()


def test_a_view_of_a_case_is_the_mean_of_that_view_of_its_images(
    cases: list[Case], backbone: Backbone
) -> None:
    found = by_view(cases, backbone)
    assert found.shape == (len(cases), 4, backbone.width)
    assert found.dtype == np.float32
    for case, vectors in zip(cases, found, strict=True):
        frames = [read_picture(path).frames[0] for path in case.images]
        for view, vector in enumerate(vectors):
            parts = [alone(backbone, views_of(frame, Views.CROPS)[view]) for frame in frames]
            np.testing.assert_allclose(vector, np.mean(parts, axis=0), atol=1e-5)
    assert not np.allclose(found[:, 0], found[:, 1], atol=1e-4)


def test_the_mean_over_the_views_is_the_plain_embedding(
    cases: list[Case], backbone: Backbone
) -> None:
    plain, _ = embed_cases(cases, backbone, memory())
    assert plain.shape == (len(cases), backbone.width)
    np.testing.assert_allclose(by_view(cases, backbone).mean(1), plain, atol=1e-6)
    whole = load_backbone(backbone.reference, stages=2)
    np.testing.assert_allclose(
        by_view(cases, backbone)[:, 0], embed_cases(cases, whole, memory())[0], atol=1e-5
    )


def test_a_picture_of_several_frames(backbone: Backbone, tmp_path: Path) -> None:
    from PIL import Image

    frames = [noise(seed) for seed in range(3)]
    first, *others = (Image.fromarray(frame) for frame in frames)
    first.save(tmp_path / "a.tiff", save_all=True, append_images=others)
    assert len(read_picture(tmp_path / "a.tiff").frames) == 3
    other = draw_case(tmp_path, "b", noise(7))
    case = Case("c", "p", "patient:p", (tmp_path / "a.tiff", *other.images), None)
    (found,) = by_view([case], backbone)
    for view in range(4):
        parts = [alone(backbone, views_of(frame, Views.CROPS)[view]) for frame in frames]
        last = alone(backbone, views_of(noise(7), Views.CROPS)[view])
        expected = (np.mean(parts, axis=0) + last) / 2
        np.testing.assert_allclose(found[view], expected, atol=1e-5)


def test_means_are_kept_too_and_no_image_is_opened_twice(
    cases: list[Case], backbone: Backbone, opened: list[Path]
) -> None:
    plain, views = memory(), memory()
    first, _ = embed_cases(cases, backbone, plain, by_view=views)
    assert len(opened) == len(set(opened)) == sum(COUNTS)
    again, _ = embed_cases(cases, backbone, plain, by_view=views)
    means, _ = embed_cases(cases, backbone, plain)
    assert len(opened) == sum(COUNTS)
    assert np.array_equal(first, again)
    np.testing.assert_allclose(means, embed_cases(cases, backbone, memory())[0], atol=1e-6)


def test_means_that_were_lost_are_made_of_the_views(
    cases: list[Case], backbone: Backbone, opened: list[Path], tmp_path: Path
) -> None:
    views = EmbeddingCache(tmp_path / "c", "views")
    before = EmbeddingCache(tmp_path / "c", "means")
    embed_cases(cases, backbone, before, by_view=views)
    expected, _ = embed_cases(cases, backbone, before)
    for shard in (tmp_path / "c" / "means").iterdir():
        shard.unlink()
    embed_cases(cases, backbone, EmbeddingCache(tmp_path / "c", "means"), by_view=views)
    found, _ = embed_cases(cases, backbone, EmbeddingCache(tmp_path / "c", "means"))
    assert len(opened) == sum(COUNTS)
    assert np.array_equal(found, expected)


def test_means_that_are_there_stay_as_they_are(cases: list[Case], backbone: Backbone) -> None:
    """Scores that were reported before must not change in the last digit."""
    plain = memory()
    before, _ = embed_cases(cases, backbone, plain)
    embed_cases(cases[::-1], backbone, plain, by_view=memory())
    assert np.array_equal(embed_cases(cases, backbone, plain)[0], before)


def test_a_backbone_of_one_view(cases: list[Case], backbone: Backbone) -> None:
    whole = load_backbone(backbone.reference)
    found = by_view(cases, whole)
    assert found.shape == (len(cases), 1, whole.width)
    np.testing.assert_allclose(found[:, 0], embed_cases(cases, whole, memory())[0], atol=1e-6)


class Killed(BaseException):
    pass


def test_a_killed_run_goes_on_from_its_shards(
    cases: list[Case],
    backbone: Backbone,
    opened: list[Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cache_module, "FLUSH", 2)
    monkeypatch.setattr("triage.models.embedding_target.BATCH", 8)  # two pictures of four views
    expected = by_view(cases, backbone)
    opened.clear()

    def caches() -> dict[str, EmbeddingCache]:
        folder = tmp_path / "c"
        return {
            "cache": EmbeddingCache(folder, "means"),
            "by_view": EmbeddingCache(folder, "views"),
        }

    steps: list[int] = []

    def kill(done: int) -> None:
        steps.append(done)
        if len(steps) == 5:
            raise Killed

    with pytest.raises(Killed):
        embed_cases(cases, backbone, progress=kill, **caches())
    begun = len(opened)
    assert begun >= 5  # a few are read ahead
    found, _ = embed_cases(cases, backbone, **caches())
    assert len(opened) == begun + sum(COUNTS) - 4  # two pairs were kept
    np.testing.assert_allclose(found, expected, atol=1e-5)
    means, _ = embed_cases(cases, backbone, caches()["cache"])
    assert len(opened) == begun + sum(COUNTS) - 4
    np.testing.assert_allclose(means, expected.mean(1), atol=1e-5)


def test_bad_images_and_poor_quality_are_told_alike(
    cases: list[Case], backbone: Backbone, tmp_path: Path
) -> None:
    cases[1].images[0].write_bytes(b"")
    cases.append(draw_case(tmp_path, "poor", np.zeros((40, 40, 3), np.uint8)))
    plain, views = memory(), memory()
    for _ in range(2):
        found, opened = embed_cases(cases, backbone, plain, by_view=views)
        assert len(found) == len(opened.cases) == 4
        assert opened.rejected["c1"].reason is RejectReason.EMPTY
        assert opened.quality == {"poor": "The picture is black."}
    _, opened = embed_cases(cases, backbone, plain)
    assert opened.quality == {"poor": "The picture is black."}


def test_no_case_at_all(backbone: Backbone, tmp_path: Path) -> None:
    case = Case("c", "p", "patient:p", (tmp_path / "absent.png",), None)
    assert by_view([case], backbone).shape == (0, 4, backbone.width)


def test_corrupted_views_stand_apart(cases: list[Case], backbone: Backbone) -> None:
    plain, views = memory(), memory()
    clean, _ = embed_cases(cases, backbone, plain, by_view=views)
    spoilt, _ = embed_cases(cases, backbone, plain, corruption=FAR, by_view=views)
    assert spoilt.shape == clean.shape
    assert not np.allclose(spoilt, clean, atol=1e-3)
    assert np.array_equal(embed_cases(cases, backbone, plain, by_view=views)[0], clean)
    np.testing.assert_allclose(
        embed_cases(cases, backbone, memory(), corruption=FAR)[0], spoilt.mean(1), atol=1e-6
    )
