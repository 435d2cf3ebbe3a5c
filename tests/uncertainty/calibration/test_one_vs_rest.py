"""Isotonic regression and histogram binning by hand, by loops and by scikit-learn."""

import numpy as np
from sklearn.isotonic import IsotonicRegression

from tests.uncertainty.calibration.make import simulate
from triage.uncertainty.calibration.histogram import HistogramBinning
from triage.uncertainty.calibration.isotonic import IsotonicCalibration


def test_isotonic_by_hand():
    """p of the first condition: 0.2 wrong, 0.4 right, 0.6 wrong, 0.8 right; the middle is pooled.

    Values stay 1/6 away from 0 and 1: 1/6, 1/2, 1/2, 5/6. The other condition mirrors them.
    """
    first = np.array([0.2, 0.4, 0.6, 0.8])
    p = np.stack([first, 1 - first], axis=1)
    calibrator = IsotonicCalibration().fit(p, [1, 0, 1, 0])
    expected = np.array([1 / 6, 1 / 2, 1 / 2, 5 / 6])
    np.testing.assert_allclose(calibrator.calibrate(p)[:, 0], expected)
    between = calibrator.calibrate([[0.3, 0.7], [0.05, 0.95]])[:, 0]
    np.testing.assert_allclose(between, [(1 / 6 + 1 / 2) / 2, 1 / 6])


def test_isotonic_equals_scikit_learn():
    p, truth, _ = simulate(300, 4, temperature=2.0)
    cases, _, _ = simulate(500, 4, seed=1)
    columns = [
        IsotonicRegression(y_min=1 / 302, y_max=1 - 1 / 302, out_of_bounds="clip")
        .fit(p[:, label], truth == label)
        .predict(cases[:, label])
        for label in range(4)
    ]
    expected = np.stack(columns, axis=1)
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(
        IsotonicCalibration().fit(p, truth).calibrate(cases), expected, rtol=1e-9
    )


def test_histogram_by_hand():
    """Two bins of two cases: hits 0 and 2, mean p 0.15 and 0.75, and one made-up case each.

    The other condition: hits 0 and 2, mean p 0.25 and 0.85.
    """
    p = np.array([[0.1, 0.9], [0.2, 0.8], [0.7, 0.3], [0.8, 0.2]])
    calibrator = HistogramBinning(bins=2).fit(p, [1, 1, 0, 0])
    first = np.array([0.15 / 3, 0.15 / 3, 2.75 / 3, 2.75 / 3])
    second = np.array([2.85 / 3, 2.85 / 3, 0.25 / 3, 0.25 / 3])
    np.testing.assert_allclose(calibrator.calibrate(p)[:, 0], first / (first + second))


def test_histogram_equals_a_loop():
    p, truth, _ = simulate(200, 4, temperature=2.0)
    cases, _, _ = simulate(50, 4, seed=1)
    expected = np.empty_like(cases)
    for label in range(4):
        groups = np.array_split(np.argsort(p[:, label]), 10)
        tops = [p[group, label].max() for group in groups]
        for row, value in enumerate(cases[:, label]):
            place = min(sum(top < value for top in tops), 9)
            group = groups[place]
            hits = (truth[group] == label).sum()
            expected[row, label] = (hits + p[group, label].mean()) / (len(group) + 1)
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(HistogramBinning().fit(p, truth).calibrate(cases), expected)


def test_equal_probabilities_share_a_bin():
    p = np.array([[0.5, 0.5]] * 30 + [[0.9, 0.1]])
    state = HistogramBinning().fit(p, [0, 1] * 15 + [0]).learned()
    assert state["n_values"].tolist() == [2, 1], "the lowest tenth holds 0.1 and the ties"
    assert state["places"].tolist() == [0.5]
