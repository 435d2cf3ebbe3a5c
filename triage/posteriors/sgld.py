"""Stochastic gradient Langevin dynamics with cyclical steps: samples of the posterior itself."""

from __future__ import annotations

import math
from collections.abc import Iterator
from copy import deepcopy
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from triage.heads.head import HeadNetwork
from triage.posteriors.posterior import AfterTraining, CaseLoss, PosteriorInfo
from triage.posteriors.swa import require_finite, with_weights


def langevin_step(
    weights: Tensor,
    gradient: Tensor,
    step: float,
    temperature: float,
    generator: torch.Generator,
) -> Tensor:
    """One step of Langevin dynamics, w - (step / 2) grad U(w) + N(0, step temperature).

    Parameters
    ----------
    weights : float Tensor [P]
    gradient : float Tensor [P]
        Of the potential U = -log p(data | w) - log p(w), or an unbiased estimate.
    step : float
        Step size; small steps sample exp(-U / temperature).
    temperature : float
        0 descends without noise.
    generator : torch.Generator

    Returns
    -------
    float Tensor [P]

    Notes
    -----
    Welling & Teh 2011.
    """
    noise = torch.randn(weights.shape, generator=generator, dtype=weights.dtype)
    return weights - step / 2 * gradient + math.sqrt(step * temperature) * noise


def cyclical(done: float) -> float:
    """Share of the largest step when so much of a cycle is done: (1 + cos(pi done)) / 2.

    Zhang et al. 2020, equation 1.

    Parameters
    ----------
    done : float
        In [0, 1).
    """
    return 0.5 * (1 + math.cos(math.pi * done))


class Sgld(AfterTraining):
    """One sample from the end of each of several cycles.

    Large steps at the start of a cycle leave the last sample's surroundings; they are made
    without noise. Small ones at its end sample the new place.

    Parameters
    ----------
    epochs : int
        Passes a cycle.
    learning_rate : float
        Of the mean loss, at the start of a cycle; the step size is 2 learning_rate / N.
    prior_precision : float
        Of the weights' prior N(0, 1 / prior_precision).
    temperature : float
        1 is the Bayesian posterior; networks sample better from a colder one.
    exploration : float
        Share of each cycle without noise.
    batch_size : int
    """

    info: ClassVar[PosteriorInfo] = PosteriorInfo(
        "sgld",
        "Langevin dynamics, cyclical steps (SGLD)",
        "Welling & Teh 2011; Zhang et al. 2020",
    )

    epochs: Annotated[int, Field(ge=1)] = 10
    learning_rate: Annotated[float, Field(gt=0)] = 5e-2
    prior_precision: Annotated[float, Field(ge=0)] = 1.0
    temperature: Annotated[float, Field(ge=0)] = 1 / 200
    exploration: Annotated[float, Field(ge=0, lt=1)] = 0.5
    batch_size: Annotated[int, Field(ge=1)] = 128

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
        """Return the samples of `n_members` cycles, each starting where the last ended."""
        walker = deepcopy(head).train()
        for part in walker.modules():
            if isinstance(part, nn.Dropout):
                part.eval()  # the potential is that of the whole network
        parameters = list(walker.parameters())
        generator = torch.Generator().manual_seed(seed)
        weights = nn.utils.parameters_to_vector(parameters).detach()
        members = []
        for _ in range(n_members):
            batches = list(self._batches(len(targets), generator))
            for number, rows in enumerate(batches):
                value = loss(walker(embeddings[rows]), targets[rows]).mean()
                require_finite(float(value.detach()), self.learning_rate, self.info)
                slope = torch.autograd.grad(value, parameters)
                gradient = len(targets) * nn.utils.parameters_to_vector(slope)
                done = number / len(batches)
                weights = langevin_step(
                    weights,
                    gradient + self.prior_precision * weights,
                    2 * self.learning_rate / len(targets) * cyclical(done),
                    self.temperature if done >= self.exploration else 0.0,
                    generator,
                )
                nn.utils.vector_to_parameters(weights, parameters)
            members.append(with_weights(head, weights))
        return members

    def _batches(self, n_cases: int, generator: torch.Generator) -> Iterator[Tensor]:
        """Rows of every batch of a cycle."""
        for _ in range(self.epochs):
            yield from torch.randperm(n_cases, generator=generator).split(self.batch_size)
