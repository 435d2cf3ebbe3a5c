"""Noise statistics: known answers, and how near phantoms are to real volumes."""

from __future__ import annotations

import numpy as np
import pytest

from tests.phantoms.oct.make import planned
from tests.shared_data import SHARED
from triage.phantoms.oct import generate_volume
from triage.phantoms.oct.noise import noise_statistics

REAL = SHARED / "data" / "oct" / "volumes_npz"


def _slab(grain: int) -> np.ndarray:
    """A bright slab on a dark ground with relative noise of 0.1."""
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((3, 120, 400))
    if grain:
        noise = (noise + np.roll(noise, 1, axis=2)) / np.sqrt(2)
    level = np.full((3, 120, 400), 20.0)
    level[:, 60:90] = 150
    return (level * (1 + 0.1 * noise)).astype(np.uint8)


def test_known_speckle() -> None:
    found = noise_statistics(_slab(0))
    assert found["vitreous_mean"] == pytest.approx(19.5, abs=0.2)
    assert found["vitreous_contrast"] == pytest.approx(0.1, abs=0.01)
    # the window's own mean takes a ninth of the variance
    assert found["tissue_contrast"] == pytest.approx(0.1 * np.sqrt(8 / 9), abs=0.01)
    assert found["vitreous_lag_column"] == pytest.approx(0, abs=0.03)
    assert found["vitreous_lag_row"] == pytest.approx(0, abs=0.03)


def test_known_grain() -> None:
    found = noise_statistics(_slab(1))
    assert found["vitreous_lag_column"] == pytest.approx(0.5, abs=0.05)
    assert found["vitreous_lag_row"] == pytest.approx(0, abs=0.03)


def test_the_devices_differ() -> None:
    a, b = (
        noise_statistics(generate_volume(planned("healthy", 0, device)).bscans) for device in "AB"
    )
    assert b["vitreous_mean"] > a["vitreous_mean"] + 30
    assert b["quantile_25"] > a["quantile_25"] + 40
    assert a["tissue_lag_row"] > b["tissue_lag_row"] + 0.1


@pytest.mark.realdata
def test_device_a_is_near_a_real_volume() -> None:
    path = REAL / "healthy_subject2.npz"
    if not path.exists():
        pytest.skip("research data is not beside the checkout")
    real = noise_statistics(np.load(path)["volume"][::8])
    found = noise_statistics(generate_volume(planned("healthy"), (4, 496, 512)).bscans)
    for name, tolerance in {
        "vitreous_mean": 6,
        "vitreous_contrast": 0.25,
        "tissue_mean": 20,
        "tissue_contrast": 0.03,
        "vitreous_lag_row": 0.15,
        "vitreous_lag_column": 0.15,
        "tissue_lag_column": 0.1,
        "quantile_95": 20,
    }.items():
        assert found[name] == pytest.approx(real[name], abs=tolerance), name
