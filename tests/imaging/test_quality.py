"""Quality measures against plain numpy; only the hopeless are named."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageFilter
from scipy.ndimage import laplace

from triage.imaging.quality import QualityLimits, assess_quality, quality_problem

from .samples import picture


def textured(side: int = 160) -> np.ndarray:
    rng = np.random.default_rng(5)
    coarse = Image.fromarray(rng.integers(30, 220, (20, 20, 3), np.uint8))
    return np.asarray(coarse.resize((side, side), Image.Resampling.BICUBIC))


def test_measures_match_their_definitions() -> None:
    frame = textured()
    luma = np.asarray(Image.fromarray(frame).convert("L")).astype(float)
    quality = assess_quality(frame)
    assert quality.brightness == pytest.approx(luma.mean() / 255)
    assert quality.contrast == pytest.approx(luma.std() / 255)
    assert quality.clipped == pytest.approx(np.mean((luma <= 2) | (luma >= 253)))
    assert quality.sharpness == pytest.approx(laplace(luma)[1:-1, 1:-1].var(), rel=1e-5)
    assert quality.short_side == 160
    assert quality_problem(quality) is None


def test_blur_lowers_sharpness_and_size_hardly_matters() -> None:
    sharp = assess_quality(textured()).sharpness
    blurred = Image.fromarray(textured()).filter(ImageFilter.GaussianBlur(4))
    assert assess_quality(np.asarray(blurred)).sharpness < sharp / 2
    assert assess_quality(textured(640)).sharpness == pytest.approx(sharp, rel=0.5)


@pytest.mark.parametrize(
    ("frame", "word"),
    [
        (np.zeros((64, 64, 3), np.uint8), "black"),
        (np.full((64, 64, 3), 255, np.uint8), "white"),
        (np.full((64, 64, 3), 120, np.uint8), "uniform"),
        (picture(31, 64), "31 px"),
    ],
)
def test_the_hopeless_are_named(frame: np.ndarray, word: str) -> None:
    problem = quality_problem(assess_quality(frame))
    assert problem is not None
    assert word in problem


def test_blur_counts_only_when_asked() -> None:
    quality = replace(assess_quality(textured()), sharpness=1.0)
    assert quality_problem(quality) is None
    problem = quality_problem(quality, QualityLimits(min_sharpness=2))
    assert problem is not None
    assert "blurred" in problem


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (2, 3)])
def test_tiny_frames_have_finite_measures(shape: tuple[int, int]) -> None:
    quality = assess_quality(np.full((*shape, 3), 9, np.uint8))
    assert quality.sharpness == 0
    assert quality.short_side == min(shape)


@pytest.mark.parametrize(
    "frame", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)]
)
def test_other_arrays_are_refused(frame: np.ndarray) -> None:
    with pytest.raises(ValueError, match="frame must be"):
        assess_quality(frame)
