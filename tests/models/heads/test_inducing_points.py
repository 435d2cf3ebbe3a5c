from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal, kl_divergence

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
from triage.errors import TrainingError
from triage.heads.head import HeadNetwork
from triage.heads.inducing_points import (
    STRIDE,
    InducingPointGP,
    InducingPointNetwork,
    InducingPoints,
)


@pytest.fixture(scope="module")
def trained() -> HeadNetwork:
    return learn(InducingPoints())


def _exact_kernel(first: Tensor, second: Tensor, amplitude: float, scale: float) -> Tensor:
    return amplitude**2 * torch.exp(-torch.cdist(first, second).square() / (2 * scale**2))


def test_kernel() -> None:
    process = InducingPointGP(3, 1, 2)
    with torch.no_grad():
        process.log_length_scale.fill_(math.log(0.8))
        process.log_amplitude.fill_(math.log(1.5))
    first, second = torch.randn(4, 3), torch.randn(5, 3)
    found = process.kernel(first, second)
    assert torch.allclose(found, _exact_kernel(first, second, 1.5, 0.8), atol=1e-5)


def test_points_at_the_data_give_the_exact_process() -> None:
    """With a Gaussian likelihood the optimal q(u) is known, and q(f) is the exact posterior."""
    torch.manual_seed(0)
    x, new, y, noise = torch.randn(12, 2), torch.randn(7, 2), torch.randn(12), 0.3
    process = InducingPointGP(2, 1, 12).double()
    x, new, y = x.double(), new.double(), y.double()
    amplitude = 2.0
    k = _exact_kernel(x, x, amplitude, 1.0)
    cross, prior = _exact_kernel(x, new, amplitude, 1.0), amplitude**2
    inverse = torch.linalg.inv(k + noise * torch.eye(12))
    mean = cross.T @ inverse @ y
    variance = prior - (cross * (inverse @ cross)).sum(0)

    root = torch.linalg.cholesky(k + 1e-4 * prior * torch.eye(12))
    whitened = torch.linalg.inv(torch.eye(12) + root.T @ root / noise)
    with torch.no_grad():
        process.points.copy_(x)
        process.raw_mean.copy_((whitened @ root.T @ y / noise)[None] / STRIDE)
        factor = torch.linalg.cholesky(whitened)
        raw = torch.tril(factor, -1) + torch.diag(factor.diagonal().log())
        process.raw_factor.copy_(raw[None] / STRIDE)
        found_mean, found_variance = process(new)
    assert torch.allclose(found_mean[:, 0], mean, atol=5e-3)
    assert torch.allclose(found_variance[:, 0], variance, atol=5e-3)


def test_divergence_against_torch() -> None:
    torch.manual_seed(0)
    process = InducingPointGP(2, 3, 5)
    with torch.no_grad():
        process.raw_mean.normal_(std=0.1)
        process.raw_factor.normal_(std=0.1)
    prior = MultivariateNormal(torch.zeros(5), torch.eye(5))
    factor = process.factor().detach()
    posterior = MultivariateNormal(process.mean().detach(), scale_tril=factor)
    assert torch.allclose(process.divergence(), kl_divergence(posterior, prior).sum(), rtol=1e-4)
    assert InducingPointGP(2, 3, 5).divergence().item() == 0


def test_marginals_against_the_joint() -> None:
    """q(f) integrates p(f | u) over q(u), written with inverses instead of Cholesky factors."""
    torch.manual_seed(0)
    process = InducingPointGP(2, 2, 4).double()
    with torch.no_grad():
        process.raw_mean.normal_(std=0.1)
        process.raw_factor.normal_(std=0.1)
        new = torch.randn(6, 2).double()
        mean, variance = process(new)
        z = process.points
        kzz = _exact_kernel(z, z, 2.0, 1.0) + 4e-4 * torch.eye(4)
        cross = _exact_kernel(z, new, 2.0, 1.0)
        projection = cross.T @ torch.linalg.inv(kzz)
        root = torch.linalg.cholesky(kzz)
        for c in range(2):
            s = process.factor()[c] @ process.factor()[c].T
            q_u = root @ s @ root.T
            expected = 4 - (projection @ cross).diagonal()
            expected = expected + (projection @ q_u @ projection.T).diagonal()
            assert torch.allclose(mean[:, c], projection @ root @ process.mean()[c], atol=1e-6)
            assert torch.allclose(variance[:, c], expected, atol=1e-6)


