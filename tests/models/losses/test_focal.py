"""The focal losses against their formulas, one number at a time."""

from __future__ import annotations

from math import log

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.models.losses.plain import random_batch, softmax
from triage.losses.cross_entropy import cross_entropy
from triage.losses.focal import flsd_loss, focal_loss

SEEDS = st.integers(0, 2**32 - 1)


@given(seed=SEEDS, gamma=st.floats(0, 8))
def test_focal_is_its_formula(seed: int, gamma: float) -> None:
    logits, targets = random_batch(seed)
    found = focal_loss(logits, targets, gamma).tolist()
    for row, y, loss in zip(logits.tolist(), targets.tolist(), found, strict=True):
        p = softmax(row)[y]
        assert loss == pytest.approx(-((1 - p) ** gamma) * log(p), rel=1e-9, abs=1e-12)


@given(seed=SEEDS)
def test_the_exponent_of_flsd_is_five_below_a_fifth_and_three_above(seed: int) -> None:
    logits, targets = random_batch(seed)
    found = flsd_loss(logits, targets).tolist()
    for row, y, loss in zip(logits.tolist(), targets.tolist(), found, strict=True):
        p = softmax(row)[y]
        gamma = 5 if p < 0.2 else 3
        assert loss == pytest.approx(-((1 - p) ** gamma) * log(p), rel=1e-9, abs=1e-12)


@given(seed=SEEDS)
def test_without_an_exponent_focal_is_cross_entropy(seed: int) -> None:
    logits, targets = random_batch(seed)
    assert torch.equal(focal_loss(logits, targets, 0.0), cross_entropy(logits, targets))


@given(seed=SEEDS, gamma=st.floats(0, 4), more=st.floats(0, 4))
def test_a_larger_exponent_never_costs_more(seed: int, gamma: float, more: float) -> None:
    logits, targets = random_batch(seed)
    less = focal_loss(logits, targets, gamma + more)
    assert (less <= focal_loss(logits, targets, gamma) * (1 + 1e-12)).all()


def test_three_is_the_default_and_a_case_by_hand() -> None:
    logits = torch.log(torch.tensor([[0.5, 0.25, 0.25], [0.1, 0.45, 0.45]], dtype=torch.float64))
    targets = torch.tensor([0, 0])
    assert focal_loss(logits, targets).tolist() == pytest.approx([0.125 * log(2), 0.729 * log(10)])
    assert flsd_loss(logits, targets).tolist() == pytest.approx([0.125 * log(2), 0.9**5 * log(10)])


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 3.0])
def test_a_case_that_is_certain_has_no_loss_and_a_finite_gradient(gamma: float) -> None:
    """The slope of x ** 0.5 at zero is infinite; times the zero loss it would be no number."""
    logits = torch.tensor([[1e4, -1e4, 0.0]], requires_grad=True)
    loss = focal_loss(logits, torch.tensor([0]), gamma)
    loss.sum().backward()
    assert loss.item() == 0
    assert torch.isfinite(logits.grad).all()


def test_focal_gradient_by_the_product_rule() -> None:
    """d/dz_k = p_y (1 - p_y)^(g-1) (g log p_y - (1 - p_y) / p_y) (1[k = y] - p_k)."""
    logits, targets = random_batch(7)
    logits.requires_grad_()
    focal_loss(logits, targets, 2.5).sum().backward()
    for row, y, gradient in zip(
        logits.tolist(), targets.tolist(), logits.grad.tolist(), strict=True
    ):
        p = softmax(row)
        slope = p[y] * (1 - p[y]) ** 1.5 * (2.5 * log(p[y]) - (1 - p[y]) / p[y])
        expected = [slope * ((k == y) - p[k]) for k in range(len(row))]
        assert gradient == pytest.approx(expected, rel=1e-6, abs=1e-10)
