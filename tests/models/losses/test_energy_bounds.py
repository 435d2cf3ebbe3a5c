"""The bounds on the energy against their formula and against an independent implementation."""

from __future__ import annotations

import json
from math import exp, log
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.models.losses.plain import random_batch
from triage.losses.cross_entropy import cross_entropy
from triage.losses.energy_bounds import energy_bounds


@given(seed=st.integers(0, 2**32 - 1), inlier=st.floats(-12, 2), outlier=st.floats(-12, 2))
def test_it_is_its_formula(seed: int, inlier: float, outlier: float) -> None:
    logits, targets = random_batch(seed)
    is_outlier = targets % 2 == 0
    found = energy_bounds(logits, is_outlier, inlier, outlier).tolist()
    for row, out, loss in zip(logits.tolist(), is_outlier.tolist(), found, strict=True):
        energy = -log(sum(exp(z) for z in row))
        hinge = max(0.0, outlier - energy) if out else max(0.0, energy - inlier)
        assert loss == pytest.approx(hinge**2, rel=1e-9, abs=1e-12)


def test_nothing_is_asked_of_energies_within_their_bounds() -> None:
    logits = torch.tensor([[8.0, 0.0, 0.0], [-4.0, -4.0, -4.0]], requires_grad=True)
    loss = energy_bounds(logits, torch.tensor([False, True]), -7.0, -1.0)
    loss.sum().backward()
    assert loss.tolist() == [0.0, 0.0]
    assert not logits.grad.any()


def test_gradients_pull_apart() -> None:
    logits = torch.zeros(2, 3, dtype=torch.float64, requires_grad=True)
    energy_bounds(logits, torch.tensor([False, True]), -5.0, -0.5).sum().backward()
    assert (logits.grad[0] < 0).all()  # an inlier's logits rise
    assert (logits.grad[1] > 0).all()  # an outlier's fall
    assert logits.grad[0].tolist() == pytest.approx([2 * (-log(3) + 5) * -1 / 3] * 3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_extreme_logits(dtype: torch.dtype) -> None:
    logits = torch.tensor([[1e4, 1e4], [-1e4, -1e4]] * 2, dtype=dtype, requires_grad=True)
    loss = energy_bounds(logits, torch.tensor([False, False, True, True]), -7.0, -2.0)
    loss.sum().backward()
    assert torch.isfinite(loss).all()
    assert torch.isfinite(logits.grad).all()
    assert loss.tolist() == pytest.approx([0, (1e4 + 7) ** 2, (1e4 - 2) ** 2, 0], rel=1e-3)


def test_golden_value(shared: Path) -> None:
    """Mean cross-entropy of the known cases and the mean of either hinge, margins of -1."""
    path = shared / "golden" / "losses.json"
    if not path.is_file():
        pytest.skip("the golden values are not beside the checkout")
    golden = json.loads(path.read_text())
    logits, labels = torch.tensor(golden["logits"]), torch.tensor(golden["labels"])
    known = labels >= 0
    hinges = energy_bounds(logits, ~known, -1.0, -1.0)
    found = cross_entropy(logits[known], labels[known]).mean()
    found = found + hinges[known].mean() + hinges[~known].mean()
    assert found.item() == pytest.approx(golden["losses"]["energy_bounded"])