def test_the_loss_adds_the_divergence_to_each_case() -> None:
    torch.manual_seed(0)
    network = InducingPointNetwork(2, 3, hidden=4).train()
    embeddings, targets = blobs()
    network.standardise_by(embeddings)
    with torch.no_grad():
        network.process.raw_mean.normal_(std=0.1)
    outputs = network(embeddings)
    share = network.process.divergence() / 90
    assert torch.allclose(outputs[:, 3], share.expand(90))
    expected = -torch.log_softmax(outputs[:, :3], 1)[torch.arange(90), targets] + share
    assert torch.allclose(InducingPoints().loss(outputs, targets, 3), expected)


def test_samples_have_the_marginals() -> None:
    torch.manual_seed(0)
    network = InducingPointNetwork(2, 3, hidden=0, dropout=0.0).train()
    with torch.no_grad():
        network.process.raw_mean.normal_(std=0.1)
        embeddings = torch.randn(1, 2)
        samples = network(embeddings.expand(20_000, 2))[:, :3]
        mean, variance = network.process(network.body(embeddings))
    assert torch.allclose(samples.mean(0), mean[0], atol=0.06)
    assert torch.allclose(samples.var(0), variance[0], rtol=0.05)


def test_points_are_placed_among_the_cases() -> None:
    torch.manual_seed(0)
    network = InducingPointNetwork(2, 3, hidden=8, n_points=3).eval()
    embeddings, targets = blobs()
    network.standardise_by(embeddings)
    features = network.body(network.standardised(embeddings)).detach()
    means = torch.stack([features[targets == c].mean(0) for c in range(3)])
    nearest = torch.cdist(means, network.process.points.detach())
    assert nearest.amin(1).max() < 0.05
    assert sorted(nearest.argmin(1).tolist()) == [0, 1, 2]
    assert float(network.n_cases) == 90
    assert math.isclose(
        network.process.log_length_scale.exp().item(),
        float(torch.nn.functional.pdist(features).mean()),
        rel_tol=1e-4,
    )


@pytest.mark.parametrize("n_cases", [1, 2, 5])
def test_fewer_cases_than_points(n_cases: int) -> None:
    torch.manual_seed(0)
    network = InducingPointNetwork(2, 3, hidden=4).train()
    network.standardise_by(torch.randn(n_cases, 2))
    InducingPoints().loss(network(torch.randn(4, 2)), torch.arange(4) % 3, 3).mean().backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in network.parameters())


def test_points_that_coincide_do_no_harm() -> None:
    process = InducingPointGP(2, 2, 6)
    with torch.no_grad():
        process.points.zero_()
    mean, variance = process(torch.randn(3, 2))
    assert mean.isfinite().all()
    assert (variance > 0).all()


def test_blobs_are_learned_and_what_is_far_is_unknown(trained: HeadNetwork) -> None:
    assert accuracy(trained) > 0.9
    assert outlier_mass(trained, FAR).min() > outlier_mass(trained, blobs(seed=1)[0]).mean() + 0.1


def test_contract(trained: HeadNetwork) -> None:
    assert gradients_are_finite(InducingPoints())
    assert survives_a_file(InducingPoints(), trained)
    assert works_batched(trained)


def test_number_of_points() -> None:
    assert len(InducingPointNetwork(4, 3, hidden=0).process.points) == 20
    assert len(InducingPointNetwork(4, 31, hidden=0).process.points) == 31
    with pytest.raises(TrainingError, match="inducing points"):
        InducingPointNetwork(4, 3, n_points=0)
