"""Cache of embeddings on disk, keyed by image hash, backbone hash and preprocessing.

One folder per backbone digest (which covers its preprocessing); one safetensors shard per flush.
Shards are written atomically, so a killed run keeps its finished shards; a damaged one is computed
again. Names are hashes only: they contain nothing of a patient.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from triage.hashing import hash_json
from triage.models.tensor_file import load_tensors, save_tensors

FLUSH = 1024


class KeptImage(NamedTuple):
    """Cached values of an image.

    Parameters
    ----------
    vector : float32 array [D] or [V, D]
    problem : str
        Why it is unusable, in a sentence; '' where it is usable.
    flags : tuple of str
        `PictureFlag` values; none of images kept by releases that did not know them.
    """

    vector: NDArray[np.float32]
    problem: str
    flags: tuple[str, ...] = ()


class EmbeddingCache:
    """Vectors and quality problems of images, by the SHA-256 of the file.

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
        self._known: dict[str, KeptImage] = {}
        self._fresh: list[str] = []
        if self.folder and self.folder.is_dir():
            for shard in sorted(self.folder.glob("*.safetensors")):
                self._read(shard)

    def get(self, image_hash: str) -> KeptImage | None:
        """Return the cached values of an image, None if it is unknown."""
        return self._known.get(image_hash)

    def put(
        self,
        image_hash: str,
        vector: NDArray[np.float32],
        problem: str,
        flags: tuple[str, ...] = (),
    ) -> None:
        """Add an image; it is written to disk by the next flush."""
        self._known[image_hash] = KeptImage(vector, problem, flags)
        self._fresh.append(image_hash)
        if len(self._fresh) >= FLUSH:
            self.flush()

    def flush(self) -> None:
        """Write the entries that are not on disk yet as one shard."""
        if not self._fresh or self.folder is None:
            return
        kept = [self._known[key] for key in self._fresh]
        header = {
            "keys": self._fresh,
            "problems": [image.problem for image in kept],
            "flags": [list(image.flags) for image in kept],
        }
        save_tensors(
            self.folder / f"{hash_json(self._fresh)[:32]}.safetensors",
            {"vectors": torch.from_numpy(np.stack([image.vector for image in kept]))},
            header,
        )
        self._fresh = []

    def _read(self, shard: Path) -> None:
        found = load_tensors(shard)
        if found is None:
            return  # flushed again under the same name, or never read
        tensors, header = found
        vectors = tensors["vectors"].numpy()
        keys = header["keys"]
        flags = header.get("flags", [()] * len(keys))
        self._known |= {
            key: KeptImage(vector, problem, tuple(found))
            for key, vector, problem, found in zip(
                keys, vectors, header["problems"], flags, strict=True
            )
        }
