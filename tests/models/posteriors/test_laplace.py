from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from tests.models.posteriors.problem import three_classes, trained_head
from triage.heads.mlp import Head
from triage.losses.cross_entropy import cross_entropy
from triage.posteriors.laplace import (
    PRECISIONS,
    Curvature,
    FullCurvature,
    KroneckerCurvature,
    Laplace,
    LastLayerLaplace,
    full_hessian,
)
from triage.posteriors.posterior import linear_layers


def dense(curvature: Curvature) -> Tensor:
    """H, weights ordered as W.flatten()."""
    if isinstance(curvature, FullCurvature):
        return curvature.hessian
    assert isinstance(curvature, KroneckerCurvature)
    basis = torch.kron(curvature.class_vectors, curvature.feature_vectors)
    return basis @ curvature.eigenvalues.flatten().diag() @ basis.T


def exact_hessian(fitted: LastLayerLaplace, embeddings: Tensor, targets: Tensor) -> Tensor:
    """By automatic differentiation of the summed cross-entropy in the last layer."""
    features = fitted.features(embeddings)

    def loss(flat: Tensor) -> Tensor:
        logits = features @ flat.view_as(fitted.weights).T
        return functional.cross_entropy(logits, targets, reduction="sum")

    hessian: Tensor = torch.autograd.functional.hessian(loss, fitted.weights.flatten())
    return hessian


@pytest.fixture(params=[0, 4], ids=["linear", "hidden"])
def fitted(request: pytest.FixtureRequest) -> LastLayerLaplace:
    return LastLayerLaplace(trained_head(request.param, 0.0, spread=2.0), *three_classes(90, 2.0))


def test_the_hessian_is_the_exact_one(fitted: LastLayerLaplace) -> None:
    embeddings, targets = three_classes(90, 2.0)
    exact = exact_hessian(fitted, embeddings, targets)
    features = fitted.features(embeddings)
    found = full_hessian(features, (features @ fitted.weights.T).softmax(1))
    assert torch.allclose(found, exact, atol=1e-8)
    assert torch.allclose(dense(fitted.curvature), exact, atol=1e-8)


def test_features_and_weights_give_the_heads_logits(fitted: LastLayerLaplace) -> None:
    embeddings, _ = three_classes()
    logits = fitted.features(embeddings) @ fitted.weights.T
    assert torch.allclose(logits, fitted.head(embeddings).double(), atol=1e-4)


def test_the_kronecker_product_is_what_it_says() -> None:
    torch.manual_seed(0)
    features = torch.randn(40, 3, dtype=torch.float64)
    p = torch.randn(40, 4, dtype=torch.float64).softmax(1)
    between = sum((row.diag() - torch.outer(row, row) for row in p), torch.zeros(()))
    expected = torch.kron(between, features.T @ features) / 40
    assert torch.allclose(dense(KroneckerCurvature(features, p)), expected, atol=1e-10)


def test_the_kronecker_product_is_exact_where_all_cases_are_alike() -> None:
    features = torch.tensor([[0.5, -1.0, 1.0]], dtype=torch.float64).repeat(10, 1)
    p = torch.tensor([[0.2, 0.5, 0.3]], dtype=torch.float64).repeat(10, 1)
    product = dense(KroneckerCurvature(features, p))
    assert torch.allclose(product, full_hessian(features, p), atol=1e-10)


@pytest.mark.parametrize("largest_full", [0, 4000])
def test_logit_variance_is_that_of_the_dense_covariance(largest_full: int) -> None:
    embeddings, targets = three_classes(30, 2.0)
    fitted = LastLayerLaplace(trained_head(4, spread=2.0), embeddings, targets, largest_full)
    precision, features = 0.7, fitted.features(embeddings)
    hessian = dense(fitted.curvature)
    covariance = torch.linalg.inv(hessian + precision * torch.eye(len(hessian)))
    found = fitted.curvature.logit_variance(features, precision)
    classes, width = fitted.weights.shape
    for n, phi in enumerate(features):
        for c in range(classes):
            jacobian = torch.zeros(classes, width, dtype=torch.float64)
            jacobian[c] = phi
            expected = jacobian.flatten() @ covariance @ jacobian.flatten()
            assert float(found[n, c]) == pytest.approx(float(expected), rel=1e-6)


