from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import triage.models.embedding_cache as module
from triage.models.embedding_cache import EmbeddingCache


def vector(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=4).astype(np.float32)


def shards(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.safetensors"))


def test_it_remembers_between_runs(tmp_path: Path) -> None:
    cache = EmbeddingCache(tmp_path, "d" * 64)
    cache.put("one", vector(1), "")
    cache.put("two", vector(2), "The picture is black.")
    cache.flush()
    again = EmbeddingCache(tmp_path, "d" * 64)
    found = again.get("two")
    assert found is not None
    assert np.array_equal(found[0], vector(2))
    assert found[1] == "The picture is black."
    assert again.get("three") is None


def test_backbones_do_not_share(tmp_path: Path) -> None:
    cache = EmbeddingCache(tmp_path, "d" * 64)
    cache.put("one", vector(1), "")
    cache.flush()
    assert EmbeddingCache(tmp_path, "e" * 64).get("one") is None


def test_without_a_folder_it_is_memory_only() -> None:
    cache = EmbeddingCache(None, "d" * 64)
    cache.put("one", vector(1), "")
    cache.flush()
    assert cache.get("one") is not None


def test_it_flushes_on_its_own_and_only_what_is_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FLUSH", 2)
    cache = EmbeddingCache(tmp_path, "d" * 64)
    for seed in range(5):
        cache.put(str(seed), vector(seed), "")
    assert len(shards(tmp_path)) == 2  # a killed run keeps these
    cache.flush()
    cache.flush()
    assert len(shards(tmp_path)) == 3
    again = EmbeddingCache(tmp_path, "d" * 64)
    assert all(again.get(str(seed)) is not None for seed in range(5))


def test_a_damaged_shard_is_forgotten_and_the_others_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FLUSH", 1)
    cache = EmbeddingCache(tmp_path, "d" * 64)
    cache.put("one", vector(1), "")
    (first,) = shards(tmp_path)
    cache.put("two", vector(2), "")
    content = bytearray(first.read_bytes())
    content[-1] ^= 1  # a number, not the structure
    first.write_bytes(content)
    again = EmbeddingCache(tmp_path, "d" * 64)
    assert again.get("one") is None
    assert again.get("two") is not None
    again.put("one", vector(1), "")
    repaired = EmbeddingCache(tmp_path, "d" * 64).get("one")
    assert repaired is not None
    assert np.array_equal(repaired[0], vector(1))


def test_names_hold_nothing_but_hashes(tmp_path: Path) -> None:
    cache = EmbeddingCache(tmp_path, "d" * 64)
    cache.put("secret-patient", vector(1), "")
    cache.flush()
    assert not any("secret" in str(path) for path in tmp_path.rglob("*"))
