"""Statistics of a backbone's intermediate feature maps, which the Gram score reads.

For a map F [C, T] (T places, or tokens) the Gram matrix is F F^T [C, C]. Pacheco et al. 2020
(Gram-OOD*) keep its first power only, take the sum of each row, and scale the C sums of a layer
to [0, 1] by their minimum and maximum. That is how the authors' program computes it. Which
layers are looked at is ours: a few, evenly spaced, where they take every activation.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from triage.backbones.backbone import Backbone
from triage.backbones.stage_maps import stage_maps
from triage.errors import TrainingError
from triage.hashing import hash_json
from triage.imaging.views import Views

LAYERS = 4
_VERSION = "gram-1"


def gram_statistics(feature_map: Tensor) -> Tensor:
    """Return the row sums of the Gram matrix, scaled to [0, 1] in each image.

    Parameters
    ----------
    feature_map : float tensor [B, C, H, W], or tokens [B, T, C]

    Returns
    -------
    float tensor [B, C]
        Zeros where all row sums of an image are equal.
    """
    flat = feature_map.flatten(2) if feature_map.ndim == 4 else feature_map.transpose(1, 2)
    # The sum over the columns of F F^T is F (F^T 1): the matrix itself is not needed.
    sums = torch.einsum("bct,bt->bc", flat, flat.sum(1))
    low, high = sums.amin(1, keepdim=True), sums.amax(1, keepdim=True)
    return (sums - low) / (high - low).clamp_min(torch.finfo(sums.dtype).tiny)


class MapStatistics(Backbone):
    """A backbone that gives the statistics of some of its layers instead of its embedding.

    It shares the weights and the name of the backbone it is made from, and its preprocessing but
    for further views, so whatever embeds cases and keeps embeddings serves it too.

    Parameters
    ----------
    backbone : Backbone
    layers : int
        How many layers are looked at, evenly spaced over the depth and the last among them;
        all where the network has fewer.

    Attributes
    ----------
    widths : tuple of int
        Number of statistics P of each layer.

    Raises
    ------
    TrainingError
        If the network shows no feature maps or reads no pictures, or fewer than one layer is
        asked for.
    """

    def __init__(self, backbone: Backbone, layers: int = LAYERS) -> None:
        if layers < 1:
            raise TrainingError("at least one layer of feature maps is needed")
        # However the embedding is made, the maps are the same, and kept under the same digest.
        plain = backbone.with_stages(1)
        side = plain.pictures.size
        super().__init__(
            plain.network,
            reference=plain.reference,
            width=0,
            preprocessing=replace(plain.pictures, views=Views.WHOLE),
            architecture=plain.architecture,
        )
        self.layers = layers
        self.eval()
        with torch.inference_mode():
            found = self._layers(torch.zeros(1, 3, side, side))
        if not found:
            raise TrainingError("the backbone shows no feature maps", where=self.reference)
        self.widths = tuple(layer.shape[1] for layer in found)
        self.width = sum(self.widths)

    def forward(self, pixels: Tensor) -> Tensor:
        """Map normalised float [B, 3, S, S] to the statistics of all layers, [B, width]."""
        return torch.cat(self._layers(pixels), dim=1)

    def digest(self) -> str:
        """Hash of the backbone, and of what is computed from its maps."""
        return hash_json([super().digest(), _VERSION, self.layers])

    def split(self, statistics: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
        """Split [N, width] into one array [N, P] a layer."""
        return tuple(np.split(statistics, np.cumsum(self.widths)[:-1], axis=1))

    def _layers(self, pixels: Tensor) -> list[Tensor]:
        _, maps = stage_maps(self.network, pixels)
        places = np.linspace(0, len(maps), min(self.layers, len(maps)) + 1)[1:].round() - 1
        return [gram_statistics(maps[int(place)]) for place in places]
