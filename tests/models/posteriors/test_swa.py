from __future__ import annotations

import torch
from torch import nn

from tests.models.posteriors.problem import three_classes, trained_head
from triage.losses.cross_entropy import cross_entropy
from triage.posteriors.swa import Swa, with_weights


def flat(head: nn.Module) -> torch.Tensor:
    return nn.utils.parameters_to_vector(head.parameters()).detach()


def test_the_member_is_the_mean_of_the_walk() -> None:
    head, data = trained_head(), three_classes()
    posterior = Swa(epochs=5)
    walked = [*posterior.walk(head, *data, loss=cross_entropy, seed=0)]
    (member,) = posterior.members(head, *data, loss=cross_entropy, n_members=4, seed=0)
    assert len(walked) == 5
    assert torch.allclose(flat(member), sum(walked, torch.zeros(())) / 5, atol=1e-6)
    assert torch.equal(member.centre, head.centre)


def test_the_walk_is_gradient_descent_with_momentum() -> None:
    """One batch an epoch, no dropout: each epoch is one step that can be computed by hand."""
    head, (embeddings, targets) = trained_head(dropout=0.0), three_classes()
    posterior = Swa(epochs=3, batch_size=1000, learning_rate=0.1, weight_decay=0.01)
    weights, velocity = flat(head), torch.zeros(())
    for found in posterior.walk(head, embeddings, targets, loss=cross_entropy, seed=0):
        at = with_weights(head, weights)
        loss = cross_entropy(at(embeddings), targets).mean()
        slope = torch.cat([g.flatten() for g in torch.autograd.grad(loss, [*at.parameters()])])
        assert slope.norm() < 5  # nothing is cut
        velocity = 0.9 * velocity + slope + 0.01 * weights
        weights = weights - 0.1 * velocity
        assert torch.allclose(found, weights, atol=1e-6)


def test_other_weights_in_a_copy() -> None:
    head = trained_head()
    changed = with_weights(head, flat(head).double() + 1)
    assert torch.allclose(flat(changed), flat(head) + 1)
    assert flat(changed).dtype == torch.float32
