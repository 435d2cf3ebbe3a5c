import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.errors import UsageError
from triage.uncertainty.calibration.temperature_scaling import apply_temperature, fit_temperature

K = 4


def simulate(temperature: float, n: int = 20_000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities over K inliers and one outlier class, and truths drawn at the temperature."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(scale=2.0, size=(n, K))
    truth_p = np.exp(logits / temperature)
    truth_p /= truth_p.sum(axis=1, keepdims=True)
    truth = (truth_p.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)
    p = np.exp(logits)
    p /= p.sum(axis=1, keepdims=True)
    mass = rng.uniform(0.05, 0.6, size=(n, 1))
    return np.hstack([p * (1 - mass), mass]), np.minimum(truth, K - 1)


def log_likelihood(p: np.ndarray, truth: np.ndarray, temperature: float) -> float:
    total = 0.0
    for row, label in zip(p[:, :K], truth, strict=True):
        powers = [value ** (1 / temperature) for value in row]
        total += float(np.log(powers[label] / sum(powers)))
    return total / len(truth)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_a_known_temperature_is_recovered(temperature: float) -> None:
    assert fit_temperature(*_fit(simulate(temperature))) == pytest.approx(temperature, rel=0.05)


def _fit(simulated: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, int, np.ndarray]:
    return simulated[0], K, simulated[1]


def test_no_temperature_of_a_grid_is_better() -> None:
    p, truth = simulate(1.7, n=300, seed=4)
    best = log_likelihood(p, truth, fit_temperature(p, K, truth))
    for temperature in np.geomspace(0.05, 20, 200):
        assert log_likelihood(p, truth, temperature) <= best + 1e-7


def test_probabilities_are_calibrated_afterwards() -> None:
    p, truth = simulate(2.0)
    calibrated = apply_temperature(p, K, fit_temperature(p, K, truth))
    confidence, right = calibrated.max(axis=1), calibrated.argmax(axis=1) == truth
    for low, high in ((0.4, 0.6), (0.6, 0.8), (0.8, 1.0)):
        inside = (confidence >= low) & (confidence < high)
        assert right[inside].mean() == pytest.approx(confidence[inside].mean(), abs=0.03)


@given(st.integers(0, 999), st.floats(0.05, 20))
def test_the_ranking_never_changes_and_rows_sum_to_one(seed: int, temperature: float) -> None:
    p = np.random.default_rng(seed).dirichlet(np.ones(K + 1), size=5)
    calibrated = apply_temperature(p, K, temperature)
    np.testing.assert_allclose(calibrated.sum(axis=1), 1.0, rtol=1e-12)
    order = np.argsort(p[:, :K], axis=1)
    ranked = np.take_along_axis(calibrated, order, axis=1)
    assert (np.diff(ranked, axis=1) >= 0).all()
    assert (calibrated.argmax(axis=1) == p[:, :K].argmax(axis=1)).all()


def test_one_leaves_inlier_probabilities_as_they_are_given_an_inlier() -> None:
    p = np.array([[0.1, 0.3, 0.6]])
    np.testing.assert_allclose(apply_temperature(p, 2, 1.0), [[0.25, 0.75]])


def test_zero_probabilities_stay_finite() -> None:
    p = np.array([[1.0, 0.0], [0.0, 1.0]])
    assert np.isfinite(apply_temperature(p, 2, 0.05)).all()
    sure = fit_temperature(p, 2, np.array([0, 1]))
    wrong = fit_temperature(p, 2, np.array([1, 0]))
    assert 0.05 <= sure < wrong <= 20.0


@pytest.mark.parametrize("truth", [[], [0, -1], [0, K]])
def test_it_is_fitted_on_inliers_only(truth: list[int]) -> None:
    p = np.full((len(truth), K + 1), 0.2)
    with pytest.raises(UsageError, match="inlier"):
        fit_temperature(p, K, np.array(truth, dtype=np.int64))


@pytest.mark.parametrize("known", [1.0, 1e-6, 1e-12, 1e-15, 1e-30, 1e-300])
def test_the_proportions_of_known_conditions_survive_however_small_they_are(known: float) -> None:
    """99 % melanoma among the known stays so for a case that is almost surely unknown."""
    shares = np.array([0.004, 0.99, 0.003, 0.003])
    p = np.concatenate([shares * known, [1 - known]])[None]
    assert apply_temperature(p, K, 1.0)[0] == pytest.approx(shares)
    assert apply_temperature(p, K, 2.0)[0] == pytest.approx(np.sqrt(shares) / np.sqrt(shares).sum())


def test_no_known_condition_at_all_says_nothing() -> None:
    assert apply_temperature(np.array([[0.0, 0, 0, 0, 1]]), K, 1.0)[0] == pytest.approx([0.25] * K)


@pytest.mark.parametrize("value", [np.nan, np.inf, -0.1, 1.1])
def test_what_is_no_probability_is_refused(value: float) -> None:
    with pytest.raises(UsageError, match="outside"):
        apply_temperature(np.array([[value, 0.2, 0.1, 0.1, 0.1]]), K, 1.0)


def test_labels_that_do_not_fit_are_refused() -> None:
    p = np.full((3, K), 1 / K)
    for truth in (np.array([0, 1]), np.array([0.0, 1.0, 2.0]), np.array([[0], [1], [2]])):
        with pytest.raises(UsageError, match="labels of shape"):
            fit_temperature(p, K, truth)
