from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch

import triage.backbones.preprocessing as module
from tests.tiny import draw_case, noise, noisy_cases
from triage.backbones.backbone import Backbone
from triage.data.manifest import Case
from triage.decoding.read_picture import read_picture
from triage.errors import RejectReason, TriageError
from triage.hashing import hash_file
from triage.imaging.corruptions import FAR, Corruption
from triage.models.embedding_cache import EmbeddingCache
from triage.models.embeddings import embed_cases, open_images
from triage.models.load_backbone import load_backbone
from triage.models.pooling import pool_by_case

COUNTS = [2, 1, 3, 1]
NOISE = Corruption("gaussian_noise", 5)


@pytest.fixture
def backbone(tiny_hf: Path) -> Backbone:
    return load_backbone(f"hf:{tiny_hf}")


@pytest.fixture
def cases(tmp_path: Path) -> list[Case]:
    return noisy_cases(tmp_path / "images", COUNTS)


def memory() -> EmbeddingCache:
    return EmbeddingCache(None, "")


def test_a_case_is_the_mean_of_its_images(cases: list[Case], backbone: Backbone) -> None:
    found, opened = embed_cases(cases, backbone, memory())
    assert opened.cases == cases
    assert found.dtype == np.float32
    for case, vector in zip(cases, found, strict=True):
        alone = []
        for path in case.images:
            frame = backbone.preprocessing.resize(read_picture(path).frames[0])
            with torch.inference_mode():
                pixels = backbone.preprocessing.normalise(torch.from_numpy(frame.copy())[None])
                alone.append(backbone(pixels)[0].numpy())
        assert np.allclose(vector, np.mean(alone, axis=0), atol=1e-5)


def test_cached_images_are_not_opened_again(
    cases: list[Case], backbone: Backbone, opened: list[Path], tmp_path: Path
) -> None:
    first, _ = embed_cases(cases, backbone, EmbeddingCache(tmp_path / "c", "d"))
    assert len(opened) == sum(COUNTS)
    again, _ = embed_cases(cases, backbone, EmbeddingCache(tmp_path / "c", "d"))
    assert len(opened) == sum(COUNTS)
    assert np.array_equal(first, again)


def test_the_same_picture_twice_is_opened_once(
    backbone: Backbone, opened: list[Path], tmp_path: Path
) -> None:
    twins = [draw_case(tmp_path, name, noise(1)) for name in ("a", "b")]
    found, _ = embed_cases(twins, backbone, memory())
    assert len(opened) == 1
    assert np.array_equal(found[0], found[1])


def test_the_order_does_not_depend_on_what_was_cached(
    cases: list[Case], backbone: Backbone, tmp_path: Path
) -> None:
    expected, _ = embed_cases(cases, backbone, memory())
    cache = EmbeddingCache(tmp_path / "c", "d")
    embed_cases([cases[2], cases[0]], backbone, cache)
    found, opened = embed_cases(cases, backbone, cache)
    assert opened.cases == cases
    assert np.allclose(found, expected, atol=1e-5)
    backwards, opened = embed_cases(cases[::-1], backbone, cache)
    assert opened.cases == cases[::-1]
    assert np.array_equal(backwards[::-1], found)


def test_a_damaged_shard_is_computed_again(
    cases: list[Case], backbone: Backbone, opened: list[Path], tmp_path: Path
) -> None:
    first, _ = embed_cases(cases, backbone, EmbeddingCache(tmp_path / "c", "d"))
    (shard,) = (tmp_path / "c").rglob("*.safetensors")
    content = bytearray(shard.read_bytes())
    content[-3] ^= 64
    shard.write_bytes(content)
    again, _ = embed_cases(cases, backbone, EmbeddingCache(tmp_path / "c", "d"))
    assert len(opened) == 2 * sum(COUNTS)
    assert np.array_equal(first, again)


def test_a_bad_image_rejects_its_case_only(cases: list[Case], backbone: Backbone) -> None:
    cases[2].images[1].write_text("no picture")
    cases[3].images[0].unlink()
    steps: list[int] = []
    found, opened = embed_cases(cases, backbone, memory(), steps.append)
    assert opened.cases == cases[:2]
    assert len(found) == 2
    assert {name: error.reason for name, error in opened.rejected.items()} == {
        "c2": RejectReason.UNKNOWN_FORMAT,
        "c3": RejectReason.MISSING,
    }
    assert sum(steps) == sum(COUNTS)


def test_all_cases_rejected(backbone: Backbone, tmp_path: Path) -> None:
    case = Case("c", "p", "patient:p", (tmp_path / "absent.png",), None)
    found, opened = embed_cases([case], backbone, memory())
    assert found.shape == (0, backbone.width)
    assert list(opened.rejected) == ["c"]


def test_poor_quality_is_told_also_from_the_cache(backbone: Backbone, tmp_path: Path) -> None:
    black = np.zeros((40, 40, 3), np.uint8)
    cases = [draw_case(tmp_path, "good", noise(1)), draw_case(tmp_path, "poor", noise(2), black)]
    for _ in range(2):
        _, opened = embed_cases(cases, backbone, EmbeddingCache(tmp_path / "c", "d"))
        assert opened.quality == {"poor": "The picture is black."}
        assert opened.cases == cases


