"""Max softmax, entropy, GEN and outlier mass, against the formulas written out."""

from __future__ import annotations

from math import log
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax
from scipy.stats import entropy as scipy_entropy

from tests.uncertainty.scores.make import read_golden
from triage.errors import UsageError
from triage.uncertainty.observations import Observations
from triage.uncertainty.scores import POLICY_SCORES
from triage.uncertainty.scores.entropy import Entropy
from triage.uncertainty.scores.gen import Gen
from triage.uncertainty.scores.max_softmax import MaxSoftmax
from triage.uncertainty.scores.outlier_mass import OutlierMass


def draw(seed: int, n: int, classes: int) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.full(classes, 0.5), size=n)


@given(st.integers(0, 999), st.integers(1, 20), st.integers(2, 7), st.data())
def test_against_the_formulas(seed: int, n: int, classes: int, data: st.DataObject) -> None:
    n_inliers = data.draw(st.integers(1, classes - 1))
    p = draw(seed, n, classes)
    mass, most = OutlierMass().of(p, n_inliers), MaxSoftmax().of(p, n_inliers)
    entropy, gen = Entropy().of(p, n_inliers), Gen(gamma=0.3, largest=2).of(p, n_inliers)
    for row in range(n):
        known = p[row][:n_inliers]
        assert mass[row] == pytest.approx(sum(p[row][n_inliers:]), abs=1e-12)
        assert mass[row] == pytest.approx(1 - sum(known), abs=1e-9)
        assert most[row] == 1 - max(known)
        assert entropy[row] == pytest.approx(scipy_entropy(known), abs=1e-6)
        given_inlier = sorted(known / sum(known))[-2:]
        assert gen[row] == pytest.approx(
            sum(q**0.3 * max(1 - q, 0.0) ** 0.3 for q in given_inlier), abs=1e-4
        )


def test_numbers_worked_out_by_hand() -> None:
    p = np.array([[0.25, 0.25, 0.5], [0.5, 0.5, 0.0], [0.0, 0.0, 1.0]])
    np.testing.assert_allclose(MaxSoftmax().of(p, 2), [0.75, 0.5, 1.0])
    np.testing.assert_allclose(OutlierMass().of(p, 2), [0.5, 0.0, 1.0])
    np.testing.assert_allclose(
        Entropy().of(p, 2), [log(2)] * 3
    )  # nothing known: as unsure as can be
    np.testing.assert_allclose(Gen(gamma=0.5).of(p, 2), [1.0] * 3)
    sure = np.array([[1.0, 0.0]])
    np.testing.assert_allclose(Entropy().of(sure, 2), 0, atol=1e-9)
    np.testing.assert_allclose(MaxSoftmax().of(sure, 2), 0)


def test_gen_of_confident_cases_is_not_that_of_a_floor() -> None:
    logits = np.array([[60.0, 0, 0], [40, 0, 0], [30, 0, 0], [5, 0, -5]])
    p = softmax(logits, axis=1)
    expected = [sum((q * (1 - q)) ** 0.1 for q in row) for row in p]
    found = Gen().of(p, 3)
    np.testing.assert_allclose(found[:3], [0.0050, 0.0366, 0.1529], atol=5e-5)
    np.testing.assert_allclose(found, expected, rtol=1e-3)
    np.testing.assert_array_equal(Gen().of(np.eye(3), 3), 0)


def test_gen_is_of_the_shares_of_inlier_classes() -> None:
    known = np.array([[0.7, 0.2, 0.1]])
    mostly_outlier = np.column_stack([1e-300 * known, [[1.0]]])
    np.testing.assert_allclose(Gen().of(mostly_outlier, 3), Gen().of(known, 3), rtol=1e-9)


def test_outlier_mass_needs_outlier_classes() -> None:
    with pytest.raises(UsageError, match=r"outlier classes.*`reject` or `hod`"):
        OutlierMass().of(draw(0, 3, 4), 4)


def test_max_softmax_is_at_most_one_minus_one_over_k_without_outlier_classes() -> None:
    p = np.vstack([np.full((1, 4), 0.25), np.eye(4), draw(1, 200, 4)])
    score = MaxSoftmax().of(p, 4)
    assert score[0] == score.max() == 0.75
    assert (score[1:5] == 0).all()


@pytest.mark.parametrize("score", [MaxSoftmax(), Entropy(), Gen()])
def test_the_members_are_averaged_first(score: MaxSoftmax | Entropy | Gen) -> None:
    p = np.stack([draw(0, 9, 5), draw(1, 9, 5), draw(2, 9, 5)], axis=1).astype(np.float32)
    found = score.score(Observations(n_inliers=3, probabilities=p))
    np.testing.assert_allclose(found, score.of(p.astype(np.float64).mean(axis=1), 3), rtol=1e-6)


@pytest.mark.parametrize("settings", [{"gamma": 0.0}, {"gamma": 1.0}, {"largest": 0}])
def test_settings_of_gen_out_of_bounds(settings: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="gen: needs 0 < gamma < 1"):
        Gen(**settings)  # type: ignore[arg-type]


def test_a_policy_may_name_these() -> None:
    assert {*POLICY_SCORES} == {"max_softmax", "entropy", "gen", "outlier_mass"}


@pytest.mark.realdata
def test_against_another_library(shared: Path) -> None:
    golden = read_golden(shared)
    found = {
        key: score.score(golden.test)
        for key, score in (("max_softmax", MaxSoftmax()), ("entropy", Entropy()), ("gen", Gen()))
    }
    # It leaves out the one of 1 - max p, and divides GEN by the number of classes.
    np.testing.assert_allclose(found["max_softmax"], 1 + golden.scores["max_softmax"], atol=1e-6)
    np.testing.assert_allclose(found["entropy"], golden.scores["entropy"], atol=1e-6)
    np.testing.assert_allclose(found["gen"], 5 * golden.scores["gen"], atol=3e-6)
