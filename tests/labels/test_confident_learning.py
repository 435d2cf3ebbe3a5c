"""Confident learning against values derived by hand, a slow computation, and planted errors."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from triage.errors import UsageError
from triage.labels.confident_learning import (
    class_thresholds,
    confident_classes,
    confident_joint,
    label_errors,
)

FIRST = np.array([0.9, 0.8, 0.3, 0.2, 0.1, 0.6])
GOLDEN = np.stack([FIRST, 1 - FIRST], axis=1)
LABELS = np.array([0, 0, 0, 1, 1, 1])


def planted(
    seed: int, *, pair: bool, n: int = 600, n_classes: int = 4, share: float = 0.1
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.bool_]]:
    """Probabilities of a good classifier, labels of which a share is flipped, and which."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(n_classes, size=n)
    logits = rng.normal(size=(n, n_classes))
    logits[np.arange(n), truth] += 4
    wrong = np.zeros(n, dtype=bool)
    wrong[rng.choice(n, int(n * share), replace=False)] = True
    step = np.ones(n, dtype=np.int64) if pair else rng.integers(1, n_classes, size=n)
    labels = np.where(wrong, (truth + step) % n_classes, truth)
    exps = np.exp(logits)
    return exps / exps.sum(axis=1, keepdims=True), labels, wrong


def test_golden_values() -> None:
    np.testing.assert_allclose(class_thresholds(GOLDEN, LABELS), [2 / 3, 0.7], atol=1e-12)
    assert confident_classes(GOLDEN, LABELS).tolist() == [0, 0, 1, 1, 1, -1]
    assert confident_joint(GOLDEN, LABELS, calibrate=False).tolist() == [[2, 1], [0, 2]]
    # Rows scaled to three labels each: already 2 and 1; 0 and 3.
    assert confident_joint(GOLDEN, LABELS).tolist() == [[2, 1], [0, 3]]


@pytest.mark.parametrize("method", ["prune_by_noise_rate", "off_diagonal"])
def test_the_one_candidate(method: str) -> None:
    found = label_errors(GOLDEN, LABELS, method=method)
    assert (found.cases.tolist(), found.suggested.tolist()) == ([2], [1])
    assert found.self_confidence == pytest.approx([0.3])
    assert found.margin == pytest.approx([0.3 - 0.7])


def slow_joint(p: NDArray[np.float64], labels: NDArray[np.int64]) -> list[list[int]]:
    """The definition, case by case."""
    n_classes = p.shape[1]
    limits = []
    for j in range(n_classes):
        own = [row[j] for row, label in zip(p, labels, strict=True) if label == j]
        limits.append(sum(own) / len(own) if own else float("inf"))
    joint = [[0] * n_classes for _ in range(n_classes)]
    for row, label in zip(p, labels, strict=True):
        reached = [j for j in range(n_classes) if row[j] >= limits[j]]
        if reached:
            best = reached[0] if len(reached) == 1 else int(np.argmax(row))
            joint[label][best] += 1
    return joint


@pytest.mark.parametrize("seed", range(3))
def test_counts_are_those_of_the_definition(seed: int) -> None:
    p, labels, _ = planted(seed, pair=False, n=150)
    assert confident_joint(p, labels, calibrate=False).tolist() == slow_joint(p, labels)
    calibrated = confident_joint(p, labels)
    assert calibrated.sum(axis=1).tolist() == np.bincount(labels, minlength=4).tolist()


@pytest.mark.parametrize("pair", [False, True])
def test_planted_errors_are_found(pair: bool) -> None:
    """Precision and recall by cases whose flip the classifier can see; chance would be 0.1."""
    p, labels, wrong = planted(0, pair=pair)
    found = label_errors(p, labels)
    hits = wrong[found.cases]
    assert hits.mean() > 0.8
    assert hits.sum() / wrong.sum() > 0.8
    n = int(wrong.sum())
    assert wrong[found.cases[: n // 2]].mean() > 0.9  # the first are surer than the last


def test_correct_labels_have_few_candidates() -> None:
    p, labels, _ = planted(1, pair=False, share=0)
    assert len(label_errors(p, labels).cases) < 0.06 * len(labels)


def test_a_class_without_cases_is_never_suggested() -> None:
    p, labels, _ = planted(2, pair=False)
    kept = labels != 3
    found = label_errors(p[kept], labels[kept])
    assert 3 not in found.suggested
    assert found.joint[3].tolist() == [0, 0, 0, 0]


def test_votes_are_not_made_one_label_before() -> None:
    """A class that a reader named is no error, and the others are ranked by the votes."""
    votes = np.zeros((6, 2))
    votes[2] = [2, 1]
    assert label_errors(GOLDEN, LABELS, votes=votes).cases.tolist() == []
    p, labels, _ = planted(3, pair=True)
    agreed = np.eye(4)[labels]
    same = label_errors(p, labels, votes=agreed)
    assert same.cases.tolist() == label_errors(p, labels).cases.tolist()
    unsure = label_errors(p, labels, votes=agreed + 0.5 * np.eye(4)[(labels - 1) % 4])
    assert len(unsure.cases) < len(same.cases)
    assert (unsure.suggested != (labels[unsure.cases] - 1) % 4).all()


@pytest.mark.parametrize(
    ("p", "labels"),
    [
        (GOLDEN[:, :1], LABELS),
        (GOLDEN, LABELS[:5]),
        (GOLDEN * 2, LABELS),
        (GOLDEN * np.nan, LABELS),
        (GOLDEN, LABELS + 1),
        (GOLDEN[:0], LABELS[:0]),
    ],
)
def test_arrays_that_do_not_fit(p: NDArray[np.float64], labels: NDArray[np.int64]) -> None:
    with pytest.raises(UsageError):
        label_errors(p, labels)


@pytest.mark.parametrize("votes", [np.zeros((5, 2)), np.full((6, 2), -1.0)])
def test_votes_that_do_not_fit(votes: NDArray[np.float64]) -> None:
    with pytest.raises(UsageError):
        label_errors(GOLDEN, LABELS, votes=votes)
