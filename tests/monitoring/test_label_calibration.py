"""Calibration windows against measures computed case by case, selection by review, and alarms."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, logit

from tests.monitoring.made import binomial_bounds
from triage.errors import UsageError
from triage.monitoring import calibration_measures as measures
from triage.monitoring.label_calibration import calibration_windows, review_probabilities
from triage.uncertainty.calibration.platt_stream import OnlinePlatt
from triage.vocabulary.monitoring import ChartVerdict

Floats = NDArray[np.float64]


def stream(n: int, seed: int) -> tuple[Floats, NDArray[np.bool_]]:
    generator = np.random.default_rng(seed)
    forecast = generator.uniform(0.05, 0.95, n)
    return forecast, generator.random(n) < forecast


def naive_error(forecast: Floats, outcome: Floats, weight: Floats) -> float:
    total = 0.0
    for place in range(10):
        held = [min(int(p * 10), 9) == place for p in forecast]
        gap = sum(w * (y - p) for w, y, p, h in zip(weight, outcome, forecast, held, strict=True)
                  if h)  # fmt: skip
        total += abs(gap)
    return total / sum(weight)


def test_measures_are_those_of_loops() -> None:
    forecast, seen = stream(120, 1)
    outcome = seen.astype(float)
    weight = np.random.default_rng(2).uniform(1, 4, 120)
    both = np.stack([np.ones(120), weight])
    for row, w in enumerate(both):
        off = sum(w * (outcome - forecast)) / sum(w)
        assert measures.in_the_large(forecast, outcome, both)[row] == pytest.approx(off)
        squared = sum(w * (outcome - forecast) ** 2) / sum(w)
        assert measures.brier(forecast, outcome, both)[row] == pytest.approx(squared)
        error = naive_error(forecast, outcome, w)
        assert measures.calibration_error(forecast, outcome, both)[row] == pytest.approx(error)

        def loss(line: Floats, w: Floats = w) -> float:
            p = expit(line[0] + line[1] * logit(forecast))
            return float(-(w * (outcome * np.log(p) + (1 - outcome) * np.log(1 - p))).sum())

        best = minimize(loss, [0.0, 1.0], method="Nelder-Mead", options={"xatol": 1e-7}).x
        assert measures.logistic_line(forecast, outcome, both)[row] == pytest.approx(best, abs=1e-4)


def test_a_line_that_does_not_exist_is_undefined() -> None:
    forecast = np.linspace(0.1, 0.9, 20)
    apart = (forecast > 0.5).astype(float)
    found = measures.logistic_line(forecast, apart, np.ones((1, 20)))
    assert np.isnan(found).all()
    alike = measures.logistic_line(np.full(20, 0.3), apart, np.ones((1, 20)))
    assert np.isnan(alike).all()


def test_windows_hold_their_labels_and_forecasts_before_them() -> None:
    forecast, seen = stream(300, 3)
    found = calibration_windows(forecast, seen, np.repeat([4, 5, 9], [100, 60, 140]))
    places = [(w.window, w.first, w.last) for w in found]
    assert places == [(4, 0, 99), (5, 100, 159), (9, 160, 299)]
    online = np.empty(300)
    platt = OnlinePlatt()
    for place, (p, y) in enumerate(zip(forecast, seen, strict=True)):
        online[place] = platt.calibeat(p)
        platt.update(p, bool(y))
    last = slice(160, 300)
    assert found[2].brier is not None
    assert found[2].brier_online is not None
    assert found[2].brier[0] == pytest.approx(((forecast - seen) ** 2)[last].mean())
    assert found[2].brier_online[0] == pytest.approx(((online - seen) ** 2)[last].mean())
    for window in found:
        for name in ("in_the_large", "slope", "intercept", "brier"):
            value, low, high = getattr(window, name)
            assert low < value < high


def test_selective_labels_are_weighted() -> None:
    """Half of the cases are reviewed rarely, and only they are overconfident."""
    generator = np.random.default_rng(4)
    n = 16_000
    rare = generator.random(n) < 0.5
    forecast = np.full(n, 0.7)
    outcome = generator.random(n) < np.where(rare, 0.5, 0.7)
    reviewed = generator.random(n) < np.where(rare, 0.1, 0.6)
    chance = review_probabilities(rare, reviewed)
    assert chance[rare][0] == pytest.approx(reviewed[rare].mean())
    labels = forecast[reviewed], outcome[reviewed], np.zeros(int(reviewed.sum()))
    (plain,) = calibration_windows(*labels, n_resamples=10)
    (weighted,) = calibration_windows(*labels, review_probability=chance[reviewed], n_resamples=10)
    assert plain.in_the_large is not None
    assert weighted.in_the_large is not None
    assert weighted.in_the_large[0] == pytest.approx(-0.1, abs=0.03)  # of all cases
    assert plain.in_the_large[0] > -0.05


def test_no_review_at_all_has_probability_0() -> None:
    assert review_probabilities(["a", "b", "a"], [True, False, False]).tolist() == [0.5, 0, 0.5]


def test_the_stated_error_holds_with_several_labels_of_a_patient() -> None:
    generator = np.random.default_rng(5)
    alarms = 0
    for seed in range(200):
        unit = np.repeat(np.arange(40), 3)
        forecast = np.repeat(generator.uniform(0.2, 0.8, 40), 3)
        outcome = np.repeat(generator.random(40), 3) < forecast  # a patient's labels are equal
        (found,) = calibration_windows(
            forecast, outcome, np.zeros(120), units=unit, n_resamples=2, seed=seed
        )
        alarms += found.verdict is ChartVerdict.ALARM
    low, high = binomial_bounds(200, 0.05)
    assert max(low, 1) <= alarms <= high


def test_a_change_is_found_and_online_platt_follows_it() -> None:
    forecast, seen = stream(1200, 6)
    generator = np.random.default_rng(7)
    seen[400:] = generator.random(800) < forecast[400:] ** 2
    found = calibration_windows(forecast, seen, np.arange(1200) // 200, level=1e-3)
    verdicts = [window.verdict for window in found]
    assert verdicts == [ChartVerdict.IN_CONTROL] * 2 + [ChartVerdict.ALARM] * 4
    last = found[-1]
    assert last.ece is not None
    assert last.ece_online is not None
    assert last.ece_expected is not None
    assert last.ece_online[0] < last.ece[0]
    assert last.ece[0] > 1.5 * last.ece_expected
    (tolerant,) = calibration_windows(
        forecast[1000:], seen[1000:], np.zeros(200), level=1e-3, tolerance=0.3
    )
    assert tolerant.verdict is ChartVerdict.IN_CONTROL


def test_few_labels_are_not_enough() -> None:
    forecast, seen = stream(120, 8)
    window = np.repeat([0, 1], [30, 90])
    found = calibration_windows(forecast, seen, window)
    assert found[0].verdict is ChartVerdict.NOT_ENOUGH
    assert found[0].in_the_large is None
    assert "30 labels" in found[0].note
    one_sided = calibration_windows(forecast, np.ones(120), np.zeros(120))
    assert one_sided[0].verdict is ChartVerdict.NOT_ENOUGH
    one_patient = calibration_windows(forecast, seen, np.zeros(120), units=np.zeros(120))
    assert one_patient[0].verdict is ChartVerdict.NOT_ENOUGH
    assert calibration_windows([], [], []) == ()


def test_wrong_labels_are_refused() -> None:
    with pytest.raises(UsageError, match="number"):
        calibration_windows([0.5], [True, False], [0, 0])
    with pytest.raises(UsageError, match="order"):
        calibration_windows([0.5, 0.5], [True, False], [1, 0])
    with pytest.raises(UsageError, match="review"):
        calibration_windows([0.5], [True], [0], review_probability=[0.0])
    with pytest.raises(UsageError, match="scores between"):
        calibration_windows([1.5], [True], [0])
    with pytest.raises(UsageError, match="kinds"):
        review_probabilities(["a"], [True, False])
