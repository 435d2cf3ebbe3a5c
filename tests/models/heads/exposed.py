"""The clouds of `blobs` with outliers around them, and the hook of heads that learn by averages."""

from __future__ import annotations

import torch
from torch import Tensor

from tests.models.heads.blobs import blobs
from triage.heads.head import HeadDesign, HeadNetwork


def ring(n_cases: int = 60, radius: float = 15.0) -> Tensor:
    """Embeddings [N, 2] on a circle around all clouds."""
    angle = torch.arange(n_cases) * (2 * torch.pi / n_cases)
    return radius * torch.stack([angle.cos(), angle.sin()], dim=1)


def learn(
    design: HeadDesign, *, hidden: int = 32, steps: int = 300, lr: float = 1e-2
) -> HeadNetwork:
    """A head trained on the clouds, and on the ring if it learns outliers, in evaluation mode."""
    torch.manual_seed(0)
    embeddings, targets = blobs()
    if design.info.learns_outliers:
        embeddings = torch.cat([embeddings, ring()])
        targets = torch.cat([targets, torch.full((60,), 3)])
    network = design.build(2, 3, 4, hidden=hidden, dropout=0.1)
    network.standardise_by(embeddings)
    optimiser = torch.optim.AdamW(network.parameters(), lr=lr)
    network.train()
    for _ in range(steps):
        optimiser.zero_grad()
        design.loss(network(embeddings), targets, 3).mean().backward()
        optimiser.step()
        if hasattr(network, "after_step"):
            network.after_step(targets)
    network.finish(embeddings[targets < 3], targets[targets < 3])
    return network.eval()


def losses_are_finite(design: HeadDesign, hidden: int) -> bool:
    """Whether losses, gradients and logits are finite for huge and tiny embeddings."""
    torch.manual_seed(0)
    network = design.build(4, 3, 4, hidden=hidden, dropout=0.0)
    directions = torch.randn(4, 4)
    embeddings = torch.cat([1e6 * directions, 1e-6 * directions, torch.zeros(4, 4)])
    targets = torch.arange(12) % (3 + design.info.learns_outliers)
    losses = design.loss(network.train()(embeddings), targets, 3)
    losses.mean().backward()
    values = [losses, network.eval()(embeddings), *(p.grad for p in network.parameters())]
    return all(value is not None and bool(value.isfinite().all()) for value in values)
