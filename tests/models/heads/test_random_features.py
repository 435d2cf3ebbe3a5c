from __future__ import annotations

import numpy as np
import pytest
import torch

from triage.errors import TrainingError
from triage.heads.random_features import RandomFeatureGP, RandomFeatures


@pytest.mark.parametrize("length_scale", [0.7, 2.0])
def test_products_approximate_the_kernel(length_scale: float) -> None:
    torch.manual_seed(0)
    points = torch.randn(30, 3)
    features = RandomFeatures(3, 20_000, length_scale)(points)
    exact = torch.exp(-torch.cdist(points, points).square() / (2 * length_scale**2))
    assert torch.allclose(features @ features.T, exact, atol=0.03)


def test_rows_are_orthogonal_in_blocks() -> None:
    torch.manual_seed(0)
    weight = RandomFeatures(6, 15).weight
    for block in weight.split(6):
        gram = block @ block.T
        assert torch.allclose(gram, torch.diag(gram.diagonal()), atol=1e-5)
    assert len(weight) == 15


def _process(temperature: float) -> tuple[RandomFeatureGP, torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    process = RandomFeatureGP(4, 3, n_features=40, ridge=0.5)
    with torch.no_grad():
        process.output.weight.mul_(5)
    training, new = torch.randn(25, 4), torch.randn(9, 4)
    process.fit_covariance(training, temperature)
    return process, training, new


@pytest.mark.parametrize("temperature", [1.0, 0.3])
def test_variance_is_that_of_exact_gaussian_process_algebra(temperature: float) -> None:
    """Dual form: k** - k*^T (K + W^-1)^-1 k*, k(x, y) = Phi(x) . Phi(y) / ridge."""
    process, training, new = _process(temperature)
    with torch.no_grad():
        phi, logits = (value.double().numpy() for value in process(training))
        phi_new = process.features(new).double().numpy()
        found = process.variance(process.features(new)).numpy()
    p = np.exp(logits / temperature)
    p = (p / p.sum(1, keepdims=True)).max(1)
    noise = np.diag(temperature**2 / (p * (1 - p)))
    cross = phi @ phi_new.T / 0.5
    prior = (phi_new**2).sum(1) / 0.5
    exact = prior - (cross * np.linalg.solve(phi @ phi.T / 0.5 + noise, cross)).sum(0)
    assert np.allclose(found[:, 0], exact, rtol=1e-3, atol=1e-5)
    assert (found[:, 0] < prior).all()


def test_variance_is_the_prior_before_and_the_covariance_is_symmetric() -> None:
    process = RandomFeatureGP(4, 3, n_features=40, ridge=0.5)
    features = process.features(torch.randn(6, 4))
    prior = 2 * features.square().sum(1, keepdim=True)
    assert torch.allclose(process.variance(features), prior)
    fitted = _process(1.0)[0].covariance
    assert torch.allclose(fitted, fitted.T, atol=1e-6)


def test_more_cases_than_a_batch() -> None:
    torch.manual_seed(0)
    whole, cases = RandomFeatureGP(2, 2, n_features=8), torch.randn(2500, 2)
    whole.fit_covariance(cases)
    with torch.no_grad():
        phi, logits = whole(cases)
        p = torch.softmax(logits, 1).amax(1).double()
        precision = torch.eye(8) + (phi.double().T * (p * (1 - p))) @ phi.double()
    assert torch.allclose(whole.covariance.double() @ precision, torch.eye(8).double(), atol=1e-4)


@pytest.mark.parametrize(
    "chosen",
    [{"n_features": 0}, {"length_scale": 0.0}, {"length_scale": float("nan")}, {"ridge": 0.0}],
)
def test_bad_settings_are_refused(chosen: dict[str, float]) -> None:
    with pytest.raises(TrainingError, match="positive"):
        RandomFeatureGP(2, 2, **chosen)  # type: ignore[arg-type]
