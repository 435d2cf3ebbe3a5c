"""Vector scaling and Dirichlet calibration against what they should find."""

import numpy as np
import pytest
from scipy.optimize import approx_fprime, minimize
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression

from tests.uncertainty.calibration.make import log_loss, simulate
from triage.uncertainty.calibration.dirichlet import DirichletCalibration, _folds
from triage.uncertainty.calibration.softmax_regression import (
    apply_softmax_regression,
    as_temperature,
    fit_softmax_regression,
)
from triage.uncertainty.calibration.temperature_scaling import TemperatureScaling, fit_temperature
from triage.uncertainty.calibration.vector import VectorScaling

K = 3


def draw(weights, n=20_000, seed=0):
    """Truths drawn from softmax(W log p + b)."""
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.ones(K), size=n)
    true = softmax(np.log(p) @ weights[:, :K].T + weights[:, K], axis=1)
    return p, (true.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1).clip(max=K - 1), true


def test_scales_and_biases_are_recovered():
    """Biases up to a constant: softmax does not see one."""
    weights = np.hstack([np.diag([0.5, 1.0, 1.8]), [[0.0], [0.7], [-0.4]]])
    p, truth, true = draw(weights)
    calibrator = VectorScaling().fit(p, truth)
    found = calibrator.learned()["weights"]
    np.testing.assert_allclose(np.diag(found), [0.5, 1.0, 1.8], atol=0.1)
    np.testing.assert_allclose(np.diff(found[:, K]), [0.7, -1.1], atol=0.12)
    assert (found[:, :K][~np.eye(K, dtype=bool)] == 0).all()
    assert np.abs(calibrator.calibrate(p) - true).mean() < 0.01


def test_a_full_matrix_is_recovered():
    weights = np.array([[1.0, 0.6, 0.0, 0.3], [0.0, 0.7, -0.5, 0.0], [0.4, 0.0, 1.2, -0.3]])
    p, truth, true = draw(weights)
    dirichlet = DirichletCalibration().fit(p, truth)
    assert np.abs(dirichlet.calibrate(p) - true).mean() < 0.01
    assert np.abs(VectorScaling().fit(p, truth).calibrate(p) - true).mean() > 0.04
    assert dirichlet.learned()["strength"] == min(dirichlet.strengths)


def test_without_a_penalty_it_is_logistic_regression():
    p, truth, _ = draw(np.hstack([np.eye(K), np.zeros((K, 1))]), n=400, seed=1)
    found = fit_softmax_regression(
        p, truth, np.eye(K, K + 1), np.ones((K, K + 1), dtype=bool), np.full((K, K + 1), 1e-12)
    )
    oracle = LogisticRegression(C=1e12, tol=1e-8, max_iter=5000).fit(np.log(p), truth)
    np.testing.assert_allclose(
        apply_softmax_regression(p, found), oracle.predict_proba(np.log(p)), atol=2e-3
    )


def test_the_minimum_against_a_search_without_gradient():
    p, truth, _ = draw(np.hstack([np.eye(K) * 0.6, [[0.4], [0.0], [0.0]]]), n=200, seed=2)
    calibrator = VectorScaling(spread=0.5).fit(p, truth)
    temperature = fit_temperature(p, K, truth)

    def objective(parameters):
        scale, bias = parameters[:K], parameters[K:]
        likelihood = -log_loss(softmax(np.log(p) * scale + bias, axis=1), truth)
        away = ((scale - 1 / temperature) ** 2).sum() + (bias**2).sum()
        return away / (2 * 0.5**2 * len(p)) - likelihood

    found = calibrator.learned()["weights"]
    ours = np.r_[np.diag(found), found[:, K]]
    searched = minimize(
        objective, np.ones(2 * K), method="Nelder-Mead", options={"maxiter": 9000, "xatol": 1e-7}
    )
    assert objective(ours) <= searched.fun + 1e-8
    np.testing.assert_allclose(approx_fprime(ours, objective, 1e-7), 0.0, atol=1e-4)


def test_the_penalty_of_dirichlet_is_odir():
    p, truth, _ = draw(np.hstack([np.eye(K) * 0.6, [[0.4], [0.0], [0.0]]]), n=100, seed=3)
    calibrator = DirichletCalibration(strengths=(0.3,)).fit(p, truth)
    temperature = fit_temperature(p, K, truth)
    off = ~np.eye(K, dtype=bool)

    def objective(flat):
        weights = flat.reshape(K, K + 1)
        matrix, bias = weights[:, :K], weights[:, K]
        loss = log_loss(softmax(np.log(p) @ matrix.T + bias, axis=1), truth)
        odir = 0.3 * (matrix[off] ** 2).mean() + 0.3 * (bias**2).mean()
        return loss + odir + ((np.diag(matrix) - 1 / temperature) ** 2).sum() / (2 * len(p))

    ours = calibrator.learned()["weights"].ravel()
    np.testing.assert_allclose(approx_fprime(ours, objective, 1e-7), 0.0, atol=1e-4)


def test_endless_strength_leaves_the_diagonal_alone():
    p, truth, _ = simulate(300, 4, temperature=1.7)
    found = DirichletCalibration(strengths=(1e9,)).fit(p, truth).learned()["weights"]
    assert np.abs(found[:, :4][~np.eye(4, dtype=bool)]).max() < 1e-6
    assert np.abs(found[:, 4]).max() < 1e-6


def test_an_endlessly_narrow_prior_is_temperature_scaling():
    p, truth, _ = simulate(300, 4, temperature=1.7)
    np.testing.assert_allclose(
        VectorScaling(spread=1e-6).fit(p, truth).calibrate(p),
        TemperatureScaling().fit(p, truth).calibrate(p),
        atol=1e-6,
    )
    np.testing.assert_allclose(
        apply_softmax_regression(p, as_temperature(p, truth)),
        TemperatureScaling().fit(p, truth).calibrate(p),
        rtol=1e-9,
    )


def test_folds_are_balanced_whatever_the_order():
    p, truth, _ = simulate(90, 4)
    fold = _folds(p, truth, 3)
    counts = np.array([np.bincount(truth[fold == index], minlength=4) for index in range(3)])
    assert (np.ptp(counts, axis=0) <= 1).all()
    order = np.random.default_rng(0).permutation(90)
    np.testing.assert_array_equal(_folds(p[order], truth[order], 3), fold[order])


def test_few_cases_take_the_largest_strength():
    p, truth, _ = simulate(5, 4)
    calibrator = DirichletCalibration().fit(p, truth)
    assert calibrator.learned()["strength"] == pytest.approx(max(calibrator.strengths))
