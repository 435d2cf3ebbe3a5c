from __future__ import annotations

import pytest
import torch

from tests.models.posteriors.problem import CLASSES, WIDTH, randomised
from triage.posteriors.mimo import Mimo, MimoNetwork


def built(hidden: int = 6, members: int = 3, repetitions: int = 2) -> MimoNetwork:
    network = Mimo(repetitions=repetitions).build(
        WIDTH, CLASSES, n_members=members, hidden=hidden, dropout=0.0
    )
    assert isinstance(randomised(network), MimoNetwork)
    return network


@pytest.mark.parametrize("hidden", [0, 6])
def test_unrolled_members_give_what_the_joint_network_gives(hidden: int) -> None:
    network = built(hidden)
    embeddings = 10 + 3 * torch.randn(20, WIDTH)
    joint = network.member_logits(embeddings)
    side_by_side = torch.cat([network.standardised(embeddings)] * 3, dim=1)
    assert torch.allclose(joint.flatten(1), network.inner.layers(side_by_side))
    for number, member in enumerate(Mimo().members(network, n_members=3, seed=0)):
        assert torch.allclose(member(embeddings), joint[:, number], atol=1e-4, rtol=1e-5)


def test_training_logits_are_in_the_order_of_the_cases() -> None:
    """With the other members' inputs cut off, company does not matter."""
    network = built(hidden=0)
    (layer,) = (part for part in network.inner.layers if isinstance(part, torch.nn.Linear))
    with torch.no_grad():
        blocks = layer.weight.view(3, CLASSES, 3, WIDTH)
        for m in range(3):
            for other in {0, 1, 2} - {m}:
                blocks[m, :, other] = 0
    embeddings = 10 + 3 * torch.randn(11, WIDTH)
    expected = network.member_logits(embeddings)
    found = network.train()(embeddings)
    assert found.shape == (11, 2 * 3, CLASSES)
    assert torch.allclose(found, expected.repeat(1, 2, 1), atol=1e-4)


def test_training_keeps_each_case_in_other_company() -> None:
    network, embeddings = built(), 10 + 3 * torch.randn(11, WIDTH)
    once, again = network.train()(embeddings), network(embeddings)
    assert not torch.allclose(once, again)
    assert not torch.allclose(once[:, :3], once[:, 3:])


def test_a_batch_of_one_keeps_its_own_company() -> None:
    network, embeddings = built(repetitions=1), torch.randn(1, WIDTH)
    alone = network.train()(embeddings)
    assert torch.allclose(alone, network.eval().member_logits(embeddings), atol=1e-5)
