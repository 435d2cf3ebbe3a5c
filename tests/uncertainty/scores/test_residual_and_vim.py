"""Residual and ViM against the definition in float64, by whichever subspace they are computed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.special import logsumexp
from sklearn.decomposition import PCA

from tests.uncertainty.scores.make import read_golden
from triage.errors import UsageError
from triage.uncertainty.member_head import MemberHead
from triage.uncertainty.observations import Observations
from triage.uncertainty.scores.residual import Residual, principal_dimensions
from triage.uncertainty.scores.vim import Vim

Head = tuple[np.ndarray, np.ndarray]


def draw(n: int, width: int, seed: int, decay: float = 0.8) -> np.ndarray:
    """Features with a spectrum that falls by a factor a dimension, on turned axes."""
    turned = np.linalg.qr(np.random.default_rng(99).normal(size=(width, width)))[0]
    scaled = np.random.default_rng(seed).normal(size=(n, width)) * 3 * decay ** np.arange(width)
    return (1 + scaled @ turned).astype(np.float32)


def last_layer(width: int, classes: int = 4) -> Head:
    rng = np.random.default_rng(5)
    return rng.normal(size=(classes, width)), rng.normal(size=classes)


def by_definition(
    train: np.ndarray, test: np.ndarray, head: Head, dimensions: int
) -> tuple[np.ndarray, np.ndarray]:
    """Residual and ViM, class by class and case by case, in float64."""
    weight, bias = head
    train, test = train.astype(np.float64), test.astype(np.float64)
    origin = np.linalg.lstsq(weight, -bias, rcond=None)[0]
    # The principal directions of the points and their mirror images: PCA about the origin.
    mirrored = np.vstack([train - origin, origin - train])
    beyond = PCA(svd_solver="full").fit(mirrored).components_[dimensions:]

    def outside(cases: np.ndarray) -> np.ndarray:
        return np.array([np.linalg.norm(beyond @ (case - origin)) for case in cases])

    logits = train @ weight.T + bias
    alpha = logits.max(axis=1).mean() / outside(train).mean()
    energies = -logsumexp(test @ weight.T + bias, axis=1)
    return outside(test), alpha * outside(test) + energies


@pytest.mark.parametrize("dimensions", [1, 3, 8, 13, 15])
def test_against_the_definition(dimensions: int) -> None:
    train, test, head = draw(300, 16, 0), draw(50, 16, 1), last_layer(16)
    residual, vim = by_definition(train, test, head, dimensions)
    weight, bias = head
    for score, expected in ((Residual(dimensions), residual), (Vim(dimensions), vim)):
        state = score.learn(train, np.zeros(300, int), weight, bias)
        np.testing.assert_allclose(score.of(test, weight, bias, state), expected, rtol=1e-3)


@pytest.mark.parametrize(("decay", "direct"), [(0.95, False), (0.5, True)])
def test_the_thin_product_is_used_where_it_is_exact_enough(decay: float, direct: bool) -> None:
    train, test, head = draw(400, 32, 0, decay), draw(50, 32, 1, decay), last_layer(32)
    state = Residual(10).learn(train, np.zeros(400, int), *head)
    assert bool(state["complement"]) is direct
    expected, _ = by_definition(train, test, head, 10)
    np.testing.assert_allclose(Residual(10).of(test, *head, state), expected, rtol=1e-3)


def test_an_origin_far_away_costs_no_digits() -> None:
    train, test = draw(400, 32, 0, 0.95), draw(50, 32, 1, 0.95)
    weight, bias = last_layer(32)
    head = (weight, 1e4 * bias)
    state = Residual(10).learn(train, np.zeros(400, int), *head)
    expected, _ = by_definition(train, test, head, 10)
    np.testing.assert_allclose(Residual(10).of(test, *head, state), expected, rtol=1e-2)


def test_a_residual_worked_out_by_hand() -> None:
    # The logits vanish at (0, 1, 0); training lies along the first axis through that point.
    weight, bias = np.array([[0.0, 1.0, 0.0], [0.0, 2.0, 0.0]]), np.array([-1.0, -2.0])
    train = np.array([[t, 1.0, 0.0] for t in (-3, -1, 1, 3)], dtype=np.float32)
    score = Residual(dimensions=1)
    state = score.learn(train, np.zeros(4, int), weight, bias)
    test = np.array([[9.0, 1.0, 0.0], [0.0, 4.0, 4.0]], dtype=np.float32)
    np.testing.assert_allclose(score.of(test, weight, bias, state), [0.0, 5.0], atol=1e-5)


@pytest.mark.parametrize(
    ("width", "n_cases", "expected"),
    [(2048, 9999, 1000), (1024, 9999, 256), (257, 9999, 256), (256, 9999, 128), (1024, 100, 50)],
)
def test_dimensions_where_none_are_given(width: int, n_cases: int, expected: int) -> None:
    assert principal_dimensions(width, n_cases) == expected


@pytest.mark.parametrize("score", [Residual, Vim])
def test_dimensions_out_of_bounds(score: type[Residual] | type[Vim]) -> None:
    with pytest.raises(UsageError, match="at least one principal dimension"):
        score(dimensions=0)
    with pytest.raises(UsageError, match=r"16 principal dimensions of 16 features leave nothing"):
        score(dimensions=16).learn(draw(30, 16, 0), np.zeros(30, int), *last_layer(16))


def test_without_a_residual_in_training_vim_is_the_energy() -> None:
    weight = np.array([[1.0, 2.0, 0.0, 0.0], [2.0, 4.0, 0.0, 0.0]])
    origin = np.linalg.pinv(weight) @ np.array([1.0, 2.0])  # where all logits vanish
    bias = -weight @ origin
    train = np.tile(origin.astype(np.float32), (20, 1))
    state = Vim(dimensions=2).learn(train, np.zeros(20, int), weight, bias)
    assert state["alpha"] == 0
    test = draw(5, 4, 0)
    np.testing.assert_allclose(
        Vim(2).of(test, weight, bias, state), -logsumexp(test @ weight.T + bias, axis=1), rtol=1e-5
    )


def test_the_last_layer_of_the_outlier_classes_is_left_out() -> None:
    train, test = draw(300, 16, 0), draw(50, 16, 1)
    weight, bias = last_layer(16, classes=6)

    def found(head: MemberHead) -> np.ndarray:
        seen, cases = (Observations(4, embedding=part, heads=(head,)) for part in (train, test))
        return Vim(5).fit(seen, np.arange(300) % 4).score(cases)

    whole, inliers = MemberHead.linear(weight, bias), MemberHead.linear(weight[:4], bias[:4])
    np.testing.assert_allclose(found(whole), found(inliers), rtol=1e-5, atol=1e-5)


@pytest.mark.realdata
def test_against_another_library(shared: Path) -> None:
    golden = read_golden(shared)
    found = Vim(dimensions=12).fit(golden.train, golden.truth).score(golden.test)
    np.testing.assert_allclose(found, golden.scores["vim"], atol=2e-4)
