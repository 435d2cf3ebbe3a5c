from __future__ import annotations

import math

import pytest
import torch

from tests.models.heads.blobs import (
    FAR,
    accuracy,
    blobs,
    gradients_are_finite,
    learn,
    outlier_mass,
    survives_a_file,
    works_batched,
)
from triage.heads.head import HeadNetwork
from triage.heads.sngp import Sngp, SngpNetwork


@pytest.fixture(scope="module")
def trained() -> HeadNetwork:
    return learn(Sngp())


def test_blobs_are_learned_and_what_is_far_is_unknown(trained: HeadNetwork) -> None:
    assert accuracy(trained) > 0.9
    assert outlier_mass(trained, FAR).min() > outlier_mass(trained, blobs(seed=1)[0]).mean() + 0.1


def test_evaluation_is_the_mean_field_of_the_training_logits(trained: HeadNetwork) -> None:
    assert isinstance(trained, SngpNetwork)
    embeddings = torch.cat([blobs(seed=2)[0][:5], FAR])
    with torch.no_grad():
        mode = trained.train()(embeddings)
        found = trained.eval()(embeddings)
        features = trained.process.features(trained.body(trained.standardised(embeddings)))
        variance = torch.einsum("bi,ij,bj->b", features, trained.process.covariance, features)
    assert mode.shape == (9, 3)
    assert torch.allclose(
        found[:, :3], mode / (1 + math.pi / 8 * variance[:, None]).sqrt(), atol=1e-4
    )
    assert torch.allclose(found[:, 3], torch.full((9,), math.log(3)))


def test_finishing_lessens_the_variance_where_cases_are() -> None:
    embeddings, targets = blobs()
    torch.manual_seed(0)
    network = SngpNetwork(2, 3, hidden=8)
    network.standardise_by(embeddings)
    network.finish(embeddings, targets)
    with torch.no_grad():
        near, far = (
            network.process.variance(
                network.process.features(network.body(network.standardised(some)))
            )
            for some in (blobs(seed=1)[0], FAR)
        )
    assert near.max() < 0.5 < 0.75 < far.min()


def test_a_larger_factor_shrinks_more() -> None:
    torch.manual_seed(0)
    network = SngpNetwork(2, 3, hidden=8).eval()
    plain = network(FAR)
    network.mean_field = 20.0
    assert (network(FAR)[:, :3].abs() < plain[:, :3].abs()).all()


def test_the_loss_is_over_the_inliers() -> None:
    outputs, targets = torch.randn(6, 4), torch.tensor([0, 1, 2, 0, 1, 2])
    expected = -torch.log_softmax(outputs[:, :3], 1)[torch.arange(6), targets]
    assert torch.allclose(Sngp().loss(outputs, targets, 3), expected)
    assert torch.allclose(Sngp().loss(outputs[:, :3], targets, 3), expected)


def test_contract(trained: HeadNetwork) -> None:
    assert gradients_are_finite(Sngp())
    assert survives_a_file(Sngp(), trained)
    assert works_batched(trained)


def test_a_linear_head_is_a_process_on_the_embedding_itself() -> None:
    assert accuracy(learn(Sngp(), hidden=0)) > 0.9