@pytest.mark.parametrize("largest_full", [0, 4000])
def test_samples_have_the_posteriors_moments(largest_full: int) -> None:
    embeddings, targets = three_classes(60, 2.0)
    head = trained_head(2, spread=2.0)
    fitted = LastLayerLaplace(head, embeddings, targets, largest_full)
    generator = torch.Generator().manual_seed(0)
    samples = fitted.draw(20_000, generator).flatten(1)
    hessian = dense(fitted.curvature)
    expected = torch.linalg.inv(hessian + fitted.precision * torch.eye(len(hessian)))
    deviation = expected.diag().sqrt()
    off = (samples.T.cov() - expected) / torch.outer(deviation, deviation)
    assert off.abs().max() < 0.05
    assert ((samples.mean(0) - fitted.weights.flatten()) / deviation).abs().max() < 0.05


def test_the_evidence_by_brute_force(fitted: LastLayerLaplace) -> None:
    embeddings, targets = three_classes(90, 2.0)
    exact = exact_hessian(fitted, embeddings, targets)
    w, count = fitted.weights.flatten(), fitted.weights.numel()
    log_likelihood = -cross_entropy(fitted.features(embeddings) @ fitted.weights.T, targets).sum()
    found = []
    for tau in torch.tensor(PRECISIONS, dtype=torch.float64):
        prior = torch.distributions.Normal(torch.zeros_like(tau), tau**-0.5).log_prob(w).sum()
        volume = torch.logdet(exact + tau * torch.eye(count))
        expected = log_likelihood + prior - volume / 2 + count / 2 * math.log(2 * math.pi)
        found.append(float(expected))
        evidence = fitted.log_marginal_likelihood(float(tau))
        assert evidence == pytest.approx(float(expected), abs=1e-6)
    assert fitted.precision == PRECISIONS[int(torch.tensor(found).argmax())]


def test_the_probit_prediction_doubts_far_away(fitted: LastLayerLaplace) -> None:
    embeddings, _ = three_classes(90, 2.0)
    plain = fitted.head(embeddings).double().softmax(1)
    variance = fitted.curvature.logit_variance(fitted.features(embeddings), fitted.precision)
    logits = fitted.features(embeddings) @ fitted.weights.T
    by_hand = (logits / torch.sqrt(1 + math.pi * variance / 8)).softmax(1)
    assert torch.allclose(fitted.probit(embeddings), by_hand)
    far = fitted.head.centre + 50 * (embeddings - fitted.head.centre)
    assert fitted.probit(embeddings).amax(1).mean() < plain.amax(1).mean()
    assert fitted.probit(far).amax(1).mean() < fitted.head(far).softmax(1).amax(1).mean() - 0.01


def test_the_probit_prediction_is_near_that_of_many_members() -> None:
    embeddings, targets = three_classes(60, 2.0)
    head = trained_head(4, spread=2.0)
    members = Laplace().members(
        head, embeddings, targets, loss=cross_entropy, n_members=500, seed=0
    )
    sampled = torch.stack([member(embeddings).softmax(1) for member in members]).mean(0)
    probit = LastLayerLaplace(head, embeddings, targets).probit(embeddings)
    assert float((sampled - probit).detach().abs().mean()) < 0.02


def test_outliers_of_no_class_are_left_out() -> None:
    head, (embeddings, targets) = trained_head(4), three_classes()
    outliers = torch.randn(20, embeddings.shape[1])
    more = torch.cat([embeddings, outliers]), torch.cat([targets, torch.full((20,), 3)])
    found, expected = LastLayerLaplace(head, *more), LastLayerLaplace(head, embeddings, targets)
    assert torch.allclose(found.probit(outliers), expected.probit(outliers))
    assert found.log_likelihood == pytest.approx(expected.log_likelihood)


def test_only_the_last_layer_is_drawn() -> None:
    head, data = trained_head(4), three_classes()
    posterior = LastLayerLaplace(head, *data)
    (member,) = Laplace().members(head, *data, loss=cross_entropy, n_members=1, seed=3)
    assert isinstance(member, Head)
    (first, last), (old_first, _) = linear_layers(member), linear_layers(head)
    assert torch.equal(first.weight, old_first.weight)
    (drawn,) = posterior.draw(1, torch.Generator().manual_seed(3)).float()
    assert torch.equal(torch.cat([last.weight, last.bias[:, None]], 1), drawn)
