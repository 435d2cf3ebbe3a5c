"""Images in the cache of embeddings (`triage.models.embedding_cache`), found by their content."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np

from triage.array_file import load_arrays, save_arrays
from triage.hashing import hash_json


def cached_images(folder: Path | None, hashes: Collection[str | None]) -> int:
    """Return how many embeddings of images with these hashes are in a cache."""
    return sum(len(set(header["keys"]) & set(hashes)) for _, _, header in _shards(folder, hashes))


def forget_images(folder: Path | None, hashes: Collection[str | None]) -> int:
    """Remove the embeddings of images with these hashes; return how many there were.

    A shard is written again without them before the old one is removed.

    Raises
    ------
    UsageError
        If the cache cannot be written to.
    """
    gone = 0
    for path, arrays, header in list(_shards(folder, hashes)):
        keep = np.array([key not in hashes for key in header["keys"]], dtype=bool)
        gone += int((~keep).sum())
        kept = [key for key, stays in zip(header["keys"], keep, strict=True) if stays]
        if kept:
            rest = {
                name: [one for one, stays in zip(values, keep, strict=True) if stays]
                for name, values in header.items()
            }
            new = path.with_name(f"{hash_json(kept)[:32]}.safetensors")
            save_arrays(new, {name: array[keep] for name, array in arrays.items()}, rest)
        path.unlink(missing_ok=True)
    return gone


def _shards(
    folder: Path | None, hashes: Collection[str | None]
) -> Iterator[tuple[Path, dict[str, np.ndarray], dict[str, list[object]]]]:
    """Yield the shards that hold one of the hashes; a damaged one is never read by the cache."""
    if folder is None or not hashes:
        return
    for path in sorted(folder.glob("*/*.safetensors")):
        found = load_arrays(path)
        if found is None:
            continue
        arrays, header = found
        keys = header.get("keys")
        if isinstance(keys, list) and not set(hashes).isdisjoint(keys):
            yield path, arrays, header
