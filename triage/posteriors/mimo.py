"""MIMO: one perceptron reads M cases at once and predicts the class of each."""

from __future__ import annotations

from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from triage.heads.mlp import Head
from triage.posteriors.posterior import (
    PERCEPTRON,
    JointNetwork,
    PosteriorInfo,
    TrainedTogether,
    head_of,
    linear_layers,
    require_trained,
)


class MimoNetwork(JointNetwork):
    """A perceptron from M embeddings side by side to M times C logits.

    In training mode the M embeddings are of different cases, in evaluation mode M times the
    same. Havasi et al. 2021.

    Parameters
    ----------
    width : int
        Length D of the embedding.
    n_classes : int
        Number of classes C.
    n_members : int
        Inputs and outputs M.
    repetitions : int
        How often each case is seen in a step, every time in other company.
    hidden : int
        Hidden units; 0 makes it linear.
    dropout : float
    """

    def __init__(
        self,
        width: int,
        n_classes: int,
        *,
        n_members: int,
        repetitions: int,
        hidden: int,
        dropout: float,
    ) -> None:
        super().__init__(width, n_members)
        self.n_classes = n_classes
        self.repetitions = repetitions
        self.inner = Head(n_members * width, n_members * n_classes, hidden, dropout)

    def member_logits(self, embeddings: Tensor) -> Tensor:
        """Logits [B, M, C]; in training [B, R M, C], once for each repetition.

        Training shuffles the cases for each member apart, and puts the logits back in the
        order of the cases.
        """
        x = self.standardised(embeddings)
        if not self.training:
            return self._outputs(x.repeat(1, self.n_members))
        orders = [
            [torch.randperm(len(x)) for _ in range(self.n_members)] for _ in range(self.repetitions)
        ]
        rows = torch.cat([torch.stack(order, 1) for order in orders])  # [R B, M]
        outputs = self._outputs(x[rows].flatten(1))
        found = outputs.unflatten(0, (self.repetitions, len(x)))
        return torch.stack(
            [
                found[repetition, order.argsort(), member]
                for repetition, of_members in enumerate(orders)
                for member, order in enumerate(of_members)
            ],
            dim=1,
        )

    def _outputs(self, inputs: Tensor) -> Tensor:
        logits: Tensor = self.inner.layers(inputs)
        return logits.view(-1, self.n_members, self.n_classes)

    def unrolled(self, n_members: int, seed: int) -> list[Head]:
        """Return the members: inputs that are equal make the first layer the sum of its blocks."""
        require_trained(n_members, self)
        layers = [(layer.weight, layer.bias) for layer in linear_layers(self.inner)]
        weight, bias = layers[0]
        layers[0] = (weight.unflatten(1, (n_members, -1)).sum(1), bias)
        *before, (weight, bias) = layers
        blocks = zip(weight.split(self.n_classes), bias.split(self.n_classes), strict=True)
        return [head_of([*before, block], self) for block in blocks]


class Mimo(TrainedTogether):
    """Independent members inside one perceptron; it must be wide enough for all of them.

    Parameters
    ----------
    repetitions : int
        How often each case is seen in a step.
    """

    info: ClassVar[PosteriorInfo] = PosteriorInfo(
        "mimo", "Multi-input multi-output (MIMO)", "Havasi et al. 2021", needs=(PERCEPTRON,)
    )

    repetitions: Annotated[int, Field(ge=1)] = 4

    def build(
        self, width: int, n_classes: int, *, n_members: int, hidden: int, dropout: float
    ) -> MimoNetwork:
        """Return a network of `n_members` inputs and outputs."""
        return MimoNetwork(
            width,
            n_classes,
            n_members=n_members,
            repetitions=self.repetitions,
            hidden=hidden,
            dropout=dropout,
        )
