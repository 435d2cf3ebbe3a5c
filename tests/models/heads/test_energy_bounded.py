from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.models.heads import blobs, exposed
from triage.heads.energy_bounded import EnergyBounded, EnergyHead, margins
from triage.losses.focal import focal_loss

DESIGN = EnergyBounded()


def test_loss_is_its_formula() -> None:
    chance = np.random.default_rng(0)
    z, targets = 4 * chance.normal(size=(40, 5)), chance.integers(0, 6, 40)
    z[targets == 5] -= 8
    inlier_margin, outlier_margin = margins(5)
    expected = []
    for row, target in zip(z, targets, strict=True):
        energy = -np.log(np.exp(row).sum())
        if target < 5:
            p = np.exp(row[target]) / np.exp(row).sum()
            expected.append(-np.log(p) + 0.1 * max(0, energy - inlier_margin) ** 2)
        else:
            expected.append(0.1 * max(0, outlier_margin - energy) ** 2)
    found = DESIGN.loss(torch.tensor(z), torch.tensor(targets), 5)
    assert np.allclose(found.numpy(), expected)
    assert min(expected) == 0  # some case is on the right side of its margin


def test_the_margins_lie_around_the_energy_of_an_undecided_head() -> None:
    energy = -float(torch.zeros(7).logsumexp(0))
    assert margins(7) == pytest.approx((energy - 3, energy + 3))


def test_evaluation_appends_the_boundary() -> None:
    network = EnergyHead(4, 3, hidden=8, dropout=0.0)
    embeddings = 5 * torch.randn(20, 4)
    training, evaluation = network.train()(embeddings), network.eval()(embeddings)
    assert torch.equal(evaluation[:, :3], training)
    energy = -training.double().logsumexp(1)
    middle = sum(margins(3)) / 2
    assert torch.allclose(
        evaluation.softmax(1)[:, 3].double(), 1 / (1 + torch.exp(middle - energy)), atol=1e-6
    )
    inlier = evaluation[:, :3].softmax(1)
    assert torch.allclose(inlier, training.softmax(1))


def test_the_criterion_sees_inliers_only() -> None:
    logits, targets = torch.randn(6, 3), torch.tensor([0, 3, 2, 1, 3, 3])
    inlier = targets < 3
    plain, focal = DESIGN.loss(logits, targets, 3), DESIGN.loss(logits, targets, 3, focal_loss)
    assert torch.allclose(focal[~inlier], plain[~inlier])
    change = focal_loss(logits, targets.clamp_max(2)) - torch.nn.functional.cross_entropy(
        logits, targets.clamp_max(2), reduction="none"
    )
    assert torch.allclose((focal - plain)[inlier], change[inlier], atol=1e-6)


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
