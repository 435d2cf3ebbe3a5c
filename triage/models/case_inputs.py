"""Training inputs of cases: embeddings or images behind one interface."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor

from triage.backbones.preprocessing import Preprocessing
from triage.models.augmentation import augment


class CaseInputs(Protocol):
    """Inputs of N cases."""

    def __len__(self) -> int: ...

    def batch(self, index: Tensor, generator: torch.Generator | None) -> Any:
        """Return the network's input for some cases; augmented if a generator is given."""
        ...


class EmbeddingInputs:
    """Pooled embeddings of cases.

    Parameters
    ----------
    embeddings : float32 Tensor [N, D], or [N, V, D] of V views

    Attributes
    ----------
    embeddings : float32 Tensor [N, D]
        Mean over the views.
    """

    def __init__(self, embeddings: Tensor) -> None:
        self._views = embeddings if embeddings.ndim == 3 else embeddings[:, None]
        self.embeddings = self._views.mean(1)

    def __len__(self) -> int:
        return len(self.embeddings)

    def batch(self, index: Tensor, generator: torch.Generator | None) -> Tensor:
        """Return embeddings [B, D]: the mean of the views, or with a generator one at random."""
        n_views = self._views.shape[1]
        if generator is None or n_views == 1:
            return self.embeddings[index]
        return self._views[index, torch.randint(n_views, index.shape, generator=generator)]


class ImageInputs:
    """Decoded images of cases, resized to the network's input and kept as uint8.

    Parameters
    ----------
    images : uint8 Tensor [I, S, S, 3]
        All images, those of one case end to end.
    counts : int Tensor [N]
        Images of each case; sums to I.
    preprocessing : Preprocessing
    """

    def __init__(self, images: Tensor, counts: Tensor, preprocessing: Preprocessing) -> None:
        self.images = images
        self.counts = counts
        self.preprocessing = preprocessing
        self._start = torch.cumsum(counts, 0) - counts

    def __len__(self) -> int:
        return len(self.counts)

    def batch(self, index: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor, int]:
        """Return pixels float [J, 3, S, S], owner int [J] and the number of cases."""
        counts = self.counts[index]
        owner = torch.repeat_interleave(torch.arange(len(index)), counts)
        within = torch.arange(len(owner)) - torch.repeat_interleave(
            torch.cumsum(counts, 0) - counts, counts
        )
        chosen = self.images[torch.repeat_interleave(self._start[index], counts) + within]
        pixels = self.preprocessing.normalise(chosen)
        if generator is not None:
            pixels = augment(pixels, generator)
        return pixels, owner, len(index)
