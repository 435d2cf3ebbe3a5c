"""Embeddings on disk, by what they were made from: image hash, backbone hash, preprocessing.

One folder per backbone digest (which covers its preprocessing); one safetensors shard per
flushed batch. Shards are written whole or not at all, so a killed run keeps what it had.
Names are hashes only: nothing of a patient is in them.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from triage.hashing import hash_json

FLUSH = 1024


class EmbeddingCache:
    """Vectors of images, and the quality problem seen in each, by the SHA-256 of the file.

    Parameters
    ----------
    folder : Path or None
        Where shards are kept; None keeps them in memory only.
    digest : str
        Digest of the backbone with its preprocessing.
    """

    def __init__(self, folder: Path | None, digest: str) -> None:
        self.folder = folder / digest[:32] if folder else None
        self._known: dict[str, tuple[NDArray[np.float32], str]] = {}
        self._fresh: list[str] = []
        if self.folder and self.folder.is_dir():
            for shard in sorted(self.folder.glob("*.safetensors")):
                self._read(shard)

    def get(self, image_hash: str) -> tuple[NDArray[np.float32], str] | None:
        """Return (vector [D], quality problem or '') of an image, None if unknown."""
        return self._known.get(image_hash)

    def put(self, image_hash: str, vector: NDArray[np.float32], problem: str) -> None:
        """Remember an image; written to disk at the next flush."""
        self._known[image_hash] = (vector, problem)
        self._fresh.append(image_hash)
        if len(self._fresh) >= FLUSH:
            self.flush()

    def flush(self) -> None:
        """Write what is not on disk yet as one shard."""
        if not self._fresh or self.folder is None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        vectors = np.stack([self._known[key][0] for key in self._fresh])
        header = {
            "keys": json.dumps(self._fresh),
            "problems": json.dumps([self._known[key][1] for key in self._fresh]),
        }
        target = self.folder / f"{hash_json(self._fresh)[:32]}.safetensors"
        partial = target.with_suffix(".partial")
        save_file({"vectors": vectors}, partial, metadata=header)
        partial.replace(target)
        self._fresh = []

    def _read(self, shard: Path) -> None:
        try:
            with safe_open(shard, framework="np") as file:
                header = file.metadata()
                vectors = file.get_tensor("vectors")
            keys, problems = json.loads(header["keys"]), json.loads(header["problems"])
        except (SafetensorError, KeyError, TypeError, ValueError):
            shard.unlink(missing_ok=True)  # a damaged shard is computed again
            return
        self._known |= {
            key: (vector, problem)
            for key, vector, problem in zip(keys, vectors, problems, strict=True)
        }
