from __future__ import annotations

import numpy as np
import pytest
import torch

from triage.errors import TrainingError
from triage.heads.spectral_norm import SpectralBody, SpectralLinear


def _norm(weight: torch.Tensor) -> float:
    return float(np.linalg.svd(weight.detach().numpy(), compute_uv=False)[0])


def _trained(bound: float) -> SpectralLinear:
    """A layer pushed to grow one direction as fast as it may."""
    torch.manual_seed(0)
    layer = SpectralLinear(7, 5, bound).train()
    inputs, wanted = torch.randn(40, 7), 50 * torch.randn(40, 5)
    optimiser = torch.optim.AdamW(layer.parameters(), lr=3e-2)
    for _ in range(60):
        value = (layer(inputs) - wanted).square().mean()
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
    return layer.eval()


@pytest.mark.parametrize("bound", [0.95, 3.0])
def test_the_norm_stays_below_the_bound(bound: float) -> None:
    layer = _trained(bound)
    assert _norm(layer.weight) > 1.05 * bound  # the raw weight grew
    assert _norm(layer.bounded_weight()) < 1.1 * bound  # one iteration a step lags a little
    layer.settle()
    assert _norm(layer.bounded_weight()) == pytest.approx(bound, rel=1e-5)


def test_a_small_weight_is_left_alone() -> None:
    layer = SpectralLinear(4, 6, 2.0).eval()
    with torch.no_grad():
        layer.weight.mul_(0.5)
    assert torch.equal(layer.bounded_weight(), layer.weight)


@pytest.mark.parametrize("shape", [(7, 3), (3, 7)])
def test_it_starts_at_the_bound(shape: tuple[int, int]) -> None:
    layer = SpectralLinear(*shape, 0.95)
    values = np.linalg.svd(layer.bounded_weight().detach().numpy(), compute_uv=False)
    assert np.allclose(values, 0.95, atol=1e-5)


def test_evaluation_changes_nothing_and_training_follows_the_direction() -> None:
    torch.manual_seed(1)
    layer = SpectralLinear(6, 6, 0.5)
    with torch.no_grad():
        layer.weight.copy_(torch.randn(6, 6))
    before = layer.eval().direction.clone()
    layer(torch.randn(3, 6))
    assert torch.equal(layer.direction, before)
    layer.train()
    for _ in range(200):
        layer(torch.randn(3, 6))
    left = np.linalg.svd(layer.weight.detach().numpy())[0][:, 0]
    assert abs(float(left @ layer.direction.numpy())) == pytest.approx(1, abs=1e-3)


def test_two_passes_before_one_gradient() -> None:
    layer = SpectralLinear(3, 3).train()
    inputs = torch.randn(4, 3)
    (layer(inputs).sum() + layer(2 * inputs).sum()).backward()
    assert layer.weight.grad is not None
    assert layer.weight.grad.isfinite().all()


def test_the_body_keeps_distances() -> None:
    torch.manual_seed(0)
    bound = 0.6
    body = SpectralBody(4, 16, bound=bound).eval()
    first, second = torch.randn(2, 50, 4)
    before = (first - second).norm(dim=1) * bound / body.unit  # after the projection
    after = (body(first) - body(second)).norm(dim=1)
    assert ((1 - bound) * before <= after + 1e-6).all()
    assert (after <= (1 + bound) * before + 1e-6).all()
    assert torch.allclose(SpectralBody(4, 0).eval()(first), first / 2)


@pytest.mark.parametrize("bound", [0.0, -1.0, float("nan"), float("inf")])
def test_a_bound_must_be_positive(bound: float) -> None:
    with pytest.raises(TrainingError, match="spectral norm"):
        SpectralLinear(2, 2, bound)
