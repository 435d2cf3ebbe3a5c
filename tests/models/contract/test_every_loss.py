"""What holds of every head with every criterion, and with every mixing."""

from __future__ import annotations

import pytest
import torch

from tests.models.contract.problem import (
    SETTINGS,
    accuracy,
    learned,
    loss_of,
    new_cases,
    training_cases,
    untrained,
)
from triage.heads import HEADS, HeadKind
from triage.losses import CRITERIA
from triage.models.mixing import MIXINGS
from triage.models.training import predict_logits

PAIRS = [
    (kind, criterion)
    for kind, design in HEADS.items()
    for criterion in CRITERIA
    if criterion == "cross_entropy" or not design.info.own_loss
]


@pytest.mark.parametrize(("kind", "criterion"), PAIRS)
def test_the_loss_is_finite_and_steps_lower_it(kind: HeadKind, criterion: str) -> None:
    design = HEADS[kind]
    training, network = training_cases(design), untrained(design, dropout=0.0)
    embeddings = training.inputs.batch(torch.arange(len(training.targets)), None)
    network.standardise_by(embeddings)
    optimiser = torch.optim.AdamW(network.train().parameters(), lr=5e-3)
    losses = []
    for _ in range(15):
        torch.manual_seed(0)  # the same noise each time, where a head draws some
        value = loss_of(design, criterion)(network(embeddings), training.targets)
        assert value.shape == training.targets.shape
        losses.append(float(value.detach().mean()))
        optimiser.zero_grad()
        value.mean().backward()
        optimiser.step()
    assert all(torch.tensor(losses).isfinite())
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.parametrize("kind", [HeadKind.SOFTMAX, HeadKind.HOD])
def test_the_clouds_are_learned_by_every_criterion(kind: HeadKind, criterion: str) -> None:
    fresh = new_cases(3, 150)
    network = learned(kind, criterion=criterion)
    assert accuracy(predict_logits(network, fresh.inputs), fresh.targets) > 0.9


@pytest.mark.parametrize("mixing", MIXINGS)
@pytest.mark.parametrize("kind", [HeadKind.HOD, HeadKind.BINARY, HeadKind.SNGP, HeadKind.DUQ])
def test_the_clouds_are_learned_by_every_mixing(kind: HeadKind, mixing: str) -> None:
    fresh = new_cases(3, 150)
    settings = SETTINGS.model_copy(update={"epochs": 20})
    network = learned(kind, mixing=mixing, settings=settings)
    assert accuracy(predict_logits(network, fresh.inputs), fresh.targets) > 0.9
