"""Augmentation of batches of normalised image tensors: quarter turns, flips, colour.

A lesion has no orientation, so every quarter turn and flip is allowed, and neither resamples a
pixel. Colours change little, because they are diagnostic.
"""

from __future__ import annotations

import torch
from torch import Tensor

GAIN = 0.2
OFFSET = 0.2
TINT = 0.05


def augment(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Return a randomly changed copy of a batch; each image is changed independently.

    Parameters
    ----------
    pixels : float Tensor [B, 3, S, S]
        Normalised images.
    generator : torch.Generator
        Source of all randomness.

    Returns
    -------
    float Tensor [B, 3, S, S], channels last in memory
    """
    n = len(pixels)

    def uniform(reach: float, *shape: int) -> Tensor:
        return reach * (2 * torch.rand(n, *shape, generator=generator) - 1)

    changed = torch.empty_like(pixels)
    pose = torch.randint(0, 8, (n,), generator=generator)
    for turns in range(4):
        for flipped in (False, True):
            rows = pose == 2 * turns + flipped
            turned = torch.rot90(pixels[rows], turns, (2, 3))
            changed[rows] = turned.flip(3) if flipped else turned
    gain = 1 + uniform(GAIN, 1, 1, 1)
    offset = uniform(OFFSET, 1, 1, 1) + uniform(TINT, 3, 1, 1)
    return (changed * gain + offset).contiguous(memory_format=torch.channels_last)
