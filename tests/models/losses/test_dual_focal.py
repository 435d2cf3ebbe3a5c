"""The dual focal loss against its formula, one number at a time."""

from __future__ import annotations

from math import log

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.models.losses.plain import random_batch, softmax
from triage.losses.cross_entropy import cross_entropy
from triage.losses.dual_focal import dual_focal_loss
from triage.losses.focal import focal_loss

SEEDS = st.integers(0, 2**32 - 1)


@given(seed=SEEDS, gamma=st.floats(0, 8))
def test_dual_focal_is_its_formula(seed: int, gamma: float) -> None:
    logits, targets = random_batch(seed)
    found = dual_focal_loss(logits, targets, gamma).tolist()
    for row, y, loss in zip(logits.tolist(), targets.tolist(), found, strict=True):
        p = softmax(row)
        below = max([other for other in p if other < p[y]], default=0.0)
        expected = -((1 - p[y] + below) ** gamma) * log(p[y])
        assert loss == pytest.approx(expected, rel=1e-9, abs=1e-12)


@given(seed=SEEDS, gamma=st.floats(0, 8))
def test_it_lies_between_focal_and_cross_entropy(seed: int, gamma: float) -> None:
    logits, targets = random_batch(seed)
    found = dual_focal_loss(logits, targets, gamma)
    assert (found >= focal_loss(logits, targets, gamma) * (1 - 1e-12)).all()
    assert (found <= cross_entropy(logits, targets) * (1 + 1e-12)).all()


def test_the_least_likely_class_has_the_focal_loss() -> None:
    logits = torch.tensor([[3.0, 1.0, -2.0], [0.0, 0.0, 0.0]], dtype=torch.float64)
    targets = torch.tensor([2, 1])  # nothing is strictly below either
    assert torch.allclose(dual_focal_loss(logits, targets), focal_loss(logits, targets, 5.0))


def test_five_is_the_default_and_a_case_by_hand() -> None:
    logits = torch.log(torch.tensor([[0.5, 0.3, 0.2]], dtype=torch.float64))
    found = [dual_focal_loss(logits, torch.tensor([y])).item() for y in range(3)]
    expected = [-(0.8**5) * log(0.5), -(0.9**5) * log(0.3), -(0.8**5) * log(0.2)]
    assert found == pytest.approx(expected)
