from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from tests.models.posteriors.problem import three_classes, trained_head
from triage.losses.cross_entropy import cross_entropy
from triage.posteriors.sgld import Sgld, cyclical, langevin_step


@pytest.mark.parametrize("temperature", [1.0, 0.1])
def test_langevin_steps_sample_a_gaussian(temperature: float) -> None:
    """U = sum w^2 / (2 v); 500 chains at once, of which only the late states count.

    A step multiplies by 1 - step/(2 v) and adds variance step T, so that the stationary
    variance is T v / (1 - step / (4 v)), which tends to T v.
    """
    variance = torch.tensor([0.25, 1.0, 4.0], dtype=torch.float64)
    generator = torch.Generator().manual_seed(0)
    weights = torch.full((500, 3), 3.0, dtype=torch.float64)
    step, late = 0.1, []
    for number in range(1500):
        weights = langevin_step(weights, weights / variance, step, temperature, generator)
        if number >= 500:
            late.append(weights)
    samples = torch.cat(late)
    stationary = temperature * variance / (1 - step / (4 * variance))
    assert torch.allclose(samples.var(0), stationary, rtol=0.04)
    assert (samples.mean(0) / stationary.sqrt()).abs().max() < 0.05


def test_without_temperature_a_step_descends() -> None:
    weights, gradient = torch.tensor([1.0, 2.0]), torch.tensor([4.0, -2.0])
    found = langevin_step(weights, gradient, 0.5, 0.0, torch.Generator())
    assert torch.equal(found, torch.tensor([0.0, 2.5]))


def test_steps_shrink_over_a_cycle() -> None:
    shares = [cyclical(done / 10) for done in range(10)]
    assert shares[0] == 1
    assert cyclical(0.5) == pytest.approx(0.5)
    assert shares == sorted(shares, reverse=True)
    assert cyclical(0.999) < 1e-5


def test_members_of_a_one_step_cycle_by_hand() -> None:
    """All cases in one batch and one epoch: every cycle is a single full step."""
    head, (embeddings, targets) = trained_head(), three_classes()
    posterior = Sgld(epochs=1, batch_size=1000, exploration=0.0, learning_rate=0.1)
    members = posterior.members(head, embeddings, targets, loss=cross_entropy, n_members=2, seed=5)
    generator = torch.Generator().manual_seed(5)
    weights = nn.utils.parameters_to_vector(head.parameters()).detach()
    at = head
    for member in members:
        torch.randperm(len(targets), generator=generator)
        loss = cross_entropy(at(embeddings), targets).sum()
        slope = torch.cat([g.flatten() for g in torch.autograd.grad(loss, [*at.parameters()])])
        step = 2 * 0.1 / len(targets)
        noise = torch.randn(len(weights), generator=generator)
        weights = weights - step / 2 * (slope + 1.0 * weights) + math.sqrt(step / 200) * noise
        found = nn.utils.parameters_to_vector(member.parameters())
        assert torch.allclose(found, weights, atol=1e-5)
        at = member


def test_a_hotter_posterior_is_wider() -> None:
    head, data = trained_head(), three_classes()

    def spread(temperature: float) -> float:
        members = Sgld(temperature=temperature, epochs=4).members(
            head, *data, loss=cross_entropy, n_members=4, seed=0
        )
        return float(torch.stack([member(data[0]) for member in members]).std(0).mean())

    assert spread(1.0) > 2 * spread(1 / 200)
