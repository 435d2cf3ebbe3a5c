"""Votes as targets: the distribution, the losses that it reaches, and what cannot take it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.nn import functional

from triage.data.manifest import Case
from triage.hashing import hash_json
from triage.heads import HEADS
from triage.losses.cross_entropy import cross_entropy
from triage.models.case_inputs import EmbeddingInputs
from triage.models.settings import FitSettings, TrainSettings
from triage.models.training import Labelled, fit
from triage.systems.photographs.soft_targets import soft_targets

NAMES = ("acne", "melanoma", "nevus")
FIT = FitSettings(
    epochs=30, patience=30, batch_size=8, learning_rate=0.05, label_smoothing=0.0, balance=0.0
)


def case(**votes: int) -> Case:
    return Case("c", "p", "patient:p", (Path("a.png"),), "acne", votes=votes)


def number(name: str) -> int | None:
    return NAMES.index(name) if name in NAMES else None


def test_the_label_counts_as_one_more_vote() -> None:
    cases = [case(), case(acne=4), case(acne=2, melanoma=1), case(melanoma=3, not_listed=9)]
    found = soft_targets(cases, torch.tensor([0, 0, 0, 2]), number)
    expected = torch.tensor([[1, 0, 0], [1, 0, 0], [0.75, 0.25, 0], [0, 0.75, 0.25]])
    torch.testing.assert_close(found, expected)


def settings(**changes: object) -> TrainSettings:
    return TrainSettings(backbones=("x",), **changes)


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"head": "binary"}, "head binary"),
        ({"head": "duq"}, "head duq"),
        ({"head": "introspective"}, "head introspective"),
        ({"criterion": "soft_binned_ece"}, "soft_binned_ece"),
        ({"mixing": "mixup"}, "mixing"),
        ({"posterior": "swag"}, "posterior"),
        ({"targets": "soft"}, "hard"),
    ],
)
def test_what_takes_no_votes_is_refused(changes: dict[str, object], part: str) -> None:
    with pytest.raises(ValueError, match=part):
        settings(**({"targets": "votes"} | changes))


def test_settings_without_it_keep_their_hash() -> None:
    written = settings().model_dump(mode="json")
    assert "targets" not in written
    assert hash_json(written) == hash_json(settings(targets="hard").model_dump(mode="json"))
    voted = settings(targets="votes")
    assert voted.model_dump(mode="json")["targets"] == "votes"
    assert TrainSettings.model_validate(voted.model_dump(mode="json")) == voted


def trained(shares: torch.Tensor | None, head: str = "softmax") -> torch.Tensor:
    """Probabilities of two points after training: readers differ on the first of them."""
    generator = torch.Generator().manual_seed(0)
    points = torch.tensor([[-1.0, 0.5], [1.0, -0.5]]).repeat(40, 1)
    inputs = EmbeddingInputs(points + 0.01 * torch.randn(points.shape, generator=generator))
    targets = torch.tensor([0, 1]).repeat(40)
    stop = targets.clone()
    stop[0:32:2] = 1  # 16 of the 40 readers of the first point
    design = HEADS[head]
    torch.manual_seed(0)
    network = design.build(2, 2, 2, hidden=0, dropout=0.0)
    fit(
        network,
        Labelled(inputs, targets, shares),
        Labelled(inputs, stop if shares is not None else targets),
        loss=lambda outputs, of: design.loss(outputs, of, 2, cross_entropy),
        n_inliers=2,
        settings=FIT,
        seed=0,
    )
    with torch.inference_mode():
        return network(torch.tensor([[-1.0, 0.5], [1.0, -0.5]])).softmax(1)


def test_training_comes_to_the_votes() -> None:
    shares = torch.tensor([[0.6, 0.4], [0.0, 1.0]]).repeat(40, 1)
    voted, hard = trained(shares), trained(None)
    assert 0.45 < voted[0, 0].item() < 0.75
    assert hard[0, 0].item() > voted[0, 0].item() + 0.15


def test_one_class_is_the_same_as_a_share_of_one() -> None:
    loss = {}
    for shares in (None, torch.eye(2)):
        inputs = EmbeddingInputs(torch.eye(2))
        torch.manual_seed(0)
        network = HEADS["softmax"].build(2, 2, 2, hidden=0, dropout=0.0)
        loss[shares is None] = fit(
            network,
            Labelled(inputs, torch.tensor([0, 1]), shares),
            Labelled(inputs, torch.tensor([0, 1])),
            loss=cross_entropy,
            n_inliers=2,
            settings=FIT,
            seed=0,
        )
    assert loss[True] == pytest.approx(loss[False], rel=1e-5)


@pytest.mark.parametrize("head", ["softmax", "hod", "reject"])
def test_the_loss_is_the_mean_over_the_votes(head: str) -> None:
    design = HEADS[head]
    logits = torch.randn(5, 4, generator=torch.Generator().manual_seed(1))
    shares = torch.softmax(torch.randn(5, 4, generator=torch.Generator().manual_seed(2)), 1)
    each = [design.loss(logits, torch.full((5,), k), 3, cross_entropy) for k in range(4)]
    mean = (torch.stack(each, 1) * shares).sum(1)
    fine = functional.cross_entropy(logits, shares, reduction="none")
    assert (mean >= fine - 1e-6).all()  # the coarse term of HOD is never negative
    if head != "hod":
        torch.testing.assert_close(mean, fine)
