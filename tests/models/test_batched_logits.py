from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from triage.data.roles import RoleDraw
from triage.errors import UsageError
from triage.heads import HEADS, Head, HeadDesign
from triage.models.batched_logits import batched_logits

EMBEDDINGS = 2 + 3 * torch.randn(50, 12, generator=torch.Generator().manual_seed(0))


def heads(*, hidden: int = 7, n: int = 4, n_classes: int = 5, alike: bool = True) -> list[Head]:
    found = []
    for number in range(n):
        torch.manual_seed(number)
        head = Head(12, n_classes, hidden=hidden, dropout=0.5)
        head.standardise_by(EMBEDDINGS if alike else EMBEDDINGS[number : number + 30])
        found.append(head)
    return found


class Squared(nn.Module):
    """A network that is no perceptron, with a setting that is no tensor."""

    def __init__(self, power: float) -> None:
        super().__init__()
        self.power = power
        self.linear = nn.Linear(12, 5)

    def forward(self, embeddings: Tensor) -> Tensor:
        found: Tensor = self.linear(embeddings).abs() ** self.power
        return found


def loop(networks: list[nn.Module]) -> Tensor:
    with torch.no_grad():
        return torch.stack([network.eval()(EMBEDDINGS) for network in networks])


@pytest.mark.parametrize("hidden", [0, 7])
@pytest.mark.parametrize("alike", [True, False])
def test_perceptrons_as_in_a_loop(hidden: int, alike: bool) -> None:
    networks: list[nn.Module] = [*heads(hidden=hidden, alike=alike)]
    found = batched_logits(networks, EMBEDDINGS)
    assert found.shape == (4, 50, 5)
    assert torch.allclose(found, loop(networks), atol=1e-6, rtol=1e-5)


def test_mixed_architectures_keep_their_order() -> None:
    torch.manual_seed(0)
    small, wide, linear = heads(), heads(hidden=9), heads(hidden=0)
    networks: list[nn.Module] = [small[0], Squared(2.0), wide[0], small[1], linear[0]]
    networks += [Squared(2.0), small[0], Squared(3.0), wide[1], Squared(3.0)]
    found = batched_logits(networks, EMBEDDINGS)
    expected = loop(networks)
    assert torch.allclose(found, expected, rtol=1e-5, atol=1e-5 * float(expected.abs().max()))


def test_settings_that_are_no_tensors_keep_networks_apart() -> None:
    torch.manual_seed(0)
    networks: list[nn.Module] = [Squared(1.0), Squared(2.0)]
    assert torch.equal(batched_logits(networks, EMBEDDINGS), loop(networks))


def test_a_network_listed_twice_answers_twice() -> None:
    (head,) = heads(n=1)
    found = batched_logits([head, head], EMBEDDINGS)
    assert torch.equal(found[0], found[1])
    assert not head.training


def test_no_gradient_is_kept() -> None:
    assert not batched_logits(heads(), EMBEDDINGS).requires_grad


def test_networks_that_cannot_be_compared_are_refused() -> None:
    with pytest.raises(UsageError, match="no network"):
        batched_logits([], EMBEDDINGS)
    with pytest.raises(UsageError, match="numbers of classes"):
        batched_logits([*heads(n=1), *heads(n=1, n_classes=3)], EMBEDDINGS)


def test_no_case_is_no_logit() -> None:
    assert batched_logits(heads(), EMBEDDINGS[:0]).shape == (4, 0, 5)


@pytest.mark.parametrize("design", HEADS.values(), ids=list(HEADS))
def test_every_head_as_in_a_loop(design: HeadDesign) -> None:
    draw = RoleDraw(("a", "b", "c"), ("x", "y"), ("v",), ("t",), seed=0)
    networks: list[nn.Module] = []
    for number in range(3):
        torch.manual_seed(number)
        head = design.build(12, 3, len(design.classes(draw)), hidden=7, dropout=0.1)
        head.standardise_by(EMBEDDINGS)
        head.finish(EMBEDDINGS, torch.arange(50) % 3)
        networks.append(head)
    found = batched_logits(networks, EMBEDDINGS)
    assert torch.allclose(found, loop(networks), atol=1e-6, rtol=1e-5)
