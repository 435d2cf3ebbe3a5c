from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.distance import mahalanobis as distance
from sklearn.covariance import LedoitWolf

from tests.uncertainty.scores.make import read_golden
from triage.errors import UsageError
from triage.uncertainty.observations import Observations
from triage.uncertainty.scores.covariance import (
    check_cases,
    common_basis,
    principal_axes,
    shrunk_covariance,
    variance_floor,
)
from triage.uncertainty.scores.families import EmbeddingScore
from triage.uncertainty.scores.mahalanobis import Mahalanobis
from triage.uncertainty.scores.mahalanobis_normalised import (
    MahalanobisNormalised,
    RelativeMahalanobisNormalised,
)
from triage.uncertainty.scores.relative_mahalanobis import RelativeMahalanobis
from triage.uncertainty.scores.unit_length import unit_length

CLASSES, WIDTH = 4, 12


@pytest.fixture
def cases() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Training cases of four classes with a lopsided covariance, their classes, and test cases."""
    rng = np.random.default_rng(0)
    mixing = (np.eye(WIDTH) + 0.1 * rng.normal(size=(WIDTH, WIDTH))) * np.geomspace(2, 0.2, WIDTH)
    centres = rng.normal(size=(CLASSES, WIDTH)) * 2 + 5
    truth = rng.integers(CLASSES, size=150)
    train = centres[truth] + rng.normal(size=(150, WIDTH)) @ mixing
    test = rng.normal(size=(30, WIDTH)) * 4 + 5
    return train, truth, test


def run(
    score: EmbeddingScore, train: np.ndarray, truth: np.ndarray, test: np.ndarray
) -> np.ndarray:
    seen = Observations(int(truth.max()) + 1, embedding=train)
    return score.fit(seen, truth).score(Observations(seen.n_inliers, embedding=test))


def shrunk(covariance: np.ndarray, a: float) -> np.ndarray:
    return (1 - a) * covariance + a * np.trace(covariance) / len(covariance) * np.eye(WIDTH)


def by_hand(train, truth, test, a: float) -> tuple[np.ndarray, np.ndarray]:
    """Both distances, case by case and class by class, with SciPy's distance."""
    means = [train[truth == c].mean(axis=0) for c in range(CLASSES)]
    within = sum(np.outer(f - means[c], f - means[c]) for f, c in zip(train, truth, strict=True))
    inverse = np.linalg.inv(shrunk(within / len(train), a))
    inverse0 = np.linalg.inv(shrunk(np.cov(train.T, bias=True), a))
    near = np.array([min(distance(f, mean, inverse) ** 2 for mean in means) for f in test])
    whole = np.array([distance(f, train.mean(axis=0), inverse0) ** 2 for f in test])
    return near, whole


@pytest.mark.parametrize("a", [0.0, 0.1, 1.0])
def test_against_distances_one_by_one(cases, a: float) -> None:
    near, whole = by_hand(*cases, a)
    np.testing.assert_allclose(run(Mahalanobis(a), *cases), near, rtol=2e-4)
    relative = run(RelativeMahalanobis(a), *cases)
    np.testing.assert_allclose(relative, near - whole, rtol=1e-3, atol=1e-3 * near.max())


def test_normalised_is_the_same_on_cases_of_length_one(cases) -> None:
    train, truth, test = cases
    length = [np.linalg.norm(rows, axis=1, keepdims=True) for rows in (train, test)]
    unit = train / length[0], truth, test / length[1]
    near, whole = by_hand(*unit, 0.05)
    np.testing.assert_allclose(run(MahalanobisNormalised(0.05), *cases), near, rtol=1e-3)
    found = run(RelativeMahalanobisNormalised(0.05), *cases)
    np.testing.assert_allclose(found, near - whole, atol=1e-3 * near.max())
    longer = run(MahalanobisNormalised(0.05), train, truth, test * 7)
    np.testing.assert_allclose(longer, near, rtol=1e-3)


