"""Gram-OOD* against loops over classes, layers and statistics."""

from __future__ import annotations

import numpy as np
import pytest

from triage.errors import UsageError
from triage.uncertainty.scores.gram import Gram


def draw(n: int, seed: int) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
    """Two layers of statistics in [0, 1], and classes."""
    rng = np.random.default_rng(seed)
    truth = rng.permutation(np.arange(n) % 3)
    first = np.clip(0.2 * truth[:, None] + rng.random((n, 5)) / 2, 0, 1)
    return (first.astype(np.float32), rng.random((n, 3)).astype(np.float32)), truth


def deviation(case: np.ndarray, seen: np.ndarray) -> float:
    total = 0.0
    for value, column in zip(case.tolist(), seen.T.tolist(), strict=True):
        low, high = min(column), max(column)
        if value < low:
            total += (low - value) / (abs(low) + 1e-5)
        if value > high:
            total += (value - high) / (abs(high) + 1e-5)
    return total


def test_against_loops() -> None:
    (train, truth), (test, predicted) = draw(90, 0), draw(40, 1)
    score = Gram()
    held = score._held_out(train[0], truth)
    assert [int(held[truth == c].sum()) for c in range(3)] == [3, 3, 3]
    expected = np.zeros(40)
    for seen, cases in zip(train, test, strict=True):

        def of(case: np.ndarray, c: int, seen: np.ndarray = seen) -> float:
            return deviation(case, seen[~held & (truth == c)])

        norm = np.mean([of(seen[row], truth[row]) for row in np.flatnonzero(held)])
        assert norm > 0
        expected += [of(case, c) / norm for case, c in zip(cases, predicted, strict=True)]
    np.testing.assert_allclose(
        score.of(test, predicted, score.learn(train, truth)), expected, rtol=1e-4
    )


def test_a_deviation_worked_out_by_hand() -> None:
    train = (np.array([[0.2, 0.5], [0.4, 0.5]], dtype=np.float32),)
    state = Gram().learn(train, np.zeros(2, int))  # too few to hold one out: not normed
    test = (np.array([[0.3, 0.5], [0.1, 0.5], [0.4, 1.0], [0.8, 0.0]], dtype=np.float32),)
    found = Gram().of(test, np.zeros(4, int), state)
    np.testing.assert_allclose(found, [0, 0.5, 1.0, 1.0 + 1.0], atol=1e-3)


def test_what_is_held_out_does_not_depend_on_the_order() -> None:
    (train, truth), order = draw(90, 0), np.random.default_rng(3).permutation(90)
    held = Gram()._held_out(train[0], truth)
    assert np.array_equal(Gram()._held_out(train[0][order], truth[order]), held[order])


def test_a_class_without_training_cases_has_the_range_of_all() -> None:
    (train, truth), (test, _) = draw(90, 0), draw(10, 1)
    present = truth != 1
    state = Gram().learn(tuple(layer[present] for layer in train), truth[present])
    beyond = Gram().of(test, np.full(10, 7), state)
    np.testing.assert_allclose(Gram().of(test, np.full(10, 1), state), beyond, rtol=1e-6)
    least = np.minimum(*(Gram().of(test, np.full(10, c), state) for c in (0, 2)))
    assert (beyond <= least + 1e-6).all()


def test_other_layers_than_it_was_fitted_on() -> None:
    (train, truth), (test, predicted) = draw(30, 0), draw(10, 1)
    state = Gram().learn(train, truth)
    with pytest.raises(UsageError, match=r"gram: was fitted on layers of \[5, 3\]"):
        Gram().of(test[::-1], predicted, state)


@pytest.mark.parametrize("share", [0.0, 1.0, -1.0])
def test_a_share_out_of_bounds(share: float) -> None:
    with pytest.raises(UsageError, match="gram: the held-out share"):
        Gram(held_out=share)
