from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.models.heads import blobs, exposed
from triage.heads.introspective import Introspective, IntrospectiveHead, flagged

DESIGN = Introspective()


def test_flagged_targets() -> None:
    found = flagged(torch.tensor([0, 2, 1]), torch.tensor([False, True, True]), 3)
    assert found.tolist() == [0, 5, 4]


def test_loss_is_its_formula() -> None:
    chance = np.random.default_rng(0)
    z, targets = chance.normal(size=(30, 5)), chance.integers(0, 8, 30)
    p = np.exp(z[:, :4]) / np.exp(z[:, :4]).sum(1, keepdims=True)
    bias = 1 / (1 + np.exp(-z[:, 4]))
    expected = [
        -np.log(p[i, t % 4]) - np.log(bias[i] if t >= 4 else 1 - bias[i])
        for i, t in enumerate(targets)
    ]
    found = DESIGN.loss(torch.tensor(z), torch.tensor(targets), 4)
    assert np.allclose(found.numpy(), expected)


def test_evaluation_gives_introspection_the_outlier_mass() -> None:
    network = IntrospectiveHead(4, 3, hidden=8, dropout=0.0)
    embeddings = 3 * torch.randn(20, 4)
    with torch.no_grad():
        outputs = network.train()(embeddings)
        found = network.eval()(embeddings).softmax(1)
    bias = outputs[:, 3].sigmoid()
    assert torch.allclose(found[:, 3], bias, atol=1e-6)
    expected = (1 - bias)[:, None] * outputs[:, :3].softmax(1)
    assert torch.allclose(found[:, :3], expected, atol=1e-6)


def test_learns_blobs_and_which_cases_were_flagged() -> None:
    torch.manual_seed(0)
    embeddings, targets = blobs.blobs(200, seed=1)
    rare = torch.arange(200) % 10 == 0
    embeddings = embeddings + 6 * rare[:, None]  # underrepresented cases lie elsewhere
    network = DESIGN.build(2, 3, 4, hidden=32, dropout=0.0)
    network.standardise_by(embeddings)
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-2)
    for _ in range(300):
        optimiser.zero_grad()
        DESIGN.loss(network(embeddings), flagged(targets, rare, 3), 3).mean().backward()
        optimiser.step()
    network.eval()
    assert blobs.accuracy(network) > 0.9
    common = blobs.blobs(90, seed=2)[0]
    assert blobs.outlier_mass(network, common).median() < 0.1
    assert blobs.outlier_mass(network, common + 6).median() > 0.5


def test_round_trip_and_batched_evaluation() -> None:
    network = exposed.learn(DESIGN, steps=5)
    assert blobs.survives_a_file(DESIGN, network)
    assert blobs.works_batched(network)


@pytest.mark.parametrize("hidden", [0, 16])
def test_finite_gradients(hidden: int) -> None:
    assert exposed.losses_are_finite(DESIGN, hidden)
    assert blobs.gradients_are_finite(DESIGN)
