"""Which parameters weight decay leaves alone."""

from __future__ import annotations

import math
from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn

from triage.heads import Head
from triage.losses.undecayed import Undecayed
from triage.models.settings import FitSettings
from triage.models.training_loop import fit_task, parameter_groups, rate_at
from triage.posteriors import BatchEnsemble, JointNetwork, Mimo, RankOne, TrainedTogether

SETTINGS = FitSettings(epochs=3, batch_size=2, learning_rate=0.1, weight_decay=0.5)


class Nothing:
    """Four examples that there is nothing to learn of: only decay moves a weight."""

    def __len__(self) -> int:
        return 4

    def batch(self, index: Tensor, generator: torch.Generator) -> tuple[Tensor, None]:
        return torch.ones(len(index), 5), None

    def loss(self, outputs: Tensor, targets: None) -> Tensor:
        return 0 * outputs.sum()

    def validate(self, network: nn.Module) -> float:
        self.seen = getattr(self, "seen", 0) - 1
        return float(self.seen)  # the last epoch is kept


def built(posterior: TrainedTogether) -> JointNetwork:
    torch.manual_seed(0)
    return posterior.build(5, 3, n_members=2, hidden=4, dropout=0.0)


@pytest.mark.parametrize(
    ("posterior", "factors"),
    [
        (BatchEnsemble(), {"inward", "outward"}),
        (RankOne(), {"inward.mean", "inward.spread", "outward.mean", "outward.spread"}),
        (Mimo(), set()),
    ],
)
def test_factors_stay_and_the_rest_decays(posterior: TrainedTogether, factors: set[str]) -> None:
    network = built(posterior)
    before = {name: value.detach().clone() for name, value in network.named_parameters()}
    fit_task(network, Nothing(), SETTINGS, seed=0)
    rates = [0.1 * rate_at(step / 6) for step in range(6)]
    shrunk = math.prod(1 - 0.5 * rate for rate in rates)
    assert shrunk < 0.95
    kept = {name for name in before if any(name.endswith(factor) for factor in factors)}
    assert len(kept) == 2 * len(factors)
    for name, value in network.named_parameters():
        expected = before[name] if name in kept else shrunk * before[name]
        assert torch.allclose(value, expected, atol=1e-6), name


@pytest.mark.parametrize("posterior", [BatchEnsemble(), RankOne()])
def test_groups_keep_the_order_of_the_parameters(posterior: TrainedTogether) -> None:
    network = built(posterior)
    groups = parameter_groups(network, 0.3)
    ordered = [each for group in groups for each in group["params"]]
    assert all(one is two for one, two in zip(ordered, network.parameters(), strict=True))
    assert {group["weight_decay"] for group in groups} == {0.0, 0.3}


def test_a_plain_head_is_one_group() -> None:
    (group,) = parameter_groups(Head(5, 3, hidden=4), 0.3)
    assert len(group["params"]) == 4
    assert group["weight_decay"] == 0.3


def test_a_copy_is_as_undecayed_as_its_original() -> None:
    network = deepcopy(built(BatchEnsemble()))
    assert sum(isinstance(each, Undecayed) for each in network.parameters()) == 4
