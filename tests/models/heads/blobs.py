"""Three clouds in the plane: what every head must learn, and what lies far from them."""

from __future__ import annotations

import torch
from torch import Tensor

from triage.heads.head import HeadDesign, HeadNetwork

CENTRES = torch.tensor([[0.0, 3.0], [-3.0, -2.0], [3.0, -2.0]])
FAR = torch.tensor([[0.0, 30.0], [-25.0, 5.0], [22.0, -24.0], [4.0, 40.0]])


def blobs(n_cases: int = 90, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Embeddings [N, 2] and their classes, in turn."""
    generator = torch.Generator().manual_seed(seed)
    targets = torch.arange(n_cases) % 3
    return CENTRES[targets] + 0.6 * torch.randn(n_cases, 2, generator=generator), targets


def learn(design: HeadDesign, *, hidden: int = 32, steps: int = 150, seed: int = 0) -> HeadNetwork:
    """A head trained on the blobs, as the training loop would, finished, in evaluation mode."""
    torch.manual_seed(seed)
    embeddings, targets = blobs()
    network = design.build(2, 3, 4, hidden=hidden, dropout=0.0)
    network.standardise_by(embeddings)
    optimiser = torch.optim.AdamW(network.parameters(), lr=2e-2)
    network.train()
    for _ in range(steps):
        value = design.loss(network(embeddings), targets, 3).mean()
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
    network.finish(embeddings, targets)
    return network.eval()


def accuracy(network: HeadNetwork, seed: int = 1) -> float:
    """Share of new cases of the blobs that are recognised."""
    embeddings, targets = blobs(seed=seed)
    with torch.no_grad():
        return float((network(embeddings)[:, :3].argmax(1) == targets).float().mean())


def outlier_mass(network: HeadNetwork, embeddings: Tensor) -> Tensor:
    """Probability of the class after the three."""
    with torch.no_grad():
        return torch.softmax(network(embeddings), dim=1)[:, 3]


def gradients_are_finite(design: HeadDesign) -> bool:
    """Whether gradients are finite for embeddings near, far, all alike and all zero."""
    torch.manual_seed(0)
    for scale in (0.0, 1.0, 1e3, 1e8):
        embeddings = (scale * torch.randn(6, 5)).requires_grad_()
        network = design.build(5, 3, 4, hidden=7, dropout=0.2).train()
        design.loss(network(embeddings), torch.arange(6) % 3, 3).mean().backward()
        found = [p.grad for p in (*network.parameters(), embeddings) if p.grad is not None]
        if not found or not all(bool(g.isfinite().all()) for g in found):
            return False
    return True


def survives_a_file(design: HeadDesign, trained: HeadNetwork) -> bool:
    """Whether a fresh network with the saved tensors gives the same logits, to the bit."""
    from safetensors.torch import load, save

    state = load(save({key: value.contiguous() for key, value in trained.state_dict().items()}))
    torch.manual_seed(99)
    fresh = design.build(2, 3, 4, hidden=32, dropout=0.0)
    fresh.load_state_dict(state)
    embeddings = torch.cat([blobs(seed=5)[0], FAR])
    with torch.no_grad():
        return torch.equal(fresh.eval()(embeddings), trained.eval()(embeddings))


def works_batched(trained: HeadNetwork) -> bool:
    """Whether `torch.func` evaluates two such heads in one call as it does each."""
    from copy import deepcopy

    members = [trained, deepcopy(trained)]
    with torch.no_grad():
        for parameter in members[1].parameters():
            parameter.mul_(0.9)
    parameters, buffers = torch.func.stack_module_state(members)  # type: ignore[arg-type]

    def one(values: dict[str, Tensor], kept: dict[str, Tensor], x: Tensor) -> Tensor:
        found: Tensor = torch.func.functional_call(trained, (values, kept), (x,))
        return found

    embeddings = blobs(seed=5)[0]
    with torch.no_grad():
        together = torch.func.vmap(one, in_dims=(0, 0, None))(parameters, buffers, embeddings)
        apart = torch.stack([member(embeddings) for member in members])
    return torch.allclose(together, apart, atol=1e-4)
