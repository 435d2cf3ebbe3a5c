"""Augment batches of normalised images on tensors: turns, flips, zoom, shift, colour."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

ZOOM = (0.8, 1.25)
SHIFT = 0.1
JITTER = 0.2


def augment(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Return a randomly changed copy of a batch, each image on its own.

    A lesion has no up or down, so any turn and either flip is allowed; colours change
    little, since colour is evidence.

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

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(n, *shape, generator=generator)

    angle, flip = uniform(0.0, 2 * math.pi), torch.sign(uniform(-1.0, 1.0))
    zoom = torch.exp(uniform(math.log(ZOOM[0]), math.log(ZOOM[1])))
    cos, sin = torch.cos(angle) * zoom, torch.sin(angle) * zoom
    rows = (
        torch.stack([cos * flip, -sin, uniform(-SHIFT, SHIFT)], 1),
        torch.stack([sin * flip, cos, uniform(-SHIFT, SHIFT)], 1),
    )
    grid = functional.affine_grid(torch.stack(rows, 1), list(pixels.shape), align_corners=False)
    moved = functional.grid_sample(
        pixels, grid, mode="bilinear", padding_mode="reflection", align_corners=False
    )
    gain = uniform(1 - JITTER, 1 + JITTER, 1, 1, 1)
    offset = uniform(-JITTER, JITTER, 1, 1, 1) + uniform(-JITTER / 4, JITTER / 4, 3, 1, 1)
    return (moved * gain + offset).contiguous(memory_format=torch.channels_last)
