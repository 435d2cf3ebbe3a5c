from __future__ import annotations

import pytest
import torch

from tests.models.posteriors.problem import CLASSES, WIDTH, three_classes, trained_head
from triage.errors import TrainingError
from triage.heads.head import HeadNetwork
from triage.heads.mlp import Head
from triage.losses.cross_entropy import cross_entropy
from triage.posteriors.mc_dropout import McDropout
from triage.posteriors.posterior import linear_layers


def members(head: Head, n: int, **settings: float) -> list[HeadNetwork]:
    return McDropout(**settings).members(
        head, *three_classes(), loss=cross_entropy, n_members=n, seed=3
    )


def masks_of(member: HeadNetwork, head: Head) -> list[torch.Tensor]:
    """What each layer's inputs were multiplied by, read off the weights."""
    assert isinstance(member, Head)
    pairs = zip(linear_layers(member), linear_layers(head), strict=True)
    return [(changed.weight / own.weight).detach().mean(0) for changed, own in pairs]


def test_a_member_is_a_dropout_pass_with_fixed_masks() -> None:
    head, (embeddings, _) = trained_head(hidden=8, dropout=0.3), three_classes()
    first, last = linear_layers(head)
    for member in members(head, 5):
        into_first, into_last = masks_of(member, head)
        x = (embeddings - head.centre) / head.scale
        hidden = torch.relu((x * into_first) @ first.weight.T + first.bias)
        expected = (hidden * into_last) @ last.weight.T + last.bias
        assert torch.allclose(member(embeddings), expected, atol=1e-5)


def test_masks_are_zero_or_one_over_the_share_kept() -> None:
    head = trained_head(hidden=8, dropout=0.3)
    masks = torch.cat([torch.cat(masks_of(member, head)) for member in members(head, 300)])
    kept = masks.abs() > 1e-6
    assert torch.allclose(masks[kept], torch.tensor(1 / 0.7), atol=1e-4)
    assert float(kept.float().mean()) == pytest.approx(0.7, abs=0.03)


def test_the_mean_over_masks_of_a_linear_head_is_the_head() -> None:
    head, (embeddings, _) = trained_head(hidden=0, dropout=0.2), three_classes(9)
    mean = torch.stack([member(embeddings) for member in members(head, 1000)]).mean(0)
    assert torch.allclose(mean, head(embeddings), atol=0.25)


def test_another_rate_may_be_chosen() -> None:
    head = trained_head(dropout=0.0)
    with pytest.raises(TrainingError, match="without dropout"):
        members(head, 2)
    masks = torch.cat([torch.cat(masks_of(member, head)) for member in members(head, 50, rate=0.5)])
    assert {round(float(value), 3) for value in masks} == {0.0, 2.0}
    assert Head(WIDTH, CLASSES).training  # a new head is; its members never are
    assert not members(head, 1, rate=0.5)[0].training
