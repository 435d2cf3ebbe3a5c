from __future__ import annotations

import numpy as np
import pytest

from triage.errors import TrainingError, UsageError
from triage.models.introspection import Predict, Rows, introspect, stratified_folds

TARGETS = np.array([0] * 17 + [1] * 12 + [2] * 4)


def nearest_neighbour(points: np.ndarray, targets: np.ndarray) -> object:
    """Training that memorises: the probability of the nearest stored case's condition is 0.9."""

    def train(rows: Rows) -> Predict:
        def predict(asked: Rows) -> np.ndarray:
            distance = np.abs(points[asked][:, None] - points[rows][None])
            nearest = targets[rows][distance.argmin(1)]
            return np.where(np.arange(3) == nearest[:, None], 0.9, 0.05)

        return predict

    return train


@pytest.mark.parametrize("folds", [2, 5, 10])
def test_folds_are_of_equal_size_in_every_condition(folds: int) -> None:
    fold = stratified_folds(TARGETS, folds, np.random.default_rng(3))
    for part in (fold, *(fold[c == TARGETS] for c in range(3))):
        counts = np.bincount(part, minlength=folds)
        assert counts.max() - counts.min() <= 1
    other = stratified_folds(TARGETS, folds, np.random.default_rng(4))
    assert not np.array_equal(fold, other)


def test_bias_by_brute_force() -> None:
    """Every model's probabilities are kept, and averaged by who had seen the case."""
    trainings: list[tuple[set[int], np.ndarray]] = []
    chance = np.random.default_rng(0)

    def train(rows: Rows) -> Predict:
        probabilities = chance.random((len(TARGETS), 3))
        trainings.append((set(rows.tolist()), probabilities))
        return lambda asked: probabilities[asked]

    found = introspect(train, TARGETS, folds=4, repeats=3, percentile=80, seed=7)
    assert len(trainings) == 12
    for case, target in enumerate(TARGETS):
        seen = [p[case, target] for rows, p in trainings if case in rows]
        unseen = [p[case, target] for rows, p in trainings if case not in rows]
        assert (len(seen), len(unseen)) == (9, 3)
        assert found.seen[case] == pytest.approx(np.mean(seen))
        assert found.unseen[case] == pytest.approx(np.mean(unseen))
        assert found.bias[case] == pytest.approx(abs(np.mean(seen) - np.mean(unseen)))
    threshold = np.percentile(found.bias, 80)
    assert np.array_equal(found.underrepresented, found.bias > threshold)
    assert found.underrepresented.sum() == 7  # a fifth of 33


def test_lonely_cases_are_underrepresented() -> None:
    points = np.concatenate([np.linspace(0, 1, 17), np.linspace(5, 6, 12), np.linspace(9, 10, 4)])
    points[3], points[20] = 5.55, 0.55  # each among cases of another condition
    found = introspect(nearest_neighbour(points, TARGETS), TARGETS, percentile=75, seed=1)
    assert found.bias[[3, 20]] == pytest.approx(0.85)
    assert found.underrepresented[[3, 20]].all()
    assert found.underrepresented.sum() <= 6  # they mislead models on their neighbours


def test_a_repeat_of_the_call_is_the_same() -> None:
    train = nearest_neighbour(np.random.default_rng(0).random(33), TARGETS)
    first, second = (introspect(train, TARGETS, seed=5) for _ in range(2))
    assert np.array_equal(first.bias, second.bias)


@pytest.mark.parametrize(
    "settings", [{"folds": 1}, {"repeats": 0}, {"percentile": 100.0}, {"percentile": -1.0}]
)
def test_settings_out_of_range(settings: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="folds"):
        introspect(lambda rows: lambda asked: np.zeros((33, 3)), TARGETS, **settings)


def test_too_few_cases() -> None:
    with pytest.raises(TrainingError, match="too few"):
        introspect(lambda rows: lambda asked: np.zeros((3, 3)), TARGETS[:3])


@pytest.mark.parametrize("shape", [(33, 2), (32, 3)])
def test_probabilities_of_the_wrong_shape(shape: tuple[int, int]) -> None:
    with pytest.raises(TrainingError, match="shape"):
        introspect(lambda rows: lambda asked: np.zeros(shape), TARGETS)
