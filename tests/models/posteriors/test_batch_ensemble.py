from __future__ import annotations

import pytest
import torch

from tests.models.posteriors.problem import CLASSES, WIDTH, randomised
from triage.posteriors.batch_ensemble import BatchEnsemble, SharedLinear, random_signs


@pytest.mark.parametrize("hidden", [0, 6])
def test_unrolled_members_give_what_the_joint_network_gives(hidden: int) -> None:
    posterior = BatchEnsemble()
    network = randomised(posterior.build(WIDTH, CLASSES, n_members=4, hidden=hidden, dropout=0.3))
    embeddings = 10 + 3 * torch.randn(20, WIDTH)
    joint = network.member_logits(embeddings)
    for number, member in enumerate(posterior.members(network, n_members=4, seed=0)):
        assert torch.allclose(member(embeddings), joint[:, number], atol=1e-4, rtol=1e-5)


def test_a_shared_layer_element_by_element() -> None:
    torch.manual_seed(0)
    layer = SharedLinear(3, 2, 4)
    x = torch.randn(5, 4, 3)
    found = layer(x).detach()
    for b in range(5):
        for m in range(4):
            for o in range(2):
                terms = (
                    layer.weight[o, i] * layer.outward[m, o] * layer.inward[m, i] * x[b, m, i]
                    for i in range(3)
                )
                expected = sum(terms, layer.bias[m, o])
                assert float(found[b, m, o]) == pytest.approx(float(expected.detach()), abs=1e-5)


def test_members_differ_from_the_first_step() -> None:
    torch.manual_seed(0)
    network = BatchEnsemble().build(WIDTH, CLASSES, n_members=3, hidden=16, dropout=0.0)
    logits = network.train()(torch.randn(10, WIDTH)).detach()
    assert logits.shape == (10, 3, CLASSES)
    assert float(logits.std(dim=1).mean()) > 0.05


def test_dropout_masks_are_each_members_own() -> None:
    torch.manual_seed(0)
    network = BatchEnsemble().build(WIDTH, CLASSES, n_members=2, hidden=0, dropout=0.5)
    (layer,) = network.factored
    assert isinstance(layer, SharedLinear)
    with torch.no_grad():
        for factor in (layer.inward, layer.outward):
            factor.fill_(1)
        layer.bias.zero_()
    logits = network.train()(torch.ones(200, WIDTH))
    assert not torch.allclose(logits[:, 0], logits[:, 1])


def test_random_signs() -> None:
    torch.manual_seed(0)
    signs = random_signs(100, 100)
    assert signs.dtype == torch.float32
    assert signs.unique().tolist() == [-1.0, 1.0]
    assert abs(float(signs.mean())) < 0.05
