import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from triage.errors import UsageError
from triage.uncertainty.observations import Observations
from triage.uncertainty.scores.ddu import Ddu

CLASSES, WIDTH = 3, 6


def draw(n: int, width: int = WIDTH) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    truth = np.repeat(np.arange(CLASSES), n)[: CLASSES * n - n // 2]  # the last has fewer
    spread = rng.uniform(0.5, 1.5, size=(CLASSES, width))
    return 3 * truth[:, None] + rng.normal(size=(len(truth), width)) * spread[truth], truth


def run(ddu: Ddu, train: np.ndarray, truth: np.ndarray, test: np.ndarray) -> np.ndarray:
    ddu.fit(Observations(CLASSES, embedding=train), truth)
    return ddu.score(Observations(CLASSES, embedding=test))


@pytest.mark.parametrize("prior", [False, True])
def test_against_the_densities_of_scipy(prior: bool) -> None:
    train, truth = draw(60)
    test = np.random.default_rng(1).normal(2, 4, size=(40, WIDTH))
    logs = []
    for label in range(CLASSES):
        own = train[truth == label]
        density = multivariate_normal(own.mean(axis=0), np.cov(own.T))  # n - 1
        logs.append(density.logpdf(test) + (np.log(len(own) / len(train)) if prior else 0))
    found = run(Ddu(None, prior, jitter=1e-7), train, truth, test)
    np.testing.assert_allclose(found, -logsumexp(logs, axis=0), rtol=2e-4)


def test_on_leading_axes_it_is_the_density_of_the_projection() -> None:
    train, truth = draw(60)
    test = np.random.default_rng(1).normal(2, 4, size=(40, WIDTH))
    right = np.linalg.svd(train - train.mean(axis=0), full_matrices=False)[2][:2].T
    found = run(Ddu(components=2, jitter=1e-7), train, truth, test)
    projected = run(Ddu(None, jitter=1e-7), train @ right, truth, test @ right)
    np.testing.assert_allclose(found, projected, rtol=1e-3)


def test_a_class_of_one_case_takes_the_shared_covariance() -> None:
    train, truth = draw(60)
    keep = (truth != 2) | (np.arange(len(truth)) == np.flatnonzero(truth == 2)[0])
    train, truth = train[keep], truth[keep]
    test = train[truth == 2] + np.linspace(0, 1, 5)[:, None]
    means = np.stack([train[truth == c].mean(axis=0) for c in range(CLASSES)])
    centred = train - means[truth]
    pooled = centred.T @ centred / (len(train) - CLASSES)
    expected = -multivariate_normal(means[2], pooled).logpdf(test)
    np.testing.assert_allclose(run(Ddu(None, jitter=1e-7), train, truth, test), expected, rtol=1e-3)


def test_with_fewer_cases_than_dimensions_near_still_scores_below_far() -> None:
    train, truth = draw(10, 40)
    rng = np.random.default_rng(2)
    near = 3 * rng.integers(CLASSES, size=(50, 1)) + rng.normal(size=(50, 40))
    far = 3 * rng.uniform(-2, 4, size=(50, 40)) + rng.normal(size=(50, 40))
    found = run(Ddu(), train, truth, np.vstack([near, far, far * 1e6]))
    assert np.isfinite(found).all()
    assert np.median(found[:50]) < np.median(found[50:100]) < found[100:].min()


def test_the_jitter_grows_until_the_covariance_can_be_inverted() -> None:
    train, truth = draw(10, 40)
    far = train + 1e6
    for jitter in (1e-30, 1e-14):
        found = run(Ddu(jitter=jitter), train, truth, np.vstack([train, far]))
        assert np.isfinite(found).all()
        # More cannot be said: what a nearly singular covariance gives depends on the processor.
        assert found[: len(train)].max() < found[len(train) :].min()


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(UsageError, match="ddu: a jitter of 0"):
        Ddu(jitter=0)
    with pytest.raises(UsageError, match="ddu: 0 components"):
        Ddu(components=0)
