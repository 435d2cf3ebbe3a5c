"""The feature maps between the stages of a network, and what an embedding takes of them."""

from __future__ import annotations

import math
from typing import Protocol, runtime_checkable

from torch import Tensor, nn

# Stages of MONAI's ResNets and DenseNets; a layer of one is looked at by its output.
_STAGES = (
    ("layer1", "layer2", "layer3", "layer4"),
    tuple(f"features.denseblock{number}" for number in range(1, 5)),
)


@runtime_checkable
class ShowsMaps(Protocol):
    """A network that can tell what lies between its layers."""

    def with_maps(self, pixels: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return the embedding [B, D], and the maps in the order of the layers."""
        ...


def stage_maps(network: nn.Module, pixels: Tensor) -> tuple[Tensor, list[Tensor]]:
    """Run a network once, and keep what lies between its layers.

    Parameters
    ----------
    network : Module
        Of a `Backbone`: a transformers model reduced to its pooled output, or one of MONAI's.
    pixels : float Tensor [B, 3, S, S]
        Normalised.

    Returns
    -------
    embedding : float Tensor [B, D]
    maps : list of float Tensor [B, C, H, W], or tokens [B, T, C]
        In the order of the layers; empty of a network that shows none.
    """
    if isinstance(network, ShowsMaps):
        return network.with_maps(pixels)
    modules = dict(network.named_modules())
    stages = next((names for names in _STAGES if {*names} <= {*modules}), ())
    found: list[Tensor] = []

    def keep(_module: nn.Module, _given: object, output: Tensor) -> None:
        found.append(output)

    hooks = [modules[name].register_forward_hook(keep) for name in stages]
    try:
        embedding = network(pixels).flatten(1)
    finally:
        for hook in hooks:
            hook.remove()
    return embedding, found


def stage_before(maps: list[Tensor]) -> Tensor | None:
    """Return the mean over places of the last map of the stage before the last, [B, C].

    A stage ends where the map becomes coarser. Tokens keep their number: of them, and of networks
    that are of one resolution, the layer at two thirds of the depth is taken.

    Parameters
    ----------
    maps : list of float Tensor [B, C, H, W], or tokens [B, T, C]

    Returns
    -------
    float Tensor [B, C], or None where there are fewer than two maps
    """
    if len(maps) < 2:
        return None
    places = [_places(each) for each in maps]
    finer = [each for each, count in zip(maps, places, strict=True) if count > places[-1]]
    chosen = finer[-1] if finer else maps[2 * (len(maps) - 1) // 3]
    return chosen.mean((2, 3)) if chosen.ndim == 4 else chosen.mean(1)


def _places(feature_map: Tensor) -> int:
    return math.prod(feature_map.shape[2:]) if feature_map.ndim == 4 else 0
