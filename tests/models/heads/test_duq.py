from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.models.heads import blobs, exposed
from triage.heads.duq import DECAY, DUQ, PENALTY, SIGMA, DUQHead

DESIGN = DUQ()


def small(hidden: int = 5) -> DUQHead:
    torch.manual_seed(1)
    return DUQHead(4, 3, hidden=hidden, dropout=0.0)


def kernels(network: DUQHead, embeddings: torch.Tensor) -> torch.Tensor:
    """The kernels [B, K] by the book, one projection at a time."""
    features = network.features((embeddings - network.centre) / network.scale)
    columns = []
    for c in range(len(network.counts)):
        difference = features @ network.projections[c].T - network.sums[c] / network.counts[c]
        columns.append(torch.exp(-(difference**2).mean(1) / (2 * SIGMA**2)))
    return torch.stack(columns, dim=1)


def test_training_gives_log_kernels_and_the_penalty() -> None:
    network, embeddings = small(), torch.randn(7, 4)
    outputs = network(embeddings).detach()
    assert torch.allclose(outputs[:, :3].exp(), kernels(network, embeddings), atol=1e-6)
    for b in range(7):
        x = embeddings[b : b + 1].clone().requires_grad_()
        (gradient,) = torch.autograd.grad(kernels(network, x).sum(), x)
        assert float(outputs[b, 3]) == pytest.approx(float((gradient.norm() - 1) ** 2), rel=1e-4)


def test_the_penalty_trains_the_projections() -> None:
    network, embeddings = small(), torch.randn(7, 4)
    numeric_at, step = (1, 2, 3), 1e-3
    network(embeddings)[:, 3].sum().backward()
    found = float(network.projections.grad[numeric_at])
    values = []
    for sign in (1, -1):
        with torch.no_grad():
            network.projections[numeric_at] += sign * step
        values.append(float(network(embeddings)[:, 3].detach().double().sum()))
        with torch.no_grad():
            network.projections[numeric_at] -= sign * step
    assert found == pytest.approx((values[0] - values[1]) / (2 * step), rel=0.02, abs=1e-3)


def test_a_frozen_embedding_is_left_alone_and_a_trained_one_gets_gradients() -> None:
    network, frozen = small(), torch.randn(7, 4)
    network(frozen)
    assert not frozen.requires_grad
    trained = torch.randn(7, 4, requires_grad=True)
    network(trained)[:, 3].sum().backward()
    assert trained.grad is not None
    assert trained.grad.abs().sum() > 0


def test_without_gradients_there_is_no_penalty() -> None:
    with torch.no_grad():
        assert not small()(torch.randn(7, 4))[:, 3].any()


def test_loss_is_its_formula() -> None:
    chance = np.random.default_rng(0)
    k, targets = chance.uniform(0.05, 0.95, (20, 3)), chance.integers(0, 3, 20)
    penalty = chance.random(20)
    truth = np.eye(3)[targets]
    expected = -(truth * np.log(k) + (1 - truth) * np.log(1 - k)).mean(1) + PENALTY * penalty
    outputs = torch.tensor(np.column_stack([np.log(k), penalty]))
    assert np.allclose(DESIGN.loss(outputs, torch.tensor(targets), 3).numpy(), expected)


def test_probabilities_are_the_product_formula() -> None:
    network, embeddings = small(), torch.randn(25, 4)
    with torch.no_grad():
        k = kernels(network, embeddings).double().numpy()
        found = network.eval()(embeddings).softmax(1).numpy()
    products = np.column_stack(
        [k[:, c] * np.prod(1 - np.delete(k, c, axis=1), axis=1) for c in range(3)]
        + [np.prod(1 - k, axis=1)]
    )
    assert np.allclose(found, products / products.sum(1, keepdims=True), atol=1e-5)


def test_centroids_are_moving_averages() -> None:
    network, embeddings = small(), torch.randn(6, 4)
    targets = torch.tensor([0, 0, 0, 1, 1, 0])  # condition 2 has no case
    counts, sums = network.counts.clone(), network.sums.clone()
    network(embeddings)
    network.after_step(targets)
    features = network.features(embeddings).detach()
    for c, n in enumerate([4, 2, 0]):
        own = features[targets == c] @ network.projections[c].detach().T
        assert torch.allclose(network.counts[c], DECAY * counts[c] + (1 - DECAY) * n)
        expected = DECAY * sums[c] + (1 - DECAY) * own.sum(0)
        assert torch.allclose(network.sums[c], expected, atol=1e-6)
    centroids = network.sums / network.counts[:, None]
    assert torch.allclose(centroids[2], sums[2] / counts[2])


def test_evaluation_changes_nothing() -> None:
    network = small().eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    network(torch.randn(6, 4))
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())


@pytest.mark.parametrize("hidden", [0, 32])
def test_learns_blobs_and_calls_far_points_outliers(hidden: int) -> None:
    network = exposed.learn(DESIGN, hidden=hidden)
    assert blobs.accuracy(network) > 0.9
    near = blobs.outlier_mass(network, blobs.CENTRES)
    far = blobs.outlier_mass(network, 4 * blobs.CENTRES)
    assert near.max() < 0.5
    assert (far > near).all()
    assert far.min() > 0.9


def test_round_trip_and_batched_evaluation() -> None:
    network = exposed.learn(DESIGN, steps=5)
    assert blobs.survives_a_file(DESIGN, network)
    assert blobs.works_batched(network)


@pytest.mark.parametrize("hidden", [0, 16])
def test_finite_gradients(hidden: int) -> None:
    assert exposed.losses_are_finite(DESIGN, hidden)
    assert blobs.gradients_are_finite(DESIGN)
