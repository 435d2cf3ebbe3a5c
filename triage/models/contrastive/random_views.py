"""Random views of image tensors: crop, turn, flip, colours, blur; each image independently.

Random numbers are drawn on the CPU and used on the images' device, so that a GPU produces the same
views. After Chen et al. 2020, appendix A, without their greyscale, because colour is diagnostic
here. A lesion has no orientation, so quarter turns are added.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from triage.models.contrastive.settings import ViewSettings

_RATIO = math.log(4 / 3)
"""Crops are between 3:4 and 4:3."""
_YIQ = torch.tensor([[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]])
"""Brightness and the plane of colours (NTSC, 1953)."""
_STILL = 1e-3
"""A blur of so few pixels that it changes nothing."""


def random_views(images: Tensor, settings: ViewSettings, generator: torch.Generator) -> Tensor:
    """Return one random view of every image.

    Parameters
    ----------
    images : uint8 Tensor [B, S, S, 3]
    settings : ViewSettings
    generator : torch.Generator
        Of the processor; the source of all randomness.

    Returns
    -------
    float Tensor [B, 3, S, S] with values in [0, 1]
    """
    pixels = images.permute(0, 3, 1, 2).float() / 255
    cropped = crop_and_turn(pixels, settings.crop, generator)
    return blur(jitter(cropped, settings, generator), settings, generator).clamp(0, 1)


def crop_and_turn(pixels: Tensor, least_area: float, generator: torch.Generator) -> Tensor:
    """Crop each image at random, apply one of eight poses, resize it back; bilinear.

    Parameters
    ----------
    pixels : float Tensor [B, 3, S, S]
    least_area : float
        Of the crop, as a share of the picture.
    generator : torch.Generator
    """
    n = len(pixels)
    area = _uniform(n, least_area, 1, generator)
    # Where nothing is to be cropped, a ratio other than one would crop.
    ratio = torch.exp(_uniform(n, -_RATIO, _RATIO, generator) * (least_area < 1))
    size = torch.stack([(area * ratio).sqrt(), (area / ratio).sqrt()], 1).clamp(max=1)
    centre = (1 - size) * (2 * torch.rand(n, 2, generator=generator) - 1)
    pose = _poses()[torch.randint(0, 8, (n,), generator=generator)]
    # From a place in the view to one in the image, both between -1 and 1.
    affine = torch.cat([size[:, :, None] * pose, centre[:, :, None]], 2).to(pixels.device)
    grid = functional.affine_grid(affine, list(pixels.shape), align_corners=False)
    return functional.grid_sample(pixels, grid, padding_mode="border", align_corners=False)


def jitter(pixels: Tensor, settings: ViewSettings, generator: torch.Generator) -> Tensor:
    """Change saturation, hue, contrast and brightness of some images.

    Saturation and hue scale and turn the plane of colours of YIQ, which is one matrix an image.

    Parameters
    ----------
    pixels : float Tensor [B, 3, S, S]
    settings : ViewSettings
    generator : torch.Generator
    """
    n = len(pixels)
    changed = torch.rand(n, generator=generator) < settings.jitter_probability

    def drawn(reach: float) -> Tensor:
        return changed * _uniform(n, -reach, reach, generator)

    saturation, angle = 1 + drawn(settings.saturation), 2 * math.pi * drawn(settings.hue)
    cosine, sine = saturation * angle.cos(), saturation * angle.sin()
    turn = torch.eye(3).repeat(n, 1, 1)
    turn[:, 1:, 1:] = torch.stack([cosine, -sine, sine, cosine], 1).view(n, 2, 2)
    colours = (torch.linalg.inv(_YIQ) @ turn @ _YIQ).to(pixels.device)
    contrast, brightness = (
        (1 + drawn(reach)).view(n, 1, 1, 1).to(pixels.device)
        for reach in (settings.contrast, settings.brightness)
    )
    seen = torch.einsum("bij,bjhw->bihw", colours, pixels)
    mean = (seen.mean((2, 3)) @ _YIQ[0].to(pixels.device)).view(n, 1, 1, 1)
    return brightness * (mean + contrast * (seen - mean))


def blur(pixels: Tensor, settings: ViewSettings, generator: torch.Generator) -> Tensor:
    """Blur some images, each by a Gaussian of its own width.

    Parameters
    ----------
    pixels : float Tensor [B, 3, S, S]
    settings : ViewSettings
    generator : torch.Generator
    """
    n, widest = len(pixels), settings.blur * pixels.shape[-1]
    chosen = torch.rand(n, generator=generator) < settings.blur_probability
    sigma = torch.where(chosen, _uniform(n, 0, widest, generator), 0).clamp(min=_STILL)
    radius = math.ceil(3 * widest)
    taps = torch.arange(-radius, radius + 1)
    kernel = torch.exp(-0.5 * (taps / sigma[:, None]) ** 2)
    kernel = (kernel / kernel.sum(1, keepdim=True)).to(pixels.device)
    for axis in (2, 3):
        edges = (0, 0, radius, radius) if axis == 2 else (radius, radius, 0, 0)
        wide = functional.pad(pixels, edges, mode="replicate")
        pixels = sum(
            (
                weight.view(n, 1, 1, 1) * wide.narrow(axis, place, pixels.shape[axis])
                for place, weight in enumerate(kernel.unbind(1))
            ),
            torch.zeros_like(pixels),
        )
    return pixels


def _uniform(n: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    return low + (high - low) * torch.rand(n, generator=generator)


def _poses() -> Tensor:
    """The eight symmetries of a square, float [8, 2, 2]."""
    quarter = torch.tensor([[0.0, -1.0], [1.0, 0.0]])
    turns = [torch.linalg.matrix_power(quarter, number) for number in range(4)]
    return torch.stack([pose for turn in turns for pose in (turn, turn @ torch.diag(_MIRROR))])


_MIRROR = torch.tensor([-1.0, 1.0])