def test_the_default_shrinkage_is_that_of_scikit_learn(cases) -> None:
    train, truth, _ = cases
    means = np.stack([train[truth == c].mean(axis=0) for c in range(CLASSES)])
    a = LedoitWolf(assume_centered=True).fit(train - means[truth]).shrinkage_
    assert 0 < a < 1
    for score in (Mahalanobis, RelativeMahalanobis):
        np.testing.assert_allclose(run(score(), *cases), run(score(a), *cases), rtol=1e-6)


def test_far_from_the_origin_nothing_is_lost(cases) -> None:
    train, truth, test = (part.astype(np.float32) for part in cases)
    moved = train + 1000, truth.astype(int), test + 1000
    expected = run(Mahalanobis(0.1), train, truth.astype(int), test)
    np.testing.assert_allclose(run(Mahalanobis(0.1), *moved), expected, rtol=5e-3)


def test_with_one_class_the_relative_distance_is_zero(cases) -> None:
    train, truth, test = cases
    found = run(RelativeMahalanobis(0.1), train, np.zeros_like(truth), test)
    np.testing.assert_allclose(found, 0, atol=1e-3)


@pytest.mark.realdata
@pytest.mark.parametrize("score", [Mahalanobis(0.0), RelativeMahalanobis(0.0)])
def test_the_values_of_another_library_up_to_a_factor(shared: Path, score: EmbeddingScore) -> None:
    golden = read_golden(shared)
    found = score.fit(golden.train, golden.truth).score(golden.test)
    expected = golden.scores[score.info.key]  # scatter matrices there, not divided by N
    factor, offset = np.polyfit(expected, found, 1)
    assert factor > 0
    # The other library computes in float32, takes a difference of two large numbers and keeps six
    # decimals: where two cases are as near as that, their order says nothing.
    np.testing.assert_allclose(found, factor * expected + offset, rtol=0, atol=1e-4 * np.ptp(found))


@pytest.mark.parametrize("shrinkage", [-0.1, 1.5, float("nan")])
@pytest.mark.parametrize("score", [Mahalanobis, RelativeMahalanobis, MahalanobisNormalised])
def test_a_shrinkage_out_of_range_is_refused(score: type, shrinkage: float) -> None:
    with pytest.raises(UsageError, match="from 0 to 1"):
        score(shrinkage)


def test_one_case_is_too_few() -> None:
    with pytest.raises(UsageError, match="mahalanobis: 1 training case has no spread"):
        run(Mahalanobis(), np.ones((1, 3)), np.zeros(1, int), np.ones((1, 3)))
    assert check_cases(np.ones((2, 3), np.float32), "any").dtype == np.float64


def test_unit_length_of_zeros_and_of_values_whose_squares_overflow() -> None:
    rows = np.array([[0, 0], [3, 4], [3e30, 4e30], [3e-30, 4e-30]], np.float32)
    expected = [[0, 0], [0.6, 0.8], [0.6, 0.8], [0.6, 0.8]]
    np.testing.assert_allclose(unit_length(rows), expected, rtol=1e-6)


@pytest.mark.parametrize("components", [1, 3, 11, None])
def test_principal_axes_against_the_singular_values(cases, components: int | None) -> None:
    centred = cases[0] - cases[0].mean(axis=0)
    variances, axes = principal_axes(centred, components)
    _, values, right = np.linalg.svd(centred, full_matrices=False)
    kept = components or WIDTH
    np.testing.assert_allclose(variances, values[:kept] ** 2 / len(centred))
    np.testing.assert_allclose(np.abs((axes * right[:kept].T).sum(axis=0)), 1)


def test_a_common_basis_makes_both_covariances_diagonal() -> None:
    rng = np.random.default_rng(1)
    one, other = (shrunk_covariance(rng.normal(size=(20, 6)), 0.1, 1e-9) for _ in range(2))
    variances, basis = common_basis(one, other)
    np.testing.assert_allclose(basis.T @ other @ basis, np.eye(6), atol=1e-12)
    np.testing.assert_allclose(basis.T @ one @ basis, np.diag(variances), atol=1e-12)


def test_the_floor_of_the_variance_is_above_zero_whatever_the_cases() -> None:
    assert variance_floor(np.zeros((3, 2))) == 1
    assert variance_floor(np.full((3, 2), 1e-20)) > 0
    assert variance_floor(np.ones((3, 2))) < 1e-12
