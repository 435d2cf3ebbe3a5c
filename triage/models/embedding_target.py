"""One backbone among those that embed the same cases: what it lacks, and what waits for it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from triage.backbones.backbone import Backbone
from triage.backbones.preprocessing import ImageReader, OpenedImage
from triage.errors import TriageError
from triage.models.embedding_cache import EmbeddingCache

BATCH = 64
"""Frames that are embedded in one call."""


class EmbeddingTarget:
    """A backbone with the caches that it fills.

    Parameters
    ----------
    backbone : Backbone
    cache : EmbeddingCache
        Of this backbone: the mean over the views of an image.
    by_view : EmbeddingCache, optional
        Asks for the embedding of every view; where those are kept, and found.
    """

    def __init__(
        self, backbone: Backbone, cache: EmbeddingCache, by_view: EmbeddingCache | None = None
    ) -> None:
        self.backbone = backbone
        self.cache = cache
        self.by_view = by_view
        self._waiting: dict[str, OpenedImage] = {}

    @property
    def reader(self) -> ImageReader:
        """How the backbone reads its files."""
        return self.backbone.preprocessing

    @property
    def kept(self) -> EmbeddingCache:
        """The cache that holds what is asked for."""
        return self.cache if self.by_view is None else self.by_view

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the embedding of an image: [D], or [V, D] by view."""
        if self.by_view is None:
            return (self.backbone.width,)
        return (self.reader.n_views, self.backbone.width)

    def knows(self, key: str) -> bool:
        """Whether an image is cached or waits to be embedded."""
        return key in self._waiting or self.kept.get(key) is not None

    def add(self, key: str, image: OpenedImage) -> None:
        """Take an image, unless it is known; those that wait are embedded once they suffice."""
        if self.knows(key):
            return
        self._waiting[key] = image
        if sum(len(image.frames) for image in self._waiting.values()) >= BATCH:
            self._embed()

    def finish(self, keys: Iterable[str]) -> None:
        """Embed what still waits and write the caches; `keys` are all images asked for."""
        self._embed()
        self.kept.flush()
        if self.by_view is None:
            return
        # The mean over the views as well, so that scoring opens no image again.
        for key in keys:
            known = self.by_view.get(key)
            if known is not None and self.cache.get(key) is None:
                self.cache.put(key, known.vector.mean(axis=0), known.problem, known.flags)
        self.cache.flush()

    def _embed(self) -> None:
        if not self._waiting:
            return
        backbone = self.backbone
        embed = backbone.embed if self.by_view is None else backbone.embed_views
        vectors: NDArray[np.float32] = embed(list(self._waiting.values()))
        if not np.isfinite(vectors).all():
            raise TriageError(
                "the backbone gives values that are not finite", where=backbone.reference
            )
        for (key, image), vector in zip(self._waiting.items(), vectors, strict=True):
            self.kept.put(key, vector, image.problem, image.flags)
        self._waiting.clear()
