from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.models.heads.blobs import (
    accuracy,
    blobs,
    gradients_are_finite,
    learn,
    survives_a_file,
    works_batched,
)
from triage.errors import TrainingError
from triage.heads.head import HeadNetwork
from triage.heads.heteroscedastic import (
    Heteroscedastic,
    HeteroscedasticNetwork,
    LogitNoise,
    mean_log_softmax,
    quasi_normal,
)


@pytest.fixture(scope="module")
def trained() -> HeadNetwork:
    return learn(Heteroscedastic())


def test_average_against_brute_force() -> None:
    """Against many draws from the full covariance, by NumPy."""
    torch.manual_seed(0)
    mean, factors = 2 * torch.randn(3, 4), torch.randn(3, 4, 2)
    variances = torch.rand(3, 4) + 0.2
    noise = quasi_normal(1024, 6)[:, None]
    found = mean_log_softmax(mean, factors, variances, noise, 1.3).exp().numpy()
    generator = np.random.default_rng(0)
    for row in range(3):
        covariance = factors[row] @ factors[row].T + torch.diag(variances[row])
        drawn = generator.multivariate_normal(mean[row].numpy(), covariance.numpy(), 400_000)
        p = np.exp(drawn / 1.3)
        exact = (p / p.sum(1, keepdims=True)).mean(0)
        assert np.abs(found[row] - exact).max() < 5e-3


def test_average_against_a_loop() -> None:
    torch.manual_seed(0)
    mean, factors, variances = torch.randn(2, 3), torch.randn(2, 3, 2), torch.rand(2, 3)
    noise = torch.randn(5, 2, 5)
    found = mean_log_softmax(mean, factors, variances, noise, 0.7)
    for b in range(2):
        p = torch.zeros(3)
        for s in range(5):
            z = mean[b] + factors[b] @ noise[s, b, :2] + variances[b].sqrt() * noise[s, b, 2:]
            p += torch.softmax(z / 0.7, 0) / 5
        assert torch.allclose(found[b].exp(), p, atol=1e-6)


def test_points_are_normal_and_always_the_same() -> None:
    points = quasi_normal(256, 8)
    assert torch.equal(points, quasi_normal(256, 8))
    assert torch.allclose(points.mean(0), torch.zeros(8), atol=0.03)
    assert torch.allclose(points.T.cov(), torch.eye(8), atol=0.15)


def test_evaluation_gives_probabilities_and_is_deterministic(trained: HeadNetwork) -> None:
    embeddings = blobs(seed=2)[0]
    first = trained.eval()(embeddings)
    assert torch.allclose(first.exp().sum(1), torch.ones(len(first)), atol=1e-5)
    assert torch.allclose(torch.softmax(first, 1), first.exp(), atol=1e-6)
    assert torch.equal(first, trained(embeddings))
    assert torch.allclose(first[:4], trained(embeddings[:4]), atol=1e-5)
    trained.train()
    assert not torch.equal(trained(embeddings), trained(embeddings))
    trained.eval()


def test_a_large_noise_flattens() -> None:
    mean, factors = torch.tensor([[3.0, 0.0, 0.0]]), torch.zeros(1, 3, 1)
    noise = quasi_normal(256, 4)[:, None]
    largest = [
        float(mean_log_softmax(mean, factors, torch.full((1, 3), v), noise, 1.0).exp().max())
        for v in (0.0, 4.0, 400.0)
    ]
    assert largest[0] == pytest.approx(float(torch.softmax(mean, 1).max()), rel=1e-4)
    assert largest[0] > largest[1] > largest[2]
    assert largest[2] < 0.5


def test_doubtful_labels_get_more_noise() -> None:
    """Right of zero the classes are coin tosses between two; left they are sure."""
    torch.manual_seed(0)
    embeddings = torch.rand(300, 1) * 2 - 1
    targets = torch.where(embeddings[:, 0] > 0, torch.randint(0, 2, (300,)), 0)
    network = HeteroscedasticNetwork(1, 2, hidden=16, dropout=0.0).train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-2)
    for _ in range(120):
        value = Heteroscedastic().loss(network(embeddings), targets, 2).mean()
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
    with torch.no_grad():
        p = network.eval()(torch.tensor([[-0.7], [0.7]])).exp()
    assert p[0, 0] > 0.95
    assert abs(float(p[1, 0]) - 0.5) < 0.15


def test_contract(trained: HeadNetwork) -> None:
    assert accuracy(trained) > 0.9
    assert gradients_are_finite(Heteroscedastic())
    assert survives_a_file(Heteroscedastic(), trained)
    assert works_batched(trained)


@pytest.mark.parametrize("chosen", [(0, 8, 1.0), (1, 0, 1.0), (1, 8, 0.0), (1, 8, float("nan"))])
def test_bad_settings_are_refused(chosen: tuple[int, int, float]) -> None:
    with pytest.raises(TrainingError, match="positive"):
        LogitNoise(4, 3, *chosen)
