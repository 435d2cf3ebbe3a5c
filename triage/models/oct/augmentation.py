"""Augmentation of B-scan tensors with their labels: pose, elastic deformation, tone, speckle.

Whole batches are processed at once: per-image transforms take several times the time of these small
networks.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

TURN = math.radians(4)
SHIFT = 0.06
STRETCH = 0.08
BEND = 0.015
TONE = 0.12
NOISE = 0.06


def augment_bscans(
    pixels: Tensor, labels: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Return randomly changed copies of B-scans and of their labels, each independently.

    Parameters
    ----------
    pixels : float Tensor [B, context, H, W]
        Values in [-1, 1]; neighbours move with the central B-scan.
    labels : int Tensor [B, H, W]
    generator : torch.Generator
        Source of all randomness.

    Returns
    -------
    pixels, labels : Tensor
        Deformed in the same way; pixels with another tone and noise.
    """
    count = len(pixels)

    def uniform(reach: float, *shape: int) -> Tensor:
        return reach * (2 * torch.rand(count, *shape, generator=generator) - 1)

    grid = _grid(count, pixels.shape[2:], uniform)
    moved = functional.grid_sample(pixels, grid, padding_mode="border", align_corners=False)
    carried = functional.grid_sample(
        labels[:, None].float(), grid, mode="nearest", padding_mode="border", align_corners=False
    )
    bright = ((moved + 1) / 2).clamp_min(1e-4) ** torch.exp(uniform(TONE, 1, 1, 1))
    gain, offset = 1 + uniform(TONE, 1, 1, 1), uniform(TONE / 2, 1, 1, 1)
    toned = (2 * bright - 1) * gain + offset
    strength = NOISE * torch.rand(count, 1, 1, 1, generator=generator)
    noise = torch.randn(moved.shape, generator=generator)
    return toned + strength * noise, carried[:, 0].long()


def _grid(count: int, shape: torch.Size, uniform: object) -> Tensor:
    """Sampling positions [B, H, W, 2]: flip, turn, stretch, shift, and a smooth bending."""
    draw = uniform
    assert callable(draw)
    turn = draw(TURN)
    flip = torch.where(draw(1.0) < 0, -1.0, 1.0)
    cosine, sine = torch.cos(turn), torch.sin(turn)
    across, down = 1 + draw(STRETCH), 1 + draw(STRETCH)
    theta = torch.stack(
        [
            torch.stack([flip * across * cosine, -sine, draw(SHIFT)], 1),
            torch.stack([flip * sine, down * cosine, draw(SHIFT)], 1),
        ],
        1,
    )
    plain = functional.affine_grid(theta, [count, 1, *shape], align_corners=False)
    coarse = draw(BEND, 2, 5, 5)
    bend = functional.interpolate(coarse, tuple(shape), mode="bicubic", align_corners=True)
    return plain + bend.permute(0, 2, 3, 1)
