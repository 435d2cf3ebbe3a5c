from itertools import pairwise

import numpy as np
import pytest

from tests.measurements.synthetic import flat, macula
from triage.measurements.signal import GradingLimits, bscan_signal, ungradable
from triage.vocabulary.tissues import Tissue

GOOD = np.full(10, 0.9, np.float32)


def speckled(retina, noise, seed=0, gain=1.0):
    """Paint B-scans of a macula with a bright retina over Rayleigh noise."""
    tissue, _ = macula("R", count=4)
    mean = np.where(tissue == Tissue.VITREOUS, noise, retina + noise)
    grey = np.random.default_rng(seed).rayleigh(mean / np.sqrt(np.pi / 2)) * gain
    return np.clip(grey, 0, 255).astype(np.uint8)


def test_signal_falls_with_contrast():
    levels = [bscan_signal(speckled(retina, 20)).mean() for retina in (120, 60, 30, 10, 0)]
    assert all(high > low for high, low in pairwise(levels))
    assert levels[0] > 0.55
    assert levels[-1] < 0.1


def test_signal_depends_little_on_gain():
    full, half = (bscan_signal(speckled(80, 15, gain=gain)).mean() for gain in (1, 0.5))
    assert full == pytest.approx(half, abs=0.2)


@pytest.mark.parametrize("noise", [0, 1, 5, 20, 60])
@pytest.mark.parametrize("shape", [(2, 128, 128), (2, 496, 512), (2, 40, 50)])
def test_noise_and_blank_have_no_signal(noise, shape):
    grey = np.clip(np.random.default_rng(0).normal(0, noise + 1e-9, shape), 0, 255)
    assert bscan_signal(grey.astype(np.uint8)).max() < 0.2


def test_a_scan_of_a_few_pixels_is_answered():
    assert (bscan_signal(np.full((2, 3, 1), 255, np.uint8)) == 0).all()


def test_a_blink_shows_in_its_bscan_only():
    bscans = speckled(100, 15)
    bscans[2] = np.random.default_rng(3).rayleigh(10, bscans[2].shape).astype(np.uint8)
    found = bscan_signal(bscans)
    assert found[2] < 0.1
    assert np.delete(found, 2).min() > 0.5


def test_a_shadow_does_not_lose_a_bscan():
    bscans = speckled(100, 15)
    bscans[:, :, 30:60] = 10
    assert bscan_signal(bscans).min() > 0.5


def test_a_good_scan_is_gradable():
    assert ungradable(GOOD, flat(10)) == ""


def test_too_little_signal():
    signal = GOOD.copy()
    signal[:5] = 0.1
    reported = ungradable(signal, flat(10))
    assert reported == "5 of 10 B-scans cannot be judged: 5 have too little signal."
    signal[0] = 0.9
    assert ungradable(signal, flat(10)) == ""


@pytest.mark.parametrize(
    ("value", "rows", "words"),
    [
        (Tissue.BLINK_ARTEFACT, slice(None), "lost to a blink"),
        (Tissue.CLIPPING_ARTEFACT, slice(0, 14), "are clipped"),
        (Tissue.MIRROR_ARTEFACT, slice(0, 9), "mirror artefact"),
        (Tissue.VITREOUS, slice(None), "show no retina"),
    ],
)
def test_each_artefact_by_name(value, rows, words):
    tissue = flat(10)
    tissue[2:8, rows] = value
    reported = ungradable(GOOD, tissue)
    assert reported.startswith("6 of 10 B-scans cannot be judged")
    assert words in reported
    tissue[4:8] = flat(4)
    assert ungradable(GOOD, tissue) == ""


def test_a_bscan_lost_twice_counts_once():
    tissue, signal = flat(10), GOOD.copy()
    tissue[:4] = Tissue.BLINK_ARTEFACT
    signal[:4] = 0.0
    assert ungradable(signal, tissue) == ""
    assert ungradable(signal, tissue, GradingLimits(lost_bscans=0.4)) != ""


def test_a_blank_wedge_clear_of_the_retina_is_no_loss():
    tissue = flat(10)
    tissue[:, :6] = Tissue.CLIPPING_ARTEFACT
    assert ungradable(GOOD, tissue) == ""
