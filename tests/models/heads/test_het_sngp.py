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
from triage.heads.het_sngp import HeteroscedasticSngp, HetSngpNetwork


@pytest.fixture(scope="module")
def trained() -> HeadNetwork:
    return learn(HeteroscedasticSngp())


def test_blobs_are_learned_and_what_is_far_is_unknown(trained: HeadNetwork) -> None:
    assert accuracy(trained) > 0.9
    assert outlier_mass(trained, FAR).min() > outlier_mass(trained, blobs(seed=1)[0]).mean() + 0.1


def test_evaluation_against_its_definition(trained: HeadNetwork) -> None:
    """Posterior variance in every sample; the outlier's mass by mean field."""
    assert isinstance(trained, HetSngpNetwork)
    embeddings = torch.cat([blobs(seed=2)[0][:4], FAR])
    with torch.no_grad():
        found = torch.softmax(trained.eval()(embeddings), dim=1)
        phi, mean = trained.process(trained.body(trained.standardised(embeddings)))
        factors, variances = trained.noise(phi)
        posterior = torch.einsum("bi,ij,bj->b", phi, trained.process.covariance, phi)
        for b in range(len(embeddings)):
            p = torch.zeros(3)
            for e in trained.noise.points[:, 0]:
                own = (variances[b] + posterior[b]).sqrt() * e[6:]
                p += torch.softmax((mean[b] + factors[b] @ e[:6] + own) / 0.3, 0)
            u = mean[b] / 0.3 / torch.sqrt(1 + math.pi / 8 * posterior[b] / 0.3**2)
            mass = 3 / (3 + u.exp().sum())
            assert torch.allclose(found[b, 3], mass, atol=1e-5)
            assert torch.allclose(found[b, :3], (1 - mass) * p / p.sum(), atol=1e-5)


def test_training_gives_log_probabilities(trained: HeadNetwork) -> None:
    found = trained.train()(blobs()[0])
    trained.eval()
    assert found.shape == (90, 3)
    assert torch.allclose(found.exp().sum(1), torch.ones(90), atol=1e-5)


def test_contract(trained: HeadNetwork) -> None:
    assert gradients_are_finite(HeteroscedasticSngp())
    assert survives_a_file(HeteroscedasticSngp(), trained)
    assert works_batched(trained)


def test_features_are_at_most_128() -> None:
    assert HetSngpNetwork(300, 3, hidden=256).body.width == 128
    assert HetSngpNetwork(300, 3, hidden=0).body.width == 300
