"""Camera model: devices, blur, vignette, sensor noise and block compression."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct
from scipy.ndimage import gaussian_filter

from triage.phantoms.skin.fields import FloatMap, grid, smoothstep


@dataclass(frozen=True)
class Device:
    """One synthetic device.

    Parameters
    ----------
    name : str
    share : float
        Share of cases taken with it.
    gains : (float, float, float)
        Colour response, linear RGB.
    zoom : float
        Magnification relative to the others.
    blur : float
        Typical blur in pixels of a 128-pixel picture.
    noise : float
        Typical noise, standard deviation in 8-bit levels.
    coarseness : (float, float)
        Range of the compression's quantisation step, 8-bit levels.
    field_radius : float
        Radius of the round field of view in image widths; 1 and above shows all.
    """

    name: str
    share: float
    gains: tuple[float, float, float]
    zoom: float
    blur: float
    noise: float
    coarseness: tuple[float, float]
    field_radius: float


DEVICES: tuple[Device, ...] = (
    Device("phantom handset", 0.5, (1.04, 1.0, 0.95), 1.0, 0.55, 3.0, (3.0, 12.0), 1.0),
    Device("phantom compact", 0.3, (0.98, 1.0, 1.03), 1.0, 0.40, 1.8, (2.0, 6.0), 1.0),
    Device("phantom dermatoscope", 0.2, (1.0, 0.98, 1.02), 1.15, 0.45, 1.5, (2.0, 5.0), 0.52),
)


@dataclass(frozen=True)
class Exposure:
    """Capture flaws of one view.

    Parameters
    ----------
    blur : float
        Standard deviation in pixels of a 128-pixel picture.
    vignette : float
        Loss of light in the corners, 0 to 1.
    noise : float
        Standard deviation in 8-bit levels.
    coarseness : float
        Quantisation step of the compression, 8-bit levels.
    """

    blur: float
    vignette: float
    noise: float
    coarseness: float

    @classmethod
    def draw(cls, rng: np.random.Generator, device: Device) -> Exposure:
        """Draw the flaws of one picture taken with a device."""
        return cls(
            blur=float(device.blur * rng.lognormal(0, 0.5)),
            vignette=float(rng.beta(1.2, 5)),
            noise=float(device.noise * rng.lognormal(0, 0.35)),
            coarseness=float(rng.uniform(*device.coarseness)),
        )


def develop(scene: FloatMap, device: Device) -> FloatMap:
    """Return a lit scene (linear RGB) as 8-bit levels: colour response, tone curve.

    Returns
    -------
    ndarray, float32 [size, size, 3]
        0 to 255.
    """
    linear = np.clip(scene * np.asarray(device.gains, np.float32), 0, None)
    rolled = linear / (1 + 0.18 * linear**2)
    return np.asarray(255 * np.clip(rolled, 0, 1) ** np.float32(1 / 2.2), np.float32)


def degrade(
    levels: FloatMap, rng: np.random.Generator, device: Device, exposure: Exposure
) -> FloatMap:
    """Blur, darken the corners, add noise and compress, float32 [size, size, 3] of 8-bit levels."""
    size = levels.shape[0]
    sigma = exposure.blur * size / 128
    levels = gaussian_filter(levels, (sigma, sigma, 0), truncate=2.5)
    x, y = grid(size)
    radius = np.hypot(x, y)
    shade = 1 - exposure.vignette * (radius / np.float32(0.71)) ** 2.5
    if device.field_radius < 1:
        shade = shade * (1 - 0.94 * smoothstep((radius - device.field_radius) / 0.03 + 0.5))
    noise = rng.standard_normal(levels.shape, dtype=np.float32) * np.float32(exposure.noise)
    return _compress(levels * shade[..., None] + noise, exposure.coarseness)


_FREQUENCY = np.add.outer(np.arange(8), np.arange(8)).astype(np.float32)
_DCT: NDArray[np.float32] = dct(np.eye(8), axis=0, norm="ortho").astype(np.float32)


def _compress(levels: FloatMap, coarseness: float) -> FloatMap:
    """Quantise 8 x 8 blocks in the cosine domain, high frequencies more coarsely, as JPEG does."""
    height, width, channels = levels.shape
    steps = np.float32(coarseness) * (1 + np.float32(0.6) * _FREQUENCY)
    blocks = levels.reshape(height // 8, 8, width // 8, 8, channels).transpose(0, 2, 4, 1, 3)
    spectrum = np.rint((_DCT @ blocks @ _DCT.T) / steps) * steps
    restored = (_DCT.T @ spectrum @ _DCT).transpose(0, 3, 1, 4, 2)
    return np.asarray(restored.reshape(height, width, channels), np.float32)
