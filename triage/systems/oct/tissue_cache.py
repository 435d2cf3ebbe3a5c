"""Cache of tissue maps on disk: networks that did not change map the same volume once.

One folder per volume, named by its SHA-256, and in it one file per set of networks; names are
hashes only. Maps are compressed: they are large and even. A damaged file is computed again.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import nn

from triage.array_file import load_arrays, save_arrays
from triage.cache_folder import TISSUE_MAPS
from triage.hashing import hash_bytes, hash_json
from triage.models.oct.settings import OctSettings
from triage.models.training import resolved
from triage.systems.oct.networks import hypotheses_of, weights_digest
from triage.systems.oct.opening import OpenVolume

_FORMAT = "tissue-maps-1"
"""To be raised when volumes are mapped in another way."""


class TissueCache:
    """Maps of volumes by fixed segmentation networks.

    Parameters
    ----------
    folder : Path or None
        The cache; None keeps nothing.
    segmenters : sequence of Module
        In evaluation mode; must not change while the cache is in use.
    settings : OctSettings
    """

    def __init__(
        self, folder: Path | None, segmenters: Sequence[nn.Module], settings: OctSettings
    ) -> None:
        self.folder = None if folder is None else folder / TISSUE_MAPS
        self.segmenters = list(segmenters)
        self.settings = settings
        self.digests = [weights_digest(network) for network in self.segmenters]
        self.computed = 0
        """How many volumes the networks mapped, rather than the cache."""

    def hypotheses(self, volume: OpenVolume) -> NDArray[np.uint8]:
        """Tissue of a volume by each instance, uint8 [M, S, H, W], as `hypotheses_of` returns it.

        Raises
        ------
        UsageError
            If the cache cannot be written to.
        """
        shape = (len(self.segmenters), *volume.bscans.shape)
        path = self._path(volume)
        kept = None if path is None else _read(path, shape)
        if kept is not None:
            return kept
        self.computed += 1
        found = hypotheses_of(self.segmenters, volume.bscans, self.settings)
        if path is not None:
            packed = np.frombuffer(zlib.compress(found.tobytes()), np.uint8)
            save_arrays(path, {"packed": packed}, {"shape": list(shape)})
        return found

    def _path(self, volume: OpenVolume) -> Path | None:
        """File of a volume's maps, named by everything that decides them."""
        if self.folder is None:
            return None
        decided = [
            _FORMAT,
            hash_bytes(volume.bscans.tobytes()),
            self.digests,
            self.settings.segmentation.context,
            resolved(self.settings.precision),
        ]
        return self.folder / volume.sha256 / f"{hash_json(decided)[:32]}.safetensors"


def _read(path: Path, shape: tuple[int, ...]) -> NDArray[np.uint8] | None:
    """Maps of a file; None where there is none, or it is damaged or of another shape."""
    found = load_arrays(path)
    packed = None if found is None else found[0].get("packed")
    if packed is None or found is None or found[1].get("shape") != list(shape):
        return None
    size = int(np.prod(shape))
    try:
        plain = zlib.decompressobj().decompress(packed.tobytes(), size)
    except zlib.error:
        return None
    return np.frombuffer(plain, np.uint8).reshape(shape).copy() if len(plain) == size else None
