"""ACLS against its formula, one number at a time, value and gradient."""

from __future__ import annotations

from math import log

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.models.losses.plain import N_CLASSES, random_batch, softmax
from triage.losses.acls import acls_loss
from triage.losses.cross_entropy import cross_entropy

SEEDS = st.integers(0, 2**32 - 1)


@given(seed=SEEDS, margin=st.floats(0, 12))
def test_acls_is_its_formula(seed: int, margin: float) -> None:
    logits, targets = random_batch(seed, scale=6.0)
    found = acls_loss(logits, targets, 0.3, 1.5, 0.2, margin).tolist()
    for row, y, loss in zip(logits.tolist(), targets.tolist(), found, strict=True):
        m = row.index(max(row))
        large = max(0.0, row[m] - margin) ** 2
        far = [max(0.0, row[m] - z - margin) ** 2 for j, z in enumerate(row) if j != m]
        penalty = 1.5 * large + 0.2 * sum(far) / len(far)
        expected = -log(softmax(row)[y]) + 0.3 * penalty
        assert loss == pytest.approx(expected, rel=1e-9)


def test_the_largest_logit_is_lowered_by_its_own_term_alone() -> None:
    """The distance of the others raises them; it passes no gradient to the largest."""
    logits, targets = random_batch(3, scale=8.0)
    logits.requires_grad_()
    margin = 5.0
    (acls_loss(logits, targets, margin=margin) - cross_entropy(logits, targets)).sum().backward()
    for row, gradient in zip(logits.tolist(), logits.grad.tolist(), strict=True):
        m = row.index(max(row))
        expected = [-2 * 0.1 * 0.1 * max(0.0, row[m] - z - margin) / (N_CLASSES - 1) for z in row]
        expected[m] = 2 * 0.1 * max(0.0, row[m] - margin)
        assert gradient == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_within_the_margin_it_is_cross_entropy() -> None:
    logits, targets = random_batch(4, scale=1.0)
    assert logits.amax() < 5
    assert logits.amin() > -5
    assert torch.equal(acls_loss(logits, targets), cross_entropy(logits, targets))


def test_a_single_class_and_equal_largest_logits() -> None:
    one = acls_loss(torch.tensor([[12.0]]), torch.tensor([0]))
    assert one.item() == pytest.approx(0.1 * 2**2)
    two = acls_loss(torch.tensor([[12.0, 12.0]], dtype=torch.float64), torch.tensor([1]))
    assert two.item() == pytest.approx(log(2) + 0.1 * 2**2)
