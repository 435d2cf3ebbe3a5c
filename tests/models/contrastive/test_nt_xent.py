from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from triage.models.contrastive.nt_xent import nt_xent


def by_hand(first: Tensor, second: Tensor, temperature: float) -> float:
    """Equation 1 of Chen et al. 2020, view by view."""
    n = len(first)
    views = [*first.double(), *second.double()]
    total = 0.0
    for i, view in enumerate(views):
        alike = [
            math.exp(float(view @ other / (view.norm() * other.norm())) / temperature)
            for other in views
        ]
        others = sum(value for k, value in enumerate(alike) if k != i)
        total -= math.log(alike[(i + n) % (2 * n)] / others)
    return total / len(views)


@pytest.mark.parametrize("n", [1, 2, 7])
@pytest.mark.parametrize("temperature", [0.1, 1.0])
def test_as_a_double_loop(n: int, temperature: float) -> None:
    chance = torch.Generator().manual_seed(n)
    first, second = torch.randn(2, n, 5, generator=chance)
    found = float(nt_xent(first, second, temperature))
    assert found == pytest.approx(by_hand(first, second, temperature), rel=1e-5, abs=1e-6)


def test_length_has_no_part_in_it_and_the_default_temperature_is_a_tenth() -> None:
    first, second = torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(nt_xent(3 * first, 0.2 * second), nt_xent(first, second, 0.1))


def test_alike_pairs_of_unlike_cases_cost_nothing() -> None:
    corners = torch.eye(4)
    assert float(nt_xent(corners, corners, 0.05)) < 1e-6
    alike = torch.ones(4, 3)
    assert float(nt_xent(alike, alike)) == pytest.approx(math.log(7), rel=1e-5)


def test_the_gradient_is_finite_even_at_the_edges() -> None:
    for rows in (torch.zeros(3, 4), torch.full((3, 4), 1e4), torch.eye(3, 4)):
        leaf = rows.clone().requires_grad_()
        nt_xent(leaf, leaf.flip(0), 0.01).backward()
        assert torch.isfinite(leaf.grad).all()
