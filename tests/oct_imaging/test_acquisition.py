"""How a volume was taken, in numbers, at a bounded cost."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from scipy.ndimage import uniform_filter

from triage.oct_imaging import OctVolume, Spacing
from triage.oct_imaging.acquisition import QUANTILES, acquisition_features

from .samples import SPACING, retina


def volume(*shape: int) -> OctVolume:
    return OctVolume(retina(*shape), Spacing(*SPACING), "test", "")


def test_the_features_by_their_definition() -> None:
    bscans = retina(5, 60, 70)
    pixels = bscans.astype(np.float64) / 255
    mean = uniform_filter(pixels, (1, 5, 5))
    residual = pixels - mean
    contrast = np.sqrt(uniform_filter(residual**2, (1, 5, 5))) / np.maximum(mean, 1 / 255)
    dark = mean <= np.median(mean)
    power = (residual**2).mean()
    grain = [
        (np.delete(residual, np.s_[:lag], axis) * np.delete(residual, np.s_[-lag:], axis)).mean()
        / power
        for axis in (1, 2)
        for lag in (1, 2)
    ]
    expected = [
        *np.quantile(pixels, QUANTILES),
        np.median(contrast[dark]),
        np.median(contrast[~dark]),
        *grain,
        *np.log(SPACING),
    ]
    found = acquisition_features(OctVolume(bscans, Spacing(*SPACING), "test", ""))
    assert found == pytest.approx(expected, rel=1e-3, abs=1e-4)


def test_a_flat_volume_and_one_without_scale() -> None:
    flat = OctVolume(np.zeros((2, 1, 1), np.uint8), Spacing(), "test", "")
    assert not acquisition_features(flat).any()


def test_memory_does_not_grow_with_the_number_or_the_size_of_the_bscans() -> None:
    def peak(scan: OctVolume) -> int:
        tracemalloc.start()
        try:
            assert np.isfinite(acquisition_features(scan)).all()
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    twelve = peak(volume(12, 200, 200))
    assert peak(volume(120, 200, 200)) < 1.1 * twelve
    assert peak(volume(1, 3000, 3000)) < 100 * 2**20
