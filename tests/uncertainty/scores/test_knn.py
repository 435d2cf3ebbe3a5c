from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.neighbors import NearestNeighbors

from tests.uncertainty.scores.make import read_golden
from triage.errors import UsageError
from triage.uncertainty.observations import Observations
from triage.uncertainty.scores.knn import EXACT_CASES, Knn


def fit_and_score(knn: Knn, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    truth = np.zeros(len(train), int)
    knn.fit(Observations(1, embedding=train), truth)
    return knn.score(Observations(1, embedding=test))


def nearest(train: np.ndarray, test: np.ndarray, k: int) -> np.ndarray:
    unit = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (train, test)]
    table = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(unit[0].astype(np.float64))
    return table.kneighbors(unit[1].astype(np.float64))[0][:, -1]


@pytest.mark.parametrize("k", [1, 7, 200])
def test_against_scikit_learn(k: int) -> None:
    rng = np.random.default_rng(0)
    train, test = rng.normal(1, 1, (200, 24)), rng.normal(0, 1, (50, 24))
    np.testing.assert_allclose(fit_and_score(Knn(k), train, test), nearest(train, test, k), 1e-5)


@pytest.mark.parametrize(("n", "k"), [(2, 1), (40, 1), (149, 1), (300, 3), (1126, 11)])
def test_by_default_one_percent_of_the_training_cases(n: int, k: int) -> None:
    rng = np.random.default_rng(1)
    train, test = rng.normal(size=(n, 5)), rng.normal(size=(9, 5))
    found = fit_and_score(Knn(), train, test)
    np.testing.assert_allclose(found, nearest(train, test, k), 1e-4, 1e-5)


def test_a_k_beyond_the_training_cases_takes_the_farthest() -> None:
    train, test = np.eye(3), np.array([[1.0, 0, 0]])
    np.testing.assert_allclose(fit_and_score(Knn(50), train, test), np.sqrt(2), rtol=1e-6)


def test_a_training_case_is_at_no_distance_from_itself() -> None:
    train = np.random.default_rng(2).normal(size=(20, 6))
    # The root of a difference of float32 squares: eight of their roundings are 1e-3.
    np.testing.assert_allclose(fit_and_score(Knn(1), train, train), 0, atol=5e-3)


@pytest.fixture(scope="module")
def realistic() -> tuple[np.ndarray, np.ndarray]:
    """Embeddings whose 64 leading of 128 axes hold about 95 % of the variance, some far."""
    rng = np.random.default_rng(3)
    spread = np.arange(1, 129) ** -0.9
    turn = np.linalg.qr(rng.normal(size=(128, 128)))[0]
    mean = 3 * turn[0]
    train = mean + (rng.normal(size=(EXACT_CASES + 100, 128)) * spread) @ turn
    test = mean + (rng.normal(size=(400, 128)) * spread * rng.uniform(1, 2, (400, 1))) @ turn
    return train, test


def test_many_training_cases_in_full(realistic) -> None:
    train, test = realistic
    exact = nearest(train, test, 21)
    np.testing.assert_allclose(fit_and_score(Knn(components=None), train, test), exact, 1e-4)
    np.testing.assert_allclose(fit_and_score(Knn(components=128), train, test), exact, 1e-4)


def test_half_of_the_axes_keep_the_order(realistic) -> None:
    train, test = realistic
    exact = nearest(train, test, 21)
    found = fit_and_score(Knn(components=64), train, test)
    assert spearmanr(found, exact).statistic > 0.995
    assert np.abs(found - exact).max() < 0.05 * exact.mean()


@pytest.mark.realdata
def test_the_values_of_another_library(shared: Path) -> None:
    golden = read_golden(shared)
    found = Knn(10).fit(golden.train, golden.truth).score(golden.test)
    np.testing.assert_allclose(found, golden.scores["knn"], atol=1e-5)


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(UsageError, match="knn: k is 0"):
        Knn(0)
    with pytest.raises(UsageError, match="knn: 0 components"):
        Knn(components=0)
