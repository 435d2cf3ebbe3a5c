"""Residual and ViM against the definition in float64, by whichever subspace they are computed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.special import logsumexp
from sklearn.decomposition import PCA
from sklearn.metrics import roc_auc_score

from tests.uncertainty.scores.make import read_golden
from triage.errors import UsageError
from triage.scores import ViM
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


SHIFTS = (0.0, -30.0, -100.0)


def shifted_cases() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Training and test features, whether a test case is out of distribution, and the weight."""
    rng = np.random.default_rng(3)
    weight = rng.normal(size=(10, 32)) / 4
    turned = np.linalg.qr(rng.normal(size=(32, 32)))[0]

    def inliers(n: int) -> np.ndarray:
        spread = (rng.normal(size=(n, 32)) * 0.9 ** np.arange(32)) @ turned
        return 3 * weight[np.arange(n) % 10] + spread

    train, near = inliers(600), inliers(400)
    far = inliers(400) + 0.6 * rng.normal(size=(400, 32))
    outside = np.repeat([False, True], 400)
    return train, np.vstack([near, far]), outside, weight


def test_a_constant_added_to_all_logits_leaves_the_ranking_of_vim() -> None:
    train, test, outside, weight = shifted_cases()
    areas, alphas = [], []
    for shift in SHIFTS:
        score = ViM(dimensions=8)
        score.fit(train, np.arange(600) % 10, last_layer=(weight, np.full(10, shift)))
        areas.append(roc_auc_score(outside, score.score(test)))
        alphas.append(float(score._score.state_of(0)["alpha"]))
        assert bool(score._score.state_of(0)["centred"]) is (shift < 0)
    assert min(alphas) > 0
    assert 0.7 < areas[0] < 0.99  # so that a change would be seen
    np.testing.assert_allclose(areas, areas[0], rtol=0, atol=0.02)
    # centred logits do not hold the constant
    np.testing.assert_allclose(areas[1], areas[2], rtol=0, atol=0.001)


def test_centred_logits_are_those_of_a_centred_last_layer() -> None:
    train, test, _, weight = shifted_cases()
    bias = np.random.default_rng(4).normal(size=10)
    centred = (weight - weight.mean(axis=0), bias - bias.mean())
    truth = np.zeros(len(train), int)
    _, expected = by_definition(train, test, centred, 8)
    state = Vim(8).learn(train, truth, weight, bias - 50)
    found = Vim(8).of(test, weight, bias - 50, state)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)


def test_one_class_of_negative_logits_ranks_by_the_residual() -> None:
    train, test, _, weight = shifted_cases()
    head = (weight[:1], np.array([-50.0]))
    state = Vim(8).learn(train, np.zeros(len(train), int), *head)
    assert state["alpha"] == 1
    found = Vim(8).of(test, *head, state)
    centred = (np.zeros((1, 32)), np.zeros(1))
    expected = Residual(8).learn(train, np.zeros(len(train), int), *centred)
    np.testing.assert_allclose(found, Residual(8).of(test, *centred, expected), rtol=1e-3)


def test_a_state_of_an_earlier_release_scores_as_it_did() -> None:
    train, test, head = draw(300, 16, 0), draw(50, 16, 1), last_layer(16)
    score = Vim(5)
    state = score.learn(train, np.zeros(300, int), *head)
    earlier = {name: value for name, value in state.items() if name != "centred"}
    assert {*earlier} == {"matrix", "shift", "length", "complement", "alpha"}
    np.testing.assert_array_equal(score.of(test, *head, earlier), score.of(test, *head, state))


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
