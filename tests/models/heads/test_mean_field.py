from __future__ import annotations

import math

import numpy as np
import torch

from triage.heads.mean_field import mean_field_logits, with_outlier_logit


def test_mean_field_of_two_classes_is_the_mean_sigmoid() -> None:
    """Against quadrature of E[sigmoid(z)], z ~ Normal(m, v)."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    for mean, variance in [(0.3, 0.5), (2.0, 1.0), (-1.0, 4.0), (3.0, 9.0)]:
        exact = (weights / (1 + np.exp(-(mean + math.sqrt(variance) * nodes)))).sum()
        exact /= math.sqrt(2 * math.pi)
        logit = mean_field_logits(torch.tensor([[mean]]), torch.tensor([[variance]]))
        assert abs(float(torch.sigmoid(logit)) - exact) < 0.02


def test_factor() -> None:
    mean, variance = torch.tensor([[2.0, -4.0]]), torch.tensor([[0.75]])
    assert torch.equal(mean_field_logits(mean, variance, 0.0), mean)
    assert torch.allclose(mean_field_logits(mean, variance, 20.0), mean / 4)


def test_the_outlier_class_has_the_dempster_shafer_mass() -> None:
    logits = torch.randn(20, 5)
    found = torch.softmax(with_outlier_logit(logits), dim=1)
    assert torch.allclose(found[:, 5], 5 / (5 + logits.exp().sum(1)))
    conditional = found[:, :5] / found[:, :5].sum(1, keepdim=True)
    assert torch.allclose(conditional, torch.softmax(logits, dim=1))
