"""Stochastic weight averaging: train on at a constant rate, and average the weights."""

from __future__ import annotations

import math
from collections.abc import Iterator
from copy import deepcopy
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from triage.errors import TrainingError
from triage.heads.head import HeadNetwork
from triage.posteriors.posterior import AfterTraining, CaseLoss, PosteriorInfo

LARGEST_GRADIENT = 5.0
"""Norm to which gradients are cut."""


class ConstantRate(AfterTraining):
    """A posterior made of the weights that training at a constant rate walks through.

    Parameters
    ----------
    epochs : int
        Passes after training; the default makes the usual 60 epochs three quarters of all.
    learning_rate : float
        Of gradient descent with momentum 0.9.
    weight_decay : float
    batch_size : int
    """

    epochs: Annotated[int, Field(ge=2)] = 20
    learning_rate: Annotated[float, Field(gt=0)] = 1e-2
    weight_decay: Annotated[float, Field(ge=0)] = 1e-3
    batch_size: Annotated[int, Field(ge=1)] = 128

    def walk(
        self,
        head: HeadNetwork,
        embeddings: Tensor,
        targets: Tensor,
        *,
        loss: CaseLoss,
        seed: int,
    ) -> Iterator[Tensor]:
        """Weights after each epoch, float32 [P], from those of a trained head.

        Raises
        ------
        TrainingError
            If the loss is no longer finite.
        """
        walker = deepcopy(head)
        parameters = list(walker.parameters())
        optimiser = torch.optim.SGD(
            parameters, self.learning_rate, momentum=0.9, weight_decay=self.weight_decay
        )
        for epoch in range(self.epochs):
            generator = torch.Generator().manual_seed(seed * 100_003 + epoch)
            torch.manual_seed(seed * 100_003 + epoch)  # dropout draws from the global generator
            walker.train()
            for rows in torch.randperm(len(targets), generator=generator).split(self.batch_size):
                value = loss(walker(embeddings[rows]), targets[rows]).mean()
                require_finite(float(value.detach()), self.learning_rate, self.info)
                optimiser.zero_grad()
                value.backward()
                nn.utils.clip_grad_norm_(parameters, LARGEST_GRADIENT)
                optimiser.step()
            yield nn.utils.parameters_to_vector(parameters).detach().clone()


class Swa(ConstantRate):
    """The mean of the weights after each epoch: one member, in a flatter place than the last.

    Izmailov et al. 2018. Batch normalisation, whose statistics it would have to find again, is
    in no head.
    """

    info: ClassVar[PosteriorInfo] = PosteriorInfo(
        "swa", "Stochastic weight averaging (SWA)", "Izmailov et al. 2018", one_member=True
    )

    def members(
        self,
        head: HeadNetwork,
        embeddings: Tensor,
        targets: Tensor,
        *,
        loss: CaseLoss,
        n_members: int,
        seed: int,
    ) -> list[HeadNetwork]:
        """Return the one averaged head, however many are asked for."""
        weights = list(self.walk(head, embeddings, targets, loss=loss, seed=seed))
        return [with_weights(head, torch.stack(weights).double().mean(0))]


def with_weights(head: HeadNetwork, weights: Tensor) -> HeadNetwork:
    """Return a copy of a head with other weights [P], in evaluation mode."""
    changed = deepcopy(head).eval()
    vector = weights.to(next(head.parameters()).dtype)
    with torch.no_grad():
        nn.utils.vector_to_parameters(vector, changed.parameters())
    return changed


def require_finite(loss: float, learning_rate: float, info: PosteriorInfo) -> None:
    """Raise TrainingError where a loss is no longer finite."""
    if not math.isfinite(loss):
        raise TrainingError(
            f"the loss is no longer finite while the posterior {info.key} is found",
            where=f"learning_rate {learning_rate:g}",
            hint="Lower the learning rate.",
        )
