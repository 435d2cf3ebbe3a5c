"""A small problem with three separable classes, and what trains on it."""

from __future__ import annotations

import torch
from torch import Tensor

from triage.heads.mlp import Head
from triage.losses.cross_entropy import cross_entropy
from triage.posteriors import JointNetwork, TrainedTogether

WIDTH, CLASSES = 5, 3


def three_classes(n: int = 90, spread: float = 1.0) -> tuple[Tensor, Tensor]:
    """Embeddings [n, 5] away from the origin, and classes [n]."""
    generator = torch.Generator().manual_seed(0)
    targets = torch.arange(n) % CLASSES
    centres = 3 * torch.eye(CLASSES, WIDTH) + 10
    return centres[targets] + spread * torch.randn(n, WIDTH, generator=generator), targets


def trained_head(hidden: int = 8, dropout: float = 0.3, n: int = 90, spread: float = 1.0) -> Head:
    torch.manual_seed(0)
    embeddings, targets = three_classes(n, spread)
    head = Head(WIDTH, CLASSES, hidden=hidden, dropout=dropout)
    head.standardise_by(embeddings)
    optimiser = torch.optim.Adam(head.parameters(), 0.02, weight_decay=1e-2)
    for _ in range(150):
        optimiser.zero_grad()
        cross_entropy(head(embeddings), targets).mean().backward()
        optimiser.step()
    return head.eval()


def trained_together(posterior: TrainedTogether, n_members: int, hidden: int = 8) -> JointNetwork:
    torch.manual_seed(0)
    embeddings, targets = three_classes()
    network = posterior.build(WIDTH, CLASSES, n_members=n_members, hidden=hidden, dropout=0.1)
    network.standardise_by(embeddings)
    loss = posterior.loss(network, cross_entropy, len(targets))
    optimiser = torch.optim.Adam(network.parameters(), 0.02)
    for _ in range(200):
        optimiser.zero_grad()
        loss(network.train()(embeddings), targets).mean().backward()
        optimiser.step()
    return network.eval()


def accuracy(logits: Tensor, targets: Tensor) -> float:
    return float((logits.argmax(1) == targets).float().mean())


def randomised(network: JointNetwork) -> JointNetwork:
    """Give every parameter and the standardisation values of no symmetry."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for value in network.parameters():
            value.copy_(torch.randn(value.shape, generator=generator))
    network.standardise_by(10 + 3 * torch.randn(40, len(network.centre), generator=generator))
    return network.eval()
