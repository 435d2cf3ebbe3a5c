"""What a cache keeps of images, found by their content.

Embeddings are in shards of many images (`triage.models.embedding_cache`), tissue maps of a volume
in a folder of its own, named by the volume's SHA-256 (`triage.systems.oct.tissue_cache`).
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np

from triage.array_file import load_arrays, save_arrays
from triage.cache_folder import TISSUE_MAPS
from triage.errors import UsageError
from triage.hashing import hash_json

_HASH = re.compile("[0-9a-f]{64}")


def cached_images(folder: Path | None, hashes: Collection[str | None]) -> int:
    """Return how many embeddings and sets of tissue maps of these images are in a cache."""
    shards = _shards(folder, hashes)
    vectors = sum(len(set(header["keys"]) & set(hashes)) for _, _, header in shards)
    return vectors + sum(len(_files(place)) for place in _maps(folder, hashes))


def forget_images(folder: Path | None, hashes: Collection[str | None]) -> int:
    """Remove the embeddings and tissue maps of these images; return how many there were.

    A shard is written again without them before the old one is removed.

    Raises
    ------
    UsageError
        If the cache cannot be written to.
    """
    gone = sum(_remove_maps(place) for place in list(_maps(folder, hashes)))
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


def _maps(folder: Path | None, hashes: Collection[str | None]) -> Iterator[Path]:
    """Yield the folders of tissue maps of volumes with these hashes."""
    if folder is None:
        return
    for name in sorted({name for name in hashes if name and _HASH.fullmatch(name)}):
        place = folder / TISSUE_MAPS / name
        if place.is_dir() and not place.is_symlink():
            yield place


def _files(place: Path) -> list[Path]:
    return [path for path in place.iterdir() if not path.name.startswith(".")]


def _remove_maps(place: Path) -> int:
    """Remove the folder of a volume's maps, with whatever a killed run left in it."""
    found = len(_files(place))
    try:
        shutil.rmtree(place)
    except OSError as error:
        raise UsageError(
            f"tissue maps in the cache cannot be removed ({error.strerror}); nothing was stored",
            hint="Make the cache writable, and run the same command again.",
        ) from error
    return found


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
