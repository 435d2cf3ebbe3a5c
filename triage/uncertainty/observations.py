"""What is known of N cases: everything a score may need, each part None where it is not at hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from triage.errors import UsageError
from triage.predictions import Predictions
from triage.uncertainty.member_head import MemberHead


@dataclass(frozen=True)
class ImageText:
    """Images and sentences in the common space of an image-text model.

    Parameters
    ----------
    images : float array [N, E]
        One L2-normalised vector a case.
    known, unknown : float array [K, E], [U, E]
        L2-normalised vectors of the sentences that describe the inlier conditions, and of
        those that describe what is out (U may be 0).
    scale : float
        The model's factor on cosines (its inverse temperature).
    """

    images: NDArray[np.floating]
    known: NDArray[np.floating]
    unknown: NDArray[np.floating]
    scale: float


@dataclass(frozen=True)
class Observations:
    """N cases as an ensemble of M members on B backbones saw them.

    Arrays may be memory-mapped: scores read them in slices of rows.

    Parameters
    ----------
    n_inliers : int
        How many leading classes are inlier conditions, K.
    probabilities : float array [N, M, C], optional
        Members' softmax over all their classes.
    embedding : float array [N, D], optional
        Embeddings of all backbones side by side.
    blocks : tuple of slice
        The columns of each backbone; all columns are one block by default.
    heads : tuple of MemberHead
        The members' heads, which turn the embedding into features and logits.
    maps : tuple of float array [N, P], optional
        Statistics of feature maps, one array a layer (`triage.backbones.feature_maps`).
    image_text : ImageText, optional

    Raises
    ------
    UsageError
        If the parts are of different numbers of cases, or there are none.
    """

    n_inliers: int
    probabilities: NDArray[np.floating] | None = None
    embedding: NDArray[np.floating] | None = None
    blocks: tuple[slice, ...] = ()
    heads: tuple[MemberHead, ...] = ()
    maps: tuple[NDArray[np.floating], ...] | None = None
    image_text: ImageText | None = None

    def __post_init__(self) -> None:
        """Check that all parts speak of the same cases."""
        counts = {len(array) for array in self._arrays()}
        if len(counts) != 1:
            raise UsageError(f"the parts are of {sorted(counts)} cases: one number is needed")
        if self.embedding is not None and not self.blocks:
            object.__setattr__(self, "blocks", (slice(0, self.embedding.shape[1]),))

    @classmethod
    def of_predictions(cls, predictions: Predictions) -> Observations:
        """Probabilities and embeddings of a stored table; no network is needed."""
        return cls(
            n_inliers=predictions.n_inliers,
            probabilities=predictions.probabilities,
            embedding=predictions.embedding,
        )

    def __len__(self) -> int:
        return len(next(self._arrays()))

    def rows(self, where: slice | NDArray[np.integer] | NDArray[np.bool_]) -> Observations:
        """Return some of the cases."""
        text = self.image_text
        return replace(
            self,
            probabilities=None if self.probabilities is None else self.probabilities[where],
            embedding=None if self.embedding is None else self.embedding[where],
            maps=None if self.maps is None else tuple(layer[where] for layer in self.maps),
            image_text=None if text is None else replace(text, images=text.images[where]),
        )

    def chunks(self, size: int) -> Iterator[Observations]:
        """Yield all cases in order, at most `size` at a time."""
        for start in range(0, len(self), size):
            yield self.rows(slice(start, start + size))

    def _arrays(self) -> Iterator[NDArray[np.floating]]:
        if self.probabilities is not None:
            yield self.probabilities
        if self.embedding is not None:
            yield self.embedding
        yield from self.maps or ()
        if self.image_text is not None:
            yield self.image_text.images
