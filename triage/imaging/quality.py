"""Quality check of photographs; only clearly unusable pictures are reported."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field

WORKING_SIDE = 160  # px, longer side at which sharpness is measured
_STRIP = 2**20  # pixels converted at a time
_BLACK, _WHITE = 2, 253  # luma at or beyond which a pixel counts as clipped


@dataclass(frozen=True)
class Quality:
    """Quality measures of one frame.

    Parameters
    ----------
    sharpness : float
        Variance of the Laplacian of luma (0-255) with the longer side scaled
        to 160 px, so that pictures of all sizes compare. Pech-Pacheco et al.,
        "Diatom autofocusing in brightfield microscopy", ICPR 2000.
    brightness : float
        Mean luma, 0 to 1.
    contrast : float
        Standard deviation of luma, 0 to 0.5.
    clipped : float
        Fraction of pixels that are black or white to within 2 of 255.
    short_side : int
        Shorter side in pixels.
    """

    sharpness: float
    brightness: float
    contrast: float
    clipped: float
    short_side: int


class QualityLimits(BaseModel):
    """Limits beyond which a picture is reported as unusable; defaults of this project.

    Parameters
    ----------
    min_short_side : int
        Pixels.
    min_brightness, max_brightness : float
        Mean luma, 0 to 1.
    min_contrast : float
        Standard deviation of luma.
    min_sharpness : float
        Variance of the Laplacian; 0 switches the check off, because a
        blurred lesion may still be recognised.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    min_short_side: int = Field(default=32, ge=1)
    min_brightness: float = Field(default=0.02, ge=0, le=1)
    max_brightness: float = Field(default=0.98, ge=0, le=1)
    min_contrast: float = Field(default=0.01, ge=0)
    min_sharpness: float = Field(default=0.0, ge=0)


DEFAULT_QUALITY_LIMITS = QualityLimits()


def assess_quality(frame: NDArray[np.uint8]) -> Quality:
    """Measure the quality of one frame.

    Parameters
    ----------
    frame : uint8 array [H, W, 3]
        RGB.

    Returns
    -------
    Quality
        Luma is ITU-R BT.601 (0.299 R + 0.587 G + 0.114 B).

    Raises
    ------
    ValueError
        If the frame is not such an array.
    """
    if frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8 or 0 in frame.shape:
        raise ValueError(f"frame must be uint8 [H, W, 3], not {frame.dtype} {frame.shape}")
    luma, counts = _luma(frame)
    share = counts / (luma.width * luma.height)
    levels = np.arange(256) / 255
    mean = float(share @ levels)
    return Quality(
        sharpness=_sharpness(luma),
        brightness=mean,
        contrast=float(np.sqrt(share @ (levels - mean) ** 2)),
        clipped=float(share[: _BLACK + 1].sum() + share[_WHITE:].sum()),
        short_side=min(luma.size),
    )


def quality_problem(quality: Quality, limits: QualityLimits = DEFAULT_QUALITY_LIMITS) -> str | None:
    """Return the reason, in one sentence, why a picture is unusable; None if it is usable."""
    if quality.short_side < limits.min_short_side:
        return (
            f"The picture's shorter side is {quality.short_side} px; "
            f"at least {limits.min_short_side} px are needed."
        )
    if quality.brightness < limits.min_brightness:
        return "The picture is black."
    if quality.brightness > limits.max_brightness:
        return "The picture is white."
    if quality.contrast < limits.min_contrast:
        return "The picture is nearly uniform: nothing can be distinguished in it."
    if quality.sharpness < limits.min_sharpness:
        return "The picture is too blurred."
    return None


def _luma(frame: NDArray[np.uint8]) -> tuple[Image.Image, NDArray[np.float64]]:
    """Convert to luma in strips, as Pillow holds four bytes a pixel; and count its levels."""
    height, width = frame.shape[:2]
    luma = np.empty((height, width), np.uint8)
    counts = np.zeros(256)
    step = max(1, _STRIP // width)
    for start in range(0, height, step):
        rows = slice(start, start + step)
        part = Image.fromarray(np.ascontiguousarray(frame[rows])).convert("L")
        luma[rows] = np.asarray(part)
        counts += part.histogram()
    return Image.fromarray(luma), counts


def _sharpness(luma: Image.Image) -> float:
    """Variance of the 4-neighbour Laplacian at the working size."""
    scale = WORKING_SIDE / max(luma.size)
    if scale != 1:
        # At least 3 px a side, so that even a line of pixels has an inside.
        width, height = (max(3, round(side * scale)) for side in luma.size)
        luma = luma.resize((width, height), Image.Resampling.BILINEAR)
    y = np.asarray(luma, np.float32)
    if min(y.shape) < 3:
        y = np.pad(y, 1, mode="edge")
    inside = y[1:-1, 1:-1]
    laplacian = y[:-2, 1:-1] + y[2:, 1:-1] + y[1:-1, :-2] + y[1:-1, 2:] - 4 * inside
    return float(laplacian.var(dtype=np.float64))
