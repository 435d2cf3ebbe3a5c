"""Margin-based label smoothing against its formula, one number at a time."""

from __future__ import annotations

from math import log

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.models.losses.plain import random_batch, softmax
from triage.losses.cross_entropy import cross_entropy
from triage.losses.margin_smoothing import margin_smoothing_loss

SEEDS = st.integers(0, 2**32 - 1)


@given(seed=SEEDS, weight=st.floats(0, 2), margin=st.floats(0, 12))
def test_it_is_its_formula(seed: int, weight: float, margin: float) -> None:
    logits, targets = random_batch(seed, scale=6.0)
    found = margin_smoothing_loss(logits, targets, weight, margin).tolist()
    for row, y, loss in zip(logits.tolist(), targets.tolist(), found, strict=True):
        far = [max(0.0, max(row) - z - margin) for z in row]
        expected = -log(softmax(row)[y]) + weight * sum(far) / len(far)
        assert loss == pytest.approx(expected, rel=1e-9)


def test_within_the_margin_it_is_cross_entropy() -> None:
    logits, targets = random_batch(4, scale=1.0)
    assert (logits.amax(1) - logits.amin(1)).max() < 10
    assert torch.equal(margin_smoothing_loss(logits, targets), cross_entropy(logits, targets))


def test_without_a_margin_only_equal_logits_are_free() -> None:
    """Label smoothing is this with a margin of zero: its minimum has all logits alike."""
    logits, targets = random_batch(5)
    extra = margin_smoothing_loss(logits, targets, 1.0, 0.0) - cross_entropy(logits, targets)
    assert (extra > 0).all()
    flat = torch.full((1, 4), 7.0)
    same = margin_smoothing_loss(flat, torch.tensor([2]), 1.0, 0.0)
    assert same.item() == pytest.approx(log(4))


def test_a_shift_of_all_logits_changes_nothing() -> None:
    logits, targets = random_batch(6, scale=8.0)
    assert torch.allclose(
        margin_smoothing_loss(logits + 100, targets), margin_smoothing_loss(logits, targets)
    )