def test_a_file_that_changes_underway_is_kept_under_its_new_content(
    cases: list[Case], backbone: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cache must never hold one picture under another's hash."""
    cache = memory()
    monkeypatch.setattr(module, "hash_file", lambda _: "stale")
    embed_cases(cases[1:2], backbone, cache)
    assert cache.get("stale") is None
    assert cache.get(read_picture(cases[1].images[0]).sha256) is not None


def test_numbers_that_are_not_finite_are_refused(cases: list[Case], backbone: Backbone) -> None:
    with torch.no_grad():
        next(backbone.parameters()).fill_(float("nan"))
    with pytest.raises(TriageError, match="not finite"):
        embed_cases(cases, backbone, memory())


def test_images_for_fine_tuning_pool_to_the_same_embeddings(
    cases: list[Case], backbone: Backbone
) -> None:
    expected, _ = embed_cases(cases, backbone, memory())
    inputs, opened = open_images(cases, backbone.preprocessing)
    assert opened.cases == cases
    assert inputs.counts.tolist() == COUNTS
    pixels, owner, n = inputs.batch(torch.arange(len(cases)), None)
    with torch.inference_mode():
        found = pool_by_case(backbone.eval()(pixels), owner, n)
    assert np.allclose(found.numpy(), expected, atol=1e-5)


def test_fine_tuning_rejects_the_same_cases(cases: list[Case], backbone: Backbone) -> None:
    cases[0].images[1].write_bytes(b"")
    inputs, opened = open_images(cases, backbone.preprocessing)
    assert opened.cases == cases[1:]
    assert opened.rejected["c0"].reason is RejectReason.EMPTY
    assert len(inputs) == 3
    assert len(inputs.images) == sum(COUNTS[1:])


def test_without_a_corruption_the_key_is_the_hash_of_the_file(
    cases: list[Case], backbone: Backbone
) -> None:
    """Caches written before there were corruptions stay valid."""
    cache = memory()
    embed_cases(cases, backbone, cache)
    for case in cases:
        assert all(cache.get(hash_file(path)) is not None for path in case.images)


def test_a_corrupted_image_is_corrupted_after_it_is_resized(
    cases: list[Case], backbone: Backbone
) -> None:
    found, opened = embed_cases(cases, backbone, memory(), corruption=NOISE)
    assert opened.cases == cases
    for case, vector in zip(cases, found, strict=True):
        alone = []
        for path in case.images:
            picture = read_picture(path)
            frame = NOISE.apply(backbone.preprocessing.resize(picture.frames[0]), picture.sha256)
            with torch.inference_mode():
                pixels = backbone.preprocessing.normalise(torch.from_numpy(frame)[None])
                alone.append(backbone(pixels)[0].numpy())
        assert np.allclose(vector, np.mean(alone, axis=0), atol=1e-5)


def test_clean_and_corrupted_embeddings_share_a_cache_and_no_entry(
    cases: list[Case], backbone: Backbone, opened: list[Path], tmp_path: Path
) -> None:
    kinds = (None, NOISE, Corruption("gaussian_noise", 3), FAR)
    expected = [embed_cases(cases, backbone, memory(), corruption=kind)[0] for kind in kinds]
    opened.clear()
    for kind, alone in zip(kinds, expected, strict=True):
        cache = EmbeddingCache(tmp_path / "c", "d")
        found, _ = embed_cases(cases, backbone, cache, corruption=kind)
        assert np.allclose(found, alone, atol=1e-5)
    assert len(opened) == len(kinds) * sum(COUNTS)
    for kind, alone in zip(kinds, expected, strict=True):
        cache = EmbeddingCache(tmp_path / "c", "d")
        found, _ = embed_cases(cases, backbone, cache, corruption=kind)
        assert np.allclose(found, alone, atol=1e-5)
    assert len(opened) == len(kinds) * sum(COUNTS)
    assert all(not np.allclose(a, b, atol=1e-3) for a, b in itertools.combinations(expected, 2))


def test_quality_is_judged_before_the_corruption(backbone: Backbone, tmp_path: Path) -> None:
    black = np.zeros((40, 40, 3), np.uint8)
    cases = [draw_case(tmp_path, "good", noise(1)), draw_case(tmp_path, "poor", black)]
    for _ in range(2):
        _, opened = embed_cases(
            cases, backbone, EmbeddingCache(tmp_path / "c", "d"), corruption=FAR
        )
        assert opened.quality == {"poor": "The picture is black."}


def test_a_bad_image_rejects_its_case_also_when_corrupted(
    cases: list[Case], backbone: Backbone
) -> None:
    cases[2].images[1].write_text("no picture")
    _, opened = embed_cases(cases, backbone, memory(), corruption=NOISE)
    assert list(opened.rejected) == ["c2"]


def test_a_file_that_changes_underway_is_corrupted_as_its_new_content(
    cases: list[Case], backbone: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = memory()
    monkeypatch.setattr(module, "hash_file", lambda _: "stale")
    embed_cases(cases[1:2], backbone, cache, corruption=NOISE)
    assert cache.get(NOISE.key("stale")) is None
    assert cache.get(NOISE.key(read_picture(cases[1].images[0]).sha256)) is not None
