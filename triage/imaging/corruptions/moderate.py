"""Moderate corruptions of camera, light and compression: the subject remains recognisable.

Each function takes a frame, uint8 [H, W, 3], a strength in its own unit and a generator, and
returns a new frame of the same shape. Lengths are fractions of the shorter side, so that a severity
has the same effect at every input size.
"""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageFilter
from scipy.signal import fftconvolve

Frame = NDArray[np.uint8]
_DISPLAY_GAMMA = 2.2  # sRGB's curve, nearly


def gaussian_noise(frame: Frame, deviation: float, generator: np.random.Generator) -> Frame:
    """Add independent normal noise; deviation as a share of full scale."""
    # Four times as fast as scikit-image's random_noise, which works in float64.
    noise = generator.standard_normal(frame.shape, np.float32)
    return _to_bytes(frame + np.float32(255 * deviation) * noise)


def gaussian_blur(frame: Frame, deviation: float, generator: np.random.Generator) -> Frame:
    """Blur with a Gaussian; deviation as a share of the shorter side."""
    radius = deviation * min(frame.shape[:2])
    return np.array(Image.fromarray(frame).filter(ImageFilter.GaussianBlur(radius)))


def motion_blur(frame: Frame, length: float, generator: np.random.Generator) -> Frame:
    """Blur along a line in a random direction; length as a share of the shorter side."""
    length_px = length * min(frame.shape[:2])
    angle = generator.uniform(0, np.pi)
    reach = int(np.ceil(length_px / 2))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(np.float32)
    along = np.abs(x * np.cos(angle) + y * np.sin(angle))
    across = np.abs(y * np.cos(angle) - x * np.sin(angle))
    # A line one pixel wide, its ends and sides shaded by how much of a pixel they cover.
    line = np.clip((length_px + 1) / 2 - along, 0, 1) * np.clip(1 - across, 0, 1)
    kernel = (line / line.sum()).astype(np.float32)[:, :, None]
    mirrored = np.pad(frame, ((reach, reach), (reach, reach), (0, 0)), mode="symmetric")
    return _to_bytes(fftconvolve(mirrored.astype(np.float32), kernel, "valid", axes=(0, 1)))


def jpeg(frame: Frame, quality: float, generator: np.random.Generator) -> Frame:
    """Compress as JPEG (4:2:0) and decode; quality as the Independent JPEG Group counts it."""
    stream = io.BytesIO()
    Image.fromarray(frame).save(stream, "JPEG", quality=int(quality), subsampling="4:2:0")
    return np.array(Image.open(stream))


def brightness(frame: Frame, gain: float, generator: np.random.Generator) -> Frame:
    """Over- or underexpose at random: multiply values by exp(+gain) or exp(-gain)."""
    factor = float(np.exp(gain * generator.choice([-1, 1])))
    return np.array(ImageEnhance.Brightness(Image.fromarray(frame)).enhance(factor))


def contrast(frame: Frame, kept: float, generator: np.random.Generator) -> Frame:
    """Blend with the mean grey of the picture; the strength is the share of contrast kept."""
    return np.array(ImageEnhance.Contrast(Image.fromarray(frame)).enhance(kept))


def colour_cast(frame: Frame, strength: float, generator: np.random.Generator) -> Frame:
    """Light the scene with another illuminant, of a random hue.

    A von Kries model: one gain a channel, exp(strength * d) on linear light with d a random
    direction of unit length across the grey axis, so that greys take on a hue and their
    product of channels stays. A gain g of light is g ** (1 / 2.2) on the stored values.
    """
    direction = generator.standard_normal(3)
    direction -= direction.mean()
    direction /= np.linalg.norm(direction)
    gains = np.exp(strength * direction / _DISPLAY_GAMMA)
    table = _to_bytes(np.arange(256.0)[:, None] * gains)
    return np.stack([table[frame[..., c], c] for c in range(3)], axis=-1)


def low_resolution(frame: Frame, kept: float, generator: np.random.Generator) -> Frame:
    """Downsample to a share of each side, then upsample to the original size."""
    image = Image.fromarray(frame)
    small = (max(1, round(image.width * kept)), max(1, round(image.height * kept)))
    coarse = image.resize(small, Image.Resampling.BOX)
    return np.array(coarse.resize(image.size, Image.Resampling.BICUBIC))


def _to_bytes(values: NDArray[np.floating]) -> Frame:
    found: Frame = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return found
