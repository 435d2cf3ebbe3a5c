import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.special import expit, logit

from triage.errors import UsageError
from triage.uncertainty.outlier_probability import (
    OutlierProbability,
    fit_outlier_probability,
    prevalence_weights,
)


def simulate(n_in: int, n_out: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Scores whose logit is N(-1, 1) for inliers and N(1, 1) for outliers: slope 2 is exact."""
    rng = np.random.default_rng(seed)
    x = np.concatenate([rng.normal(-1, 1, n_in), rng.normal(1, 1, n_out)])
    return expit(x), np.arange(n_in + n_out) >= n_in


def test_weights_by_hand() -> None:
    weights = prevalence_weights(np.array([True, False, False, False]), 0.1)
    np.testing.assert_allclose(weights, [0.1, 0.3, 0.3, 0.3])


@given(st.integers(1, 9), st.integers(1, 9), st.floats(0.01, 0.99))
def test_weights_sum_to_one_with_outliers_at_the_prevalence(a: int, b: int, share: float) -> None:
    is_outlier = np.arange(a + b) < a
    weights = prevalence_weights(is_outlier, share)
    assert weights.sum() == pytest.approx(1.0)
    assert weights[is_outlier].sum() == pytest.approx(share)


@pytest.mark.parametrize("is_outlier", [[True, True], [False], []])
def test_both_kinds_are_needed(is_outlier: list[bool]) -> None:
    with pytest.raises(UsageError, match="both"):
        prevalence_weights(np.array(is_outlier, dtype=bool), 0.2)


@pytest.mark.parametrize("prevalence", [0.05, 0.2, 0.5])
def test_bayes_is_recovered_at_another_prevalence_than_the_samples(prevalence: float) -> None:
    score, is_outlier = simulate(20_000, 10_000)
    fitted = fit_outlier_probability(score, is_outlier, prevalence)
    # two normal densities a distance 2 apart: log odds = 2 x + logit(prevalence)
    assert fitted.slope == pytest.approx(2.0, rel=0.05)
    assert fitted.intercept == pytest.approx(logit(prevalence), abs=0.1)
    weighted_mean = prevalence_weights(is_outlier, prevalence) @ fitted(score)
    assert weighted_mean == pytest.approx(prevalence, abs=1e-3)


def test_probabilities_come_true_on_fresh_cases_at_that_prevalence() -> None:
    fitted = fit_outlier_probability(*simulate(2000, 2000), prevalence=0.1)
    score, is_outlier = simulate(90_000, 10_000, seed=1)
    p = fitted(score)
    for low, high in ((0.0, 0.1), (0.1, 0.3), (0.3, 0.6), (0.6, 1.0)):
        inside = (p >= low) & (p < high)
        assert is_outlier[inside].mean() == pytest.approx(p[inside].mean(), abs=0.05)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 30), st.floats(0.02, 0.98))
def test_the_ranking_never_turns_round_whatever_the_scores(
    seed: int, n: int, prevalence: float
) -> None:
    rng = np.random.default_rng(seed)
    score = rng.choice([0.0, 1.0, 0.5, *rng.random(5)], size=n)
    is_outlier = np.arange(n) % 2 == 0
    fitted = fit_outlier_probability(score, is_outlier, prevalence)
    p = fitted(np.sort(score))
    assert np.isfinite(p).all()
    assert ((p >= 0) & (p <= 1)).all()
    assert (np.diff(p) >= -1e-12).all()


@pytest.mark.parametrize("value", [0.0, 0.3, 1.0])
def test_equal_scores_give_the_prevalence(value: float) -> None:
    score, is_outlier = np.full(10, value), np.arange(10) < 5
    fitted = fit_outlier_probability(score, is_outlier, 0.2)
    np.testing.assert_allclose(fitted(score), 0.2, atol=1e-3)


def test_a_perfect_score_is_nearly_sure() -> None:
    score, is_outlier = np.array([0.1, 0.2, 0.8, 0.9]), np.array([False, False, True, True])
    p = fit_outlier_probability(score, is_outlier, 0.2)(score)
    assert p[1] < 0.05
    assert p[2] > 0.95


def test_a_useless_score_says_little() -> None:
    rng = np.random.default_rng(0)
    score, is_outlier = rng.random(4000), rng.random(4000) < 0.5
    p = fit_outlier_probability(score, is_outlier, 0.2)(score)
    assert p.std() < 0.1


def test_the_curve_by_hand() -> None:
    curve = OutlierProbability(slope=2.0, intercept=-1.0)
    assert curve(np.array([0.75]))[0] == pytest.approx(1 / (1 + np.exp(1.0 - 2.0 * np.log(3.0))))
    assert curve(np.array([0.0, 1.0])) == pytest.approx([0.0, 1.0], abs=1e-9)


def test_a_falling_curve_is_refused() -> None:
    with pytest.raises(ValidationError):
        OutlierProbability(slope=0.0, intercept=0.0)
