"""Confidence-adjusted mixup: which classes it mixes, against counting by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from triage.errors import UsageError
from triage.models.mixing.camixup import ConfidenceAdjustedMixup, over_confident_classes


def plain_over_confident(probabilities: np.ndarray, truth: np.ndarray) -> list[bool]:
    found = []
    for c in range(probabilities.shape[1]):
        rows = [p for p, y in zip(probabilities, truth, strict=True) if y == c]
        accuracy = np.mean([p.argmax() == c for p in rows]) if rows else 0.0
        confidence = np.mean([p.max() for p in rows]) if rows else 0.0
        found.append(bool(accuracy < confidence))
    return found


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(0, 40))
def test_over_confidence_is_accuracy_below_confidence(seed: int, n: int) -> None:
    chance = np.random.default_rng(seed)
    probabilities = chance.dirichlet(np.ones(4), n).reshape(n, 4)
    truth = chance.integers(0, 4, n)
    found = over_confident_classes(torch.tensor(probabilities), torch.tensor(truth))
    assert found.tolist() == plain_over_confident(probabilities, truth)


def test_certain_and_right_is_not_over_confident() -> None:
    found = over_confident_classes(torch.eye(3)[[0, 1, 1]], torch.tensor([0, 0, 1]))
    assert found.tolist() == [True, False, False]


@pytest.mark.parametrize("truth", [[0, 3], [0, -1], [0], [0, 1, 1]])
def test_classes_that_do_not_fit_are_refused(truth: list[int]) -> None:
    with pytest.raises(UsageError, match="validation inliers"):
        over_confident_classes(torch.full((2, 3), 1 / 3), torch.tensor(truth))


def test_nothing_is_mixed_before_the_first_epoch_ends() -> None:
    inputs, targets = torch.randn(6, 2), torch.arange(6) % 3
    mixed = ConfidenceAdjustedMixup().mix(inputs, targets, torch.Generator().manual_seed(0))
    assert mixed.inputs is inputs
    assert mixed.partners is mixed.targets


def test_only_over_confident_classes_are_mixed_and_each_epoch_decides_anew() -> None:
    mixing = ConfidenceAdjustedMixup(5.0)
    inputs = torch.eye(12)
    targets = torch.arange(12) % 4  # class 3: training outliers, never validated
    certain = torch.eye(3)[[0, 0, 0]]

    mixing.after_epoch(certain, torch.tensor([0, 1, 2]))  # 1 and 2 are taken for 0
    mixed = mixing.mix(inputs, targets, torch.Generator().manual_seed(1))
    touched = (mixed.share < 1).tolist()
    assert touched == [y in (1, 2) for y in targets.tolist()]
    alone = [y in (0, 3) for y in targets.tolist()]
    assert torch.equal(mixed.inputs[alone], inputs[alone])

    mixing.after_epoch(certain, torch.tensor([0, 0, 2]))  # only 2 still is
    mixed = mixing.mix(inputs, targets, torch.Generator().manual_seed(1))
    assert (mixed.share < 1).tolist() == [y == 2 for y in targets.tolist()]

    mixing.after_epoch(certain, torch.tensor([0, 0, 0]))  # none is
    assert mixing.mix(inputs, targets, torch.Generator().manual_seed(1)).inputs is inputs


def test_probabilities_from_inference_mode_are_accepted() -> None:
    with torch.inference_mode():
        logits = torch.tensor([[3.0, 0.0], [3.0, 0.0]])
    mixing = ConfidenceAdjustedMixup()
    mixing.after_epoch(logits.softmax(1), torch.tensor([0, 1]))
    assert mixing.over_confident.tolist() == [False, True]
    inputs = torch.randn(4, 2, requires_grad=True)
    mixed = mixing.mix(inputs, torch.tensor([0, 1, 1, 0]), torch.Generator().manual_seed(0))
    mixed.inputs.sum().backward()
    assert torch.isfinite(inputs.grad).all()
