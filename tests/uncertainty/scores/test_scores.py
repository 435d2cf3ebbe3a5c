import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.errors import UsageError
from triage.uncertainty.scores import SCORES, max_softmax, outlier_mass

GOLDEN = Path(__file__).parents[4] / "shared" / "golden"


def draw(seed: int, n: int, classes: int) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.full(classes, 0.5), size=n)


@given(st.integers(0, 999), st.integers(1, 20), st.integers(2, 7), st.data())
def test_against_the_formulas(seed: int, n: int, classes: int, data: st.DataObject) -> None:
    n_inliers = data.draw(st.integers(1, classes - 1))
    p = draw(seed, n, classes)
    for row, (mass, softmax) in enumerate(
        zip(outlier_mass(p, n_inliers), max_softmax(p, n_inliers), strict=True)
    ):
        assert mass == pytest.approx(sum(p[row][n_inliers:]), abs=1e-12)
        assert mass == pytest.approx(1 - sum(p[row][:n_inliers]), abs=1e-9)
        assert softmax == 1 - max(p[row][:n_inliers])


def test_outlier_mass_needs_outlier_classes() -> None:
    with pytest.raises(UsageError, match="outlier classes"):
        outlier_mass(draw(0, 3, 4), 4)


def test_max_softmax_is_at_most_one_minus_one_over_k_without_outlier_classes() -> None:
    p = np.vstack([np.full((1, 4), 0.25), np.eye(4), draw(1, 200, 4)])
    score = max_softmax(p, 4)
    assert score[0] == score.max() == 0.75
    assert (score[1:5] == 0).all()


@pytest.mark.parametrize("name", sorted(SCORES))
def test_registered_scores_are_finite_in_range_and_one_a_case(name: str) -> None:
    p = np.vstack([draw(2, 50, 5), np.eye(5)])
    score = SCORES[name].function(p, 3)
    assert score.shape == (55,)
    assert score.dtype == np.float64
    assert ((score >= 0) & (score <= 1)).all()
    # a sure outlier class is more out-of-distribution than a sure inlier class
    assert score[-1] > score[50]
    assert SCORES[name].source


@pytest.mark.parametrize("name", sorted(SCORES))
def test_what_the_registry_says_of_outlier_classes_is_true(name: str) -> None:
    if SCORES[name].needs_outlier_classes:
        with pytest.raises(UsageError):
            SCORES[name].function(draw(0, 3, 4), 4)
    else:
        assert len(SCORES[name].function(draw(0, 3, 4), 4)) == 3


@pytest.mark.skipif(not GOLDEN.is_dir(), reason="the golden values are not beside the checkout")
def test_max_softmax_against_an_independent_implementation() -> None:
    logits = np.load(GOLDEN / "inputs.npz")["test_logits"].astype(np.float64)
    golden = json.loads((GOLDEN / "detector_scores.json").read_text())
    expected = np.array(golden["detectors"]["max_softmax"]["scores"])
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    score = max_softmax(weights / weights.sum(axis=1, keepdims=True), logits.shape[1])
    offset = expected - score  # -max p there, 1 - max p here
    np.testing.assert_allclose(offset, np.round(offset.mean()), atol=1e-6)
