"""The soft-binned calibration error against loops, and against hard bins where it must agree."""

from __future__ import annotations

from math import exp, log

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.models.losses.plain import random_batch, softmax
from triage.losses.cross_entropy import cross_entropy
from triage.losses.soft_binned_ece import bin_membership, soft_binned_ece_loss, soft_binned_errors

SEEDS = st.integers(0, 2**32 - 1)


def plain_membership(p: float, bins: int, decay: float) -> list[float]:
    tau = 1 / (log(decay) * bins**2)
    powers = [exp(-((p - (b + 0.5) / bins) ** 2) / tau) for b in range(bins)]
    return [power / sum(powers) for power in powers]


def plain_error(
    logits: list[list[float]], targets: list[int], bins: int, decay: float
) -> list[float]:
    rows = [softmax(row) for row in logits]
    confidence = [max(p) for p in rows]
    right = [float(p.index(max(p)) == y) for p, y in zip(rows, targets, strict=True)]
    share = [plain_membership(c, bins, decay) for c in confidence]
    errors = [0.0] * len(rows)
    for b in range(bins):
        cases = sum(s[b] for s in share)
        accuracy = sum(s[b] * r for s, r in zip(share, right, strict=True)) / cases
        for i, c in enumerate(confidence):
            errors[i] += share[i][b] * (accuracy - c) ** 2
    return errors


@given(seed=SEEDS, bins=st.integers(1, 12), decay=st.floats(1.1, 4))
def test_the_loss_is_its_formula(seed: int, bins: int, decay: float) -> None:
    logits, targets = random_batch(seed, n=15)
    found = soft_binned_ece_loss(logits, targets, 0.7, bins, decay).tolist()
    errors = plain_error(logits.tolist(), targets.tolist(), bins, decay)
    for row, y, error, loss in zip(logits.tolist(), targets.tolist(), errors, found, strict=True):
        assert loss == pytest.approx(-log(softmax(row)[y]) + 0.7 * error, rel=1e-9, abs=1e-5)


@given(p=st.floats(0, 1), bins=st.integers(1, 20), decay=st.floats(1.1, 5))
def test_memberships(p: float, bins: int, decay: float) -> None:
    found = bin_membership(torch.tensor([p], dtype=torch.float64), bins, decay)[0].tolist()
    assert found == pytest.approx(plain_membership(p, bins, decay), abs=1e-12)
    assert sum(found) == pytest.approx(1)


def test_decay_is_the_ratio_to_the_neighbouring_bin() -> None:
    share = bin_membership(torch.tensor([0.5], dtype=torch.float64), 5, 7.0)[0].tolist()
    assert share[2] / share[1] == pytest.approx(7)
    assert share[1] == pytest.approx(share[3])


def test_sharp_edges_give_the_binned_squared_error() -> None:
    logits, targets = random_batch(11, n=200, scale=1.5)
    found = soft_binned_errors(logits, targets, 10, 1e9).mean().item()
    confidence, label = logits.softmax(1).max(1)
    right = (label == targets).double()
    number = (confidence * 10).long()
    hard = torch.zeros((), dtype=torch.float64)
    for b in range(10):
        inside = number == b
        if inside.any():
            hard += (right[inside].mean() - confidence[inside]).square().sum()
    assert found == pytest.approx(hard.item() / 200, rel=0.05)


def test_the_error_belongs_to_the_batch() -> None:
    logits, targets = random_batch(12)
    whole = soft_binned_errors(logits, targets)
    order = torch.randperm(len(targets), generator=torch.Generator().manual_seed(0))
    assert torch.allclose(soft_binned_errors(logits[order], targets[order]), whole[order])
    assert not torch.allclose(soft_binned_errors(logits[:8], targets[:8]), whole[:8])


def test_certainty_is_punished_where_it_is_wrong_half_the_time() -> None:
    logits = torch.tensor([[9.0, 0.0]] * 10, dtype=torch.float64, requires_grad=True)
    targets = torch.tensor([0, 1] * 5)
    soft_binned_errors(logits, targets).sum().backward()
    assert soft_binned_errors(logits, targets).mean().item() == pytest.approx(0.25, abs=0.01)
    assert (logits.grad[:, 0] > 0).all()  # less confidence, less loss


def test_without_weight_it_is_cross_entropy() -> None:
    logits, targets = random_batch(13)
    assert torch.equal(soft_binned_ece_loss(logits, targets, 0.0), cross_entropy(logits, targets))
