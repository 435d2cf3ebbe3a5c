from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from tests.models.heads import blobs, exposed
from triage.data.roles import RoleDraw
from triage.heads.outlier_exposure import OutlierExposure
from triage.losses.focal import focal_loss

DESIGN = OutlierExposure()
DRAW = RoleDraw(("a", "b", "c"), ("x", "y"), ("v",), ("t",), seed=0)


def test_outliers_train_it_but_are_no_class() -> None:
    assert DESIGN.classes(DRAW) == ("a", "b", "c")
    assert [DESIGN.target(name, DRAW) for name in "abcxyvt"] == [0, 1, 2, 3, 3, None, None]


def test_loss_by_hand() -> None:
    p = torch.tensor([[0.7, 0.2, 0.1], [0.5, 0.25, 0.25]], dtype=torch.float64)
    found = DESIGN.loss(p.log() + 5, torch.tensor([1, 3]), 3)
    uniform = -(p[1].log().sum() / 3)
    assert torch.allclose(found, torch.stack([-p[0, 1].log(), 0.5 * uniform]))


def test_golden_value(shared: Path) -> None:
    golden = json.loads((shared / "golden" / "losses.json").read_text())
    logits, labels = torch.tensor(golden["logits"]), torch.tensor(golden["labels"])
    losses = DESIGN.loss(logits, torch.where(labels < 0, logits.shape[1], labels), logits.shape[1])
    assert float(losses.mean()) == pytest.approx(golden["losses"]["outlier_exposure"])


def test_the_criterion_sees_inliers_only() -> None:
    logits, targets = torch.randn(6, 3), torch.tensor([0, 3, 2, 1, 3, 3])
    inlier = targets < 3
    found = DESIGN.loss(logits, targets, 3, focal_loss)
    # Not bit for bit: the last cases of an array are computed by other instructions than the rest.
    assert torch.allclose(found[inlier], focal_loss(logits[inlier], targets[inlier]))
    assert torch.allclose(found[~inlier], DESIGN.loss(logits, targets, 3)[~inlier])


@pytest.mark.parametrize("target", [1, 3])
def test_a_batch_of_one_kind_has_gradients(target: int) -> None:
    logits = torch.randn(4, 3, requires_grad=True)
    DESIGN.loss(logits, torch.full((4,), target), 3).mean().backward()
    assert torch.isfinite(logits.grad).all()
    assert logits.grad.abs().sum() > 0


def test_learns_blobs_and_is_undecided_on_outliers() -> None:
    network = exposed.learn(DESIGN)
    assert blobs.accuracy(network) > 0.9
    with torch.no_grad():
        known = network(blobs.blobs(90, 5)[0]).softmax(1).amax(1)
        unknown = network(exposed.ring(90)).softmax(1).amax(1)
    assert known.mean() > 0.9
    assert unknown.mean() < 0.6


def test_round_trip_and_batched_evaluation() -> None:
    network = exposed.learn(DESIGN, steps=5)
    assert blobs.survives_a_file(DESIGN, network)
    assert blobs.works_batched(network)


@pytest.mark.parametrize("hidden", [0, 16])
def test_finite_gradients(hidden: int) -> None:
    assert exposed.losses_are_finite(DESIGN, hidden)
    assert blobs.gradients_are_finite(DESIGN)
