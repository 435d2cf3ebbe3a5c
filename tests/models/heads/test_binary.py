from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.models.heads import blobs, exposed
from triage.heads.binary import Binary, BinaryHead

DESIGN = Binary()


def test_loss_is_its_formula() -> None:
    chance = np.random.default_rng(0)
    z, targets = 2 * chance.normal(size=(30, 4)), chance.integers(0, 5, 30)
    p = 1 / (1 + np.exp(-z))
    expected = []
    for row, target in zip(p, targets, strict=True):
        others = [-np.log(1 - q) for c, q in enumerate(row) if c != target]
        own = -np.log(row[target]) if target < 4 else 0.0
        expected.append(own + np.mean(others))
    found = DESIGN.loss(torch.tensor(z), torch.tensor(targets), 4)
    assert np.allclose(found.numpy(), expected)


def test_every_head_is_balanced_where_classes_are() -> None:
    """An uninformative logit of 0 is then the best constant: its gradient vanishes."""
    logits = torch.zeros(40, 4, requires_grad=True)
    DESIGN.loss(logits, torch.arange(40) % 4, 4).sum().backward()
    assert torch.allclose(logits.grad.sum(0), torch.zeros(4), atol=1e-5)


def test_one_condition_alone() -> None:
    logits = torch.tensor([[2.0], [2.0]])
    found = DESIGN.loss(logits, torch.tensor([0, 1]), 1)
    p = torch.sigmoid(torch.tensor(2.0))
    assert torch.allclose(found, torch.stack([-p.log(), -(1 - p).log()]))


def test_probabilities_are_the_product_formula() -> None:
    network = BinaryHead(4, 3, hidden=8, dropout=0.0)
    embeddings = 3 * torch.randn(25, 4)
    with torch.no_grad():
        p = network.train()(embeddings).double().sigmoid().numpy()
        found = network.eval()(embeddings).softmax(1).numpy()
    products = [
        [row[c] * np.prod([1 - row[j] for j in range(3) if j != c]) for c in range(3)]
        + [np.prod(1 - row)]
        for row in p
    ]
    expected = np.array(products) / np.sum(products, axis=1, keepdims=True)
    assert np.allclose(found, expected, atol=1e-6)


def test_learns_blobs_and_outliers() -> None:
    network = exposed.learn(DESIGN)
    assert blobs.accuracy(network) > 0.9
    assert blobs.outlier_mass(network, blobs.blobs(90, 5)[0]).median() < 0.1
    assert blobs.outlier_mass(network, exposed.ring(90)).median() > 0.9


def test_round_trip_and_batched_evaluation() -> None:
    network = exposed.learn(DESIGN, steps=5)
    assert blobs.survives_a_file(DESIGN, network)
    assert blobs.works_batched(network)


@pytest.mark.parametrize("hidden", [0, 16])
def test_finite_gradients(hidden: int) -> None:
    assert exposed.losses_are_finite(DESIGN, hidden)
    assert blobs.gradients_are_finite(DESIGN)
