"""The outlier exposure loss against its formula, by hand."""

from __future__ import annotations

import math

import pytest
import torch

from triage.losses.cross_entropy import cross_entropy
from triage.losses.focal import focal_loss
from triage.losses.outlier_exposure import outlier_exposure_loss

LOGITS = torch.tensor([[0.0, math.log(3)], [0.0, math.log(3)]], dtype=torch.float64)


def test_an_inlier_and_an_outlier() -> None:
    loss = outlier_exposure_loss(LOGITS, torch.tensor([1, 2]), 2)
    assert loss[0].item() == pytest.approx(math.log(4 / 3))
    # -mean of log 1/4 and log 3/4
    assert loss[1].item() == pytest.approx(0.5 * (math.log(4) - math.log(3) / 2))


def test_weight_and_criterion() -> None:
    targets = torch.tensor([0, 5])
    loss = outlier_exposure_loss(LOGITS, targets, 2, focal_loss, weight=0.0)
    assert loss[0].item() == pytest.approx(focal_loss(LOGITS[:1], targets[:1]).item())
    assert loss[1].item() == 0


def test_batches_of_one_kind() -> None:
    inliers = torch.tensor([0, 1])
    plain = cross_entropy(LOGITS, inliers)
    assert torch.allclose(outlier_exposure_loss(LOGITS, inliers, 2), plain)
    outliers = outlier_exposure_loss(LOGITS, torch.tensor([2, 3]), 2)
    assert outliers.shape == (2,)
    assert torch.isfinite(outliers).all()


def test_an_outlier_costs_least_where_all_classes_are_alike() -> None:
    logits = torch.tensor([[1.0, 1.0, 1.0], [1.0, 1.5, 1.0]])
    even, uneven = outlier_exposure_loss(logits, torch.tensor([3, 3]), 3)
    assert even < uneven
