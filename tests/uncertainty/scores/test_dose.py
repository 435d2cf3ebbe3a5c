import numpy as np
import pytest
from scipy.stats import gaussian_kde, multivariate_normal
from sklearn.decomposition import PCA

from triage.errors import UsageError
from triage.uncertainty.observations import Observations
from triage.uncertainty.scores.dose import Dose, interpolate, kernel_density, statistics
from triage.uncertainty.scores.probabilistic_pca import ProbabilisticPca


@pytest.fixture
def cases() -> np.ndarray:
    rng = np.random.default_rng(0)
    return 2 + rng.normal(size=(120, 9)) * np.geomspace(3, 0.3, 9)


def run(dose: Dose, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    dose.fit(Observations(1, embedding=train), np.zeros(len(train), int))
    return dose.score(Observations(1, embedding=test))


def test_the_model_against_scikit_learn(cases: np.ndarray) -> None:
    model = ProbabilisticPca.fit(cases, 3)
    oracle = PCA(3).fit(cases)  # variances divided by N - 1 there, by N here
    unbiased = len(cases) / (len(cases) - 1)
    np.testing.assert_allclose(model.variances * unbiased, oracle.explained_variance_)
    assert model.noise * unbiased == pytest.approx(oracle.noise_variance_)
    covariance = oracle.get_covariance() / unbiased
    expected = multivariate_normal(cases.mean(axis=0), covariance).logpdf(cases)
    np.testing.assert_allclose(model.log_density(*model.squares(cases)), expected)


def test_the_statistics_one_by_one(cases: np.ndarray) -> None:
    model = ProbabilisticPca.fit(cases, 3)
    oracle = PCA(3).fit(cases)
    latent = oracle.transform(cases)
    rebuilt = oracle.inverse_transform(latent)
    found = statistics(model, cases)
    np.testing.assert_allclose(found[:, 1], ((cases - rebuilt) ** 2).sum(axis=1), rtol=1e-9)
    np.testing.assert_allclose(found[:, 2], (latent**2 / model.variances).sum(axis=1))
    np.testing.assert_allclose(found[:, 3], np.linalg.norm(cases, axis=1))


def test_the_kernel_density_against_scipy() -> None:
    values = np.random.default_rng(1).gamma(3, 2, size=200)
    grid, log_density = kernel_density(values)
    inside = np.linspace(grid[0], grid[-1], 777)
    expected = gaussian_kde(values).logpdf(inside)
    np.testing.assert_allclose(interpolate(inside, grid, log_density), expected, atol=2e-3)
    assert np.exp(log_density).sum() * (grid[1] - grid[0]) == pytest.approx(1, abs=1e-3)


def test_beyond_the_grid_the_density_keeps_falling_in_a_straight_line() -> None:
    grid, log_density = kernel_density(np.random.default_rng(1).normal(size=50))
    for end, way in ((grid[-1], 1), (grid[0], -1)):
        out = interpolate(end + way * np.array([0, 1, 2, 3, 1e6]), grid, log_density)
        steps = np.diff(out[:4])
        assert (steps < 0).all()
        np.testing.assert_allclose(steps, steps[0], rtol=1e-9)
        assert np.isfinite(out).all()


def test_values_without_spread_have_a_density() -> None:
    for value in (0.0, 5.0, -1e-9):
        grid, log_density = kernel_density(np.full(10, value))
        assert np.isfinite(log_density).all()
        assert interpolate(np.array([value]), grid, log_density) > interpolate(
            np.array([value + 1]), grid, log_density
        )


def test_the_score_is_the_summed_rarity_of_held_out_statistics(cases: np.ndarray) -> None:
    test = 2 + np.random.default_rng(2).normal(size=(25, 9)) * 2
    held = np.empty((120, 4))
    fold = np.arange(120) % 5
    for one in range(5):
        held[fold == one] = statistics(
            ProbabilisticPca.fit(cases[fold != one], 3), cases[fold == one]
        )
    seen = statistics(ProbabilisticPca.fit(cases, 3), test)
    expected = -sum(gaussian_kde(held[:, i]).logpdf(seen[:, i]) for i in range(4))
    # far in the tails the line that goes on from the grid differs from the parabola of a kernel
    typical = expected < 20
    assert typical.sum() >= 5
    np.testing.assert_allclose(run(Dose(3), cases, test)[typical], expected[typical], atol=0.02)


def test_held_out_statistics_are_not_optimistic() -> None:
    """On new cases of the same law, held-out densities are better than in-sample ones."""
    rng = np.random.default_rng(3)
    spread = np.geomspace(3, 0.1, 200)
    train, new = rng.normal(size=(100, 200)) * spread, rng.normal(size=(300, 200)) * spread
    model = ProbabilisticPca.fit(train, 30)
    own, seen = statistics(model, train), statistics(model, new)
    in_sample = -sum(interpolate(seen[:, i], *kernel_density(own[:, i])) for i in range(4))
    assert run(Dose(30), train, new).mean() < in_sample.mean()


@pytest.mark.parametrize("n", [2, 3, 4, 5, 9])
def test_few_cases(n: int) -> None:
    rng = np.random.default_rng(4)
    found = run(Dose(), rng.normal(size=(n, 7)), rng.normal(size=(6, 7)))
    assert np.isfinite(found).all()


def test_denser_than_training_cases_is_out_of_distribution_too() -> None:
    rng = np.random.default_rng(5)
    train = rng.normal(size=(400, 50))
    score = run(Dose(10), train, np.vstack([np.zeros((1, 50)), rng.normal(size=(200, 50))]))
    assert score[0] > score[1:].max()


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(UsageError, match="dose: 0 components"):
        Dose(0)
