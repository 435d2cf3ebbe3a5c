from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.models.heads import blobs, exposed
from triage.heads.head import HeadDesign
from triage.heads.one_vs_all_distance import (
    CENTRE_NORM,
    FEATURES,
    Distance,
    DistanceHead,
    OneVsAllDistance,
)

DESIGNS = (OneVsAllDistance(), Distance())
each_design = pytest.mark.parametrize("design", DESIGNS, ids=lambda design: design.info.key)


def test_one_vs_all_loss_is_its_formula() -> None:
    chance = np.random.default_rng(0)
    z, targets = -3 * chance.random((30, 4)), chance.integers(0, 4, 30)
    p = 1 / (1 + np.exp(-z))
    truth = np.eye(4)[targets]
    expected = -(truth * np.log(p) + (1 - truth) * np.log(1 - p)).sum(1)
    found = DESIGNS[0].loss(torch.tensor(z), torch.tensor(targets), 4)
    assert np.allclose(found.numpy(), expected)


def test_distance_loss_is_its_formula() -> None:
    chance = np.random.default_rng(0)
    z, targets = -chance.random((30, 4)), chance.integers(0, 4, 30)
    powers = np.exp(10 * z)
    expected = -np.log(powers[np.arange(30), targets] / powers.sum(1))
    found = DESIGNS[1].loss(torch.tensor(z), torch.tensor(targets), 4)
    assert np.allclose(found.numpy(), expected)


def test_the_logits_are_distances_to_the_centres() -> None:
    network = DistanceHead(4, 3, hidden=5, dropout=0.0).requires_grad_(False)
    network.standardise_by(2 + torch.randn(50, 4))
    embeddings = torch.randn(6, 4)
    found = network(embeddings)
    first, last = (layer for layer in network.features if isinstance(layer, torch.nn.Linear))
    x = (embeddings - network.centre) / network.scale
    features = (x @ first.weight.T + first.bias).relu() @ last.weight.T + last.bias
    for b in range(6):
        for c in range(3):
            difference = features[b] - network.centres[c]
            assert float(found[b, c]) == pytest.approx(-(float(difference.dot(difference)) ** 0.5))


def test_untrained_centres_are_apart() -> None:
    torch.manual_seed(0)
    norms = DistanceHead(4, 200, hidden=5).centres.detach().norm(dim=1)
    assert float(norms.square().mean()) == pytest.approx(CENTRE_NORM**2, rel=0.1)


def test_probabilities_are_the_product_formula() -> None:
    network = DistanceHead(4, 3, hidden=8, dropout=0.0)
    embeddings = 3 * torch.randn(25, 4)
    with torch.no_grad():
        z = network.train()(embeddings).double().numpy()
        found = network.eval()(embeddings).softmax(1).numpy()
    p = 2 / (1 + np.exp(-z))
    products = np.column_stack(
        [p[:, c] * np.prod(1 - np.delete(p, c, axis=1), axis=1) for c in range(3)]
        + [np.prod(1 - p, axis=1)]
    )
    assert np.allclose(found, products / products.sum(1, keepdims=True), atol=1e-5)


def test_a_case_at_a_centre_is_of_that_condition() -> None:
    network = DistanceHead(2, 2, hidden=0, dropout=0.0).eval().requires_grad_(False)
    linear = network.features[1]
    linear.weight.copy_(torch.eye(FEATURES)[:, :2])
    linear.bias.zero_()
    network.centres.zero_()
    network.centres[:, 0] = torch.tensor([1.0, -1.0])
    p = network(torch.tensor([[1.0, 0.0], [0.0, 900.0]])).softmax(1)
    assert torch.allclose(p, torch.tensor([[1.0, 0, 0], [0, 0, 1.0]]), atol=1e-4)


@each_design
@pytest.mark.parametrize("hidden", [0, 32])
def test_learns_blobs_and_calls_far_points_outliers(design: HeadDesign, hidden: int) -> None:
    network = exposed.learn(design, hidden=hidden)
    assert blobs.accuracy(network) > 0.9
    near = blobs.outlier_mass(network, blobs.CENTRES)
    farther, far = (blobs.outlier_mass(network, factor * blobs.CENTRES) for factor in (4, 20))
    assert (farther > near).all()
    assert (far >= farther - 1e-6).all()  # near 1 they differ by rounding only
    assert far.min() > 0.9


def test_one_vs_all_knows_its_own_blobs() -> None:
    network = exposed.learn(DESIGNS[0])
    assert blobs.outlier_mass(network, blobs.blobs(90, 5)[0]).median() < 0.5


@each_design
def test_round_trip_and_batched_evaluation(design: HeadDesign) -> None:
    network = exposed.learn(design, steps=5)
    assert blobs.survives_a_file(design, network)
    assert blobs.works_batched(network)


@each_design
@pytest.mark.parametrize("hidden", [0, 16])
def test_finite_gradients(design: HeadDesign, hidden: int) -> None:
    assert exposed.losses_are_finite(design, hidden)
    assert blobs.gradients_are_finite(design)
