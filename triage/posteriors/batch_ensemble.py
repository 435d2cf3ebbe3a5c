"""BatchEnsemble: members share their weights up to factors of rank one."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from triage.heads.mlp import Head
from triage.losses.undecayed import Undecayed
from triage.posteriors.posterior import (
    PERCEPTRON,
    JointNetwork,
    PosteriorInfo,
    TrainedTogether,
    head_of,
    require_trained,
)


class SharedLinear(nn.Module):
    """M linear layers of weights W * (s_m r_m^T) and biases of their own.

    Parameters
    ----------
    n_in, n_out, n_members : int

    Notes
    -----
    y_m = s_m * (W (r_m * x_m)) + b_m, so no member's weight is ever formed. The factors start
    as random signs, which makes members differ from the first step, and do not decay. Wen et
    al. 2020.
    """

    def __init__(self, n_in: int, n_out: int, n_members: int) -> None:
        super().__init__()
        start = nn.Linear(n_in, n_out)
        self.weight = nn.Parameter(start.weight.detach().clone())
        self.bias = nn.Parameter(start.bias.detach().repeat(n_members, 1))
        self.inward = Undecayed(random_signs(n_members, n_in))
        self.outward = Undecayed(random_signs(n_members, n_out))

    def forward(self, inputs: Tensor) -> Tensor:
        """Map [B, M, in] to [B, M, out]."""
        shared = functional.linear(inputs * self.inward, self.weight)
        return shared * self.outward + self.bias

    def layer(self, member: int) -> tuple[Tensor, Tensor]:
        """Weight [out, in] and bias [out] of one member."""
        factors = torch.outer(self.outward[member], self.inward[member])
        return self.weight * factors, self.bias[member]


class FactoredNetwork(JointNetwork):
    """The perceptron `Head` with layers that M members share up to their factors.

    Parameters
    ----------
    width : int
        Length D of the embedding.
    n_classes : int
        Number of classes C.
    n_members : int
    layer : callable
        Makes a layer of (inputs, outputs, members), which maps [B, M, in] to [B, M, out].
    hidden : int
        Hidden units; 0 makes the members linear.
    dropout : float
        Dropout before each layer while training, with masks of each member's own.
    """

    def __init__(
        self,
        width: int,
        n_classes: int,
        *,
        n_members: int,
        layer: Callable[[int, int, int], nn.Module],
        hidden: int,
        dropout: float,
    ) -> None:
        super().__init__(width, n_members)
        sizes = [width, hidden, n_classes] if hidden else [width, n_classes]
        self.factored = nn.ModuleList(
            layer(n_in, n_out, n_members) for n_in, n_out in pairwise(sizes)
        )
        self.dropout = nn.Dropout(dropout)

    def member_logits(self, embeddings: Tensor) -> Tensor:
        """Every member sees every case."""
        x = self.standardised(embeddings)[:, None].expand(-1, self.n_members, -1)
        for number, layer in enumerate(self.factored):
            x = layer(self.dropout(x.relu() if number else x))
        return x


class BatchEnsembleNetwork(FactoredNetwork):
    """Members with factors that are parameters."""

    def unrolled(self, n_members: int, seed: int) -> list[Head]:
        """Return the members; there are no more than were trained."""
        require_trained(n_members, self)
        layers = [layer for layer in self.factored if isinstance(layer, SharedLinear)]
        return [
            head_of([layer.layer(member) for layer in layers], self) for member in range(n_members)
        ]


class BatchEnsemble(TrainedTogether):
    """Members W * (s_m r_m^T) of one shared W; about the cost of one head to train and store."""

    info: ClassVar[PosteriorInfo] = PosteriorInfo(
        "batch_ensemble", "BatchEnsemble", "Wen et al. 2020", needs=(PERCEPTRON,)
    )

    def build(
        self, width: int, n_classes: int, *, n_members: int, hidden: int, dropout: float
    ) -> BatchEnsembleNetwork:
        """Return a network whose factors are random signs."""
        return BatchEnsembleNetwork(
            width,
            n_classes,
            n_members=n_members,
            layer=SharedLinear,
            hidden=hidden,
            dropout=dropout,
        )


def random_signs(*shape: int) -> Tensor:
    """Return +1 and -1 with equal chance, float32."""
    return torch.randint(0, 2, shape) * 2.0 - 1.0
