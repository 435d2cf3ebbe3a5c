import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.uncertainty.calibration.make import log_loss, simulate
from triage.errors import UsageError
from triage.uncertainty.calibration.density_aware import DensityAwareTemperature
from triage.uncertainty.calibration.temperature_scaling import TemperatureScaling, fit_temperature

FAR = np.linspace(-10, 100, 400)


@given(st.integers(0, 99), st.floats(0.3, 3), st.floats(0, 2))
def test_the_temperature_never_falls_as_the_distance_grows(seed, temperature, growth):
    data = simulate(60, 3, temperature=temperature, growth=growth, seed=seed)
    found = DensityAwareTemperature().fit(*data).temperature(FAR)
    assert (np.diff(found) >= 0).all()
    assert found[0] > 0


def test_confidence_never_grows_with_distance():
    calibrator = DensityAwareTemperature().fit(*simulate(500, 4, growth=1.0))
    confidence = calibrator.calibrate(np.tile([0.7, 0.2, 0.05, 0.05], (400, 1)), FAR).max(axis=1)
    assert (np.diff(confidence) <= 1e-12).all()
    assert confidence[-1] < 0.5 < confidence[0]


def test_a_known_growth_is_recovered():
    """T = 1.3 (1 + 0.6 max(0, d - 2)), gamma distances of mean 2 and deviation sqrt 2."""
    data = simulate(30_000, 4, temperature=1.3, growth=0.6)
    calibrator = DensityAwareTemperature().fit(*data)
    at = np.array([0.0, 2.0, 4.0, 6.0])
    expected = 1.3 * (1 + 0.6 * np.maximum(0, at - 2))
    np.testing.assert_allclose(calibrator.temperature(at), expected, rtol=0.07)


def test_it_beats_one_temperature_where_distance_matters():
    seen, (p, truth, distance) = simulate(800, 4, growth=1.0), simulate(8000, 4, growth=1.0, seed=1)
    local = DensityAwareTemperature().fit(*seen).calibrate(p, distance)
    single = TemperatureScaling().fit(*seen).calibrate(p)
    assert log_loss(local, truth) < log_loss(single, truth) - 0.01


def test_no_pair_of_a_grid_is_better():
    p, truth, distance = simulate(300, 4, temperature=1.5, growth=0.5, seed=3)
    calibrator = DensityAwareTemperature().fit(p, truth, distance)
    best = log_loss(calibrator.calibrate(p, distance), truth)
    beyond = np.maximum(0, (distance - distance.mean()) / distance.std())
    for base in np.geomspace(0.3, 5, 40):
        for slope in np.linspace(0, 4, 30):
            powers = p ** (1 / (base * (1 + slope * beyond)))[:, None]
            assert log_loss(powers / powers.sum(1, keepdims=True), truth) >= best - 1e-5


def test_a_distance_that_says_nothing_leaves_one_temperature():
    """The far are drawn sharper than the near: the slope stops at 0."""
    p, truth, distance = simulate(3000, 4, growth=1.0)
    calibrator = DensityAwareTemperature().fit(p, truth, -distance)
    assert calibrator.learned()["slope"] < 0.05
    constant = DensityAwareTemperature().fit(p, truth, np.zeros(3000))
    assert constant.temperature(np.zeros(1)) == pytest.approx(
        fit_temperature(p, 4, truth), rel=1e-3
    )


def test_the_scale_of_the_distance_does_not_matter():
    p, truth, distance = simulate(500, 4, growth=1.0)
    plain = DensityAwareTemperature().fit(p, truth, distance).calibrate(p, distance)
    moved = (
        DensityAwareTemperature().fit(p, truth, 1e4 * distance - 7).calibrate(p, 1e4 * distance - 7)
    )
    np.testing.assert_allclose(plain, moved, atol=1e-5)


def test_unfitted():
    with pytest.raises(UsageError, match="not fitted"):
        DensityAwareTemperature().temperature(FAR)
