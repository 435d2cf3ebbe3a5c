from __future__ import annotations

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from tests.models.posteriors.problem import CLASSES, WIDTH, randomised
from triage.posteriors.posterior import JointNetwork, linear_layers
from triage.posteriors.rank_one import GaussianFactor, GaussianLinear, RankOne, RankOneNetwork


def built(hidden: int = 6, n_members: int = 3, **settings: float) -> RankOneNetwork:
    posterior = RankOne.model_validate(settings)
    torch.manual_seed(0)
    return posterior.build(WIDTH, CLASSES, n_members=n_members, hidden=hidden, dropout=0.0)


def factors(network: JointNetwork) -> list[GaussianFactor]:
    return [part for part in network.modules() if isinstance(part, GaussianFactor)]


def test_divergence_is_that_of_independent_gaussians() -> None:
    torch.manual_seed(0)
    factor = GaussianFactor(3, 7, 0.1)
    with torch.no_grad():
        factor.mean.normal_()
        factor.spread.normal_()
    own, prior = Normal(factor.mean, factor.deviation()), Normal(1.0, 0.1)
    expected = kl_divergence(own, prior).sum(1).mean()
    assert torch.allclose(factor.divergence(), expected, rtol=1e-5)


def test_divergence_vanishes_at_the_prior_alone() -> None:
    factor = GaussianFactor(2, 4, 0.1)
    assert torch.allclose(factor.deviation(), torch.tensor(0.1), atol=1e-6)
    with torch.no_grad():
        factor.mean.fill_(1.0)
    assert float(factor.divergence()) == pytest.approx(0.0, abs=1e-4)


def test_draws_have_the_factors_mean_and_deviation() -> None:
    factor = GaussianFactor(2, 3, 0.5)
    with torch.no_grad():
        factor.spread.normal_()
    generator = torch.Generator().manual_seed(0)
    draws = torch.stack([factor.draw(generator) for _ in range(20_000)])
    assert torch.allclose(draws.mean(0), factor.mean, atol=0.05)
    assert torch.allclose(draws.std(0), factor.deviation(), rtol=0.03)


@pytest.mark.parametrize("hidden", [0, 6])
def test_members_without_spread_give_what_the_joint_network_gives(hidden: int) -> None:
    network = randomised(built(hidden))
    with torch.no_grad():
        for factor in factors(network):
            factor.spread.fill_(-40.0)
    embeddings = 10 + 3 * torch.randn(20, WIDTH)
    joint = network.member_logits(embeddings)
    members = RankOne().members(network, n_members=5, seed=0)
    for number, member in enumerate(members):
        assert torch.allclose(member(embeddings), joint[:, number % 3], atol=1e-4, rtol=1e-5)


def test_a_member_is_a_draw_of_the_shared_weight_times_factors() -> None:
    network = randomised(built(hidden=0))
    (layer,) = network.factored
    assert isinstance(layer, GaussianLinear)
    generator = torch.Generator().manual_seed(4)
    r, s = layer.inward.draw(generator)[0], layer.outward.draw(generator)[0]
    (member,) = RankOne().members(network, n_members=1, seed=4)
    (linear,) = linear_layers(member)
    assert torch.allclose(linear.weight, layer.weight * s[:, None] * r[None, :])
    assert torch.equal(linear.bias, layer.bias[0])


def test_the_penalty_rises_over_the_steps_of_training() -> None:
    network = built(annealing=4)
    full = sum(float(factor.divergence()) for factor in factors(network))
    weights = []
    for _ in range(6):
        weights.append(float(network.penalty()) / full)
        network.train()(torch.randn(2, WIDTH))
    assert weights == pytest.approx([0, 0.25, 0.5, 0.75, 1, 1])
    network.eval()(torch.randn(2, WIDTH))
    assert int(network.state_dict()["steps"]) == 6


def test_no_more_components_than_members() -> None:
    assert built(n_members=2).n_members == 2
    assert built(n_members=9).n_members == 4


def test_training_draws_factors_anew_and_use_does_not() -> None:
    network, embeddings = built(), torch.randn(3, WIDTH)
    assert not torch.equal(network.train()(embeddings), network(embeddings))
    assert torch.equal(network.eval()(embeddings), network(embeddings))
