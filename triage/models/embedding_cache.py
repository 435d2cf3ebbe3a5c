"""Embeddings on disk, by what they were made from: image hash, backbone hash, preprocessing.

One folder per backbone digest (which covers its preprocessing); one safetensors shard per
flush. Shards are written whole or not at all, so a killed run keeps what it had; a damaged
one is computed again.
Names are hashes only: nothing of a patient is in them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from triage.hashing import hash_json
from triage.models.tensor_file import load_tensors, save_tensors

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
        self.digest = digest
        self.folder = folder / digest[:32] if folder else None
        self._known: dict[str, tuple[NDArray[np.float32], str]] = {}
        self._fresh: list[str] = []
        if self.folder and self.folder.is_dir():
            for shard in sorted(self.folder.glob("*.safetensors")):
                self._read(shard)

    def get(self, image_hash: str) -> tuple[NDArray[np.float32], str] | None:
        """Return (vector [D] or [V, D], quality problem or '') of an image, None if unknown."""
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
        vectors = np.stack([self._known[key][0] for key in self._fresh])
        problems = [self._known[key][1] for key in self._fresh]
        save_tensors(
            self.folder / f"{hash_json(self._fresh)[:32]}.safetensors",
            {"vectors": torch.from_numpy(vectors)},
            {"keys": self._fresh, "problems": problems},
        )
        self._fresh = []

    def _read(self, shard: Path) -> None:
        found = load_tensors(shard)
        if found is None:
            return  # flushed again under the same name, or never asked for
        tensors, header = found
        vectors = tensors["vectors"].numpy()
        self._known |= {
            key: (vector, problem)
            for key, vector, problem in zip(
                header["keys"], vectors, header["problems"], strict=True
            )
        }
