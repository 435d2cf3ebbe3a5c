import numpy as np
import pytest
from scipy.stats import multivariate_normal

from triage.errors import UsageError
from triage.uncertainty.observations import Observations
from triage.uncertainty.scores.likelihood_ratio import LikelihoodRatio

WIDTH = 5


@pytest.fixture
def cases() -> np.ndarray:
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(WIDTH, WIDTH))
    return 3 + rng.normal(size=(200, WIDTH)) @ mixing


def run(ratio: LikelihoodRatio, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    ratio.fit(Observations(1, embedding=train), np.zeros(len(train), int))
    return ratio.score(Observations(1, embedding=test))


def test_against_the_densities_of_scipy(cases: np.ndarray) -> None:
    test = np.random.default_rng(1).normal(3, 3, size=(30, WIDTH))
    covariance = np.cov(cases.T, bias=True)
    background = 0.64 * covariance + 0.36 * np.diag(np.diag(covariance))
    mean = cases.mean(axis=0)
    expected = multivariate_normal(mean, background).logpdf(test)
    expected -= multivariate_normal(mean, covariance).logpdf(test)
    ratio = LikelihoodRatio(mutation=0.2, shrinkage=0.0, background_shrinkage=0.0)
    np.testing.assert_allclose(run(ratio, cases, test), expected, rtol=2e-3, atol=2e-3)


def test_the_background_is_the_covariance_of_corrupted_cases(cases: np.ndarray) -> None:
    rng = np.random.default_rng(2)
    many = np.repeat(cases, 2000, axis=0)
    resampled = rng.choice(cases, size=len(many))
    for column in range(WIDTH):  # each dimension from its own marginal
        resampled[:, column] = rng.choice(cases[:, column], size=len(many))
    corrupted = np.where(rng.random(many.shape) < 0.3, resampled, many)
    covariance = np.cov(cases.T, bias=True)
    found = LikelihoodRatio(mutation=0.3, background_shrinkage=0.0).background(covariance)
    np.testing.assert_allclose(found, np.cov(corrupted.T), atol=0.02 * covariance.max())


def test_the_regularised_background_keeps_its_total_variance(cases: np.ndarray) -> None:
    covariance = np.cov(cases.T, bias=True)
    even = LikelihoodRatio(background_shrinkage=1.0).background(covariance)
    np.testing.assert_allclose(even, np.trace(covariance) / WIDTH * np.eye(WIDTH), atol=1e-12)


def test_how_dimensions_go_together_is_what_counts() -> None:
    rng = np.random.default_rng(3)
    common = rng.normal(size=(500, 1))
    train = np.hstack([common, common]) + 0.1 * rng.normal(size=(500, 2))
    along, against = run(LikelihoodRatio(), train, np.array([[1.0, 1.0], [1.0, -1.0]]))
    assert against > along + 10


@pytest.mark.parametrize(
    "settings", [{"mutation": 0.0}, {"mutation": 1.1}, {"background_shrinkage": 2.0}]
)
def test_settings_out_of_range_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="likelihood_ratio: "):
        LikelihoodRatio(**settings)
