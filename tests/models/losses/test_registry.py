"""What holds of every criterion of the table."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.models.losses.plain import N_CLASSES, random_batch
from triage.errors import UsageError
from triage.losses.registry import CRITERIA

every = pytest.mark.parametrize("key", CRITERIA)


def test_the_table() -> None:
    assert next(iter(CRITERIA)) == "cross_entropy"
    assert len(CRITERIA) == 7
    assert all(info.key == key and info.title and info.source for key, info in CRITERIA.items())


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="Did you mean dual_focal"):
        CRITERIA.lookup("dualfocal")
    with pytest.raises(UsageError, match="There are cross_entropy, focal"):
        CRITERIA.lookup("zzz")


@every
@pytest.mark.parametrize("n", [1, 2, 24])
def test_one_loss_a_case(key: str, n: int) -> None:
    logits, targets = random_batch(1, n=n)
    loss = CRITERIA[key].function(logits, targets)
    assert loss.shape == (n,)
    assert loss.dtype == logits.dtype
    assert (loss >= 0).all()


@every
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_extreme_logits_have_finite_gradients(key: str, dtype: torch.dtype) -> None:
    size = 1e4
    rows = [
        [size, -size, -size, -size, -size],
        [-size, size, size, size, size],
        [size] * N_CLASSES,
        [-size] * N_CLASSES,
        [0.0, size, 0.0, -size, 0.0],
    ]
    for target in range(N_CLASSES):
        logits = torch.tensor(rows, dtype=dtype, requires_grad=True)
        loss = CRITERIA[key].function(logits, torch.full((len(rows),), target))
        loss.sum().backward()
        assert torch.isfinite(loss).all()
        assert torch.isfinite(logits.grad).all()


# The step of FLSD's exponent and the detached logit of ACLS have gradients by decision, not by
# calculus; the tests of these two have them.
@pytest.mark.parametrize("key", [key for key in CRITERIA if key not in ("flsd", "acls")])
def test_gradients_are_the_slopes(key: str) -> None:
    logits, targets = random_batch(2, n=8, scale=4.0)
    logits.requires_grad_()
    assert torch.autograd.gradcheck(lambda z: CRITERIA[key].function(z, targets), (logits,))


@every
def test_the_order_of_classes_and_cases_does_not_matter(key: str) -> None:
    logits, targets = random_batch(3, scale=6.0)
    loss = CRITERIA[key].function(logits, targets)
    cases = torch.randperm(len(targets), generator=torch.Generator().manual_seed(1))
    classes = torch.randperm(N_CLASSES, generator=torch.Generator().manual_seed(2))
    moved = CRITERIA[key].function(logits[cases][:, classes], classes.argsort()[targets[cases]])
    assert torch.allclose(moved, loss[cases])


@every
def test_a_tiny_problem_is_learned(key: str) -> None:
    torch.manual_seed(0)
    targets = torch.arange(60) % 3
    centres = torch.tensor([[2.0, 0.0], [-2.0, 1.0], [0.0, -3.0]])
    inputs = centres[targets] + 0.4 * torch.randn(60, 2)
    network = nn.Linear(2, 3)
    optimiser = torch.optim.Adam(network.parameters(), lr=0.1)
    for _ in range(60):
        optimiser.zero_grad()
        CRITERIA[key].function(network(inputs), targets).mean().backward()
        optimiser.step()
    assert (network(inputs).argmax(1) == targets).float().mean() > 0.95
