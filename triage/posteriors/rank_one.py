"""Rank-1 Bayesian network: BatchEnsemble whose factors are Gaussian."""

from __future__ import annotations

import math
from functools import partial
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from triage.heads.mlp import Head
from triage.losses.undecayed import Undecayed
from triage.posteriors.batch_ensemble import FactoredNetwork, random_signs
from triage.posteriors.posterior import PERCEPTRON, PosteriorInfo, TrainedTogether, head_of


class GaussianFactor(nn.Module):
    """A vector for each of M components, distributed as N(mean, deviation^2).

    Parameters
    ----------
    n_components, size : int
    deviation : float
        Standard deviation of the prior N(1, deviation^2), and of the start.
    """

    def __init__(self, n_components: int, size: int, deviation: float) -> None:
        super().__init__()
        self.prior = deviation
        # Their prior holds them, so that they need no weight decay.
        self.mean = Undecayed(random_signs(n_components, size))
        # The inverse of softplus, which keeps deviations positive.
        start = math.log(math.expm1(deviation))
        self.spread = Undecayed(torch.full((n_components, size), start))

    def deviation(self) -> Tensor:
        """Standard deviations [M, size]."""
        return functional.softplus(self.spread)

    def draw(self, generator: torch.Generator | None = None) -> Tensor:
        """One draw of all components [M, size]; its gradient reaches mean and spread."""
        noise = torch.randn(self.mean.shape, generator=generator)
        return self.mean + self.deviation() * noise.to(self.mean)

    def divergence(self) -> Tensor:
        """KL divergence from the prior, summed over the vector, averaged over components.

        sum log(t / d) + (d^2 + (mean - 1)^2) / (2 t^2) - 1/2, with t the prior's deviation: a
        bound of the mixture's own divergence (Dusenberry et al. 2020).
        """
        deviation = self.deviation()
        apart = (deviation.square() + (self.mean - 1).square()) / (2 * self.prior**2)
        return (apart - (deviation / self.prior).log() - 0.5).sum(1).mean()


class GaussianLinear(nn.Module):
    """Linear layers of weights W * (s_m r_m^T), with Gaussian r and s."""

    def __init__(self, n_in: int, n_out: int, n_components: int, deviation: float) -> None:
        super().__init__()
        start = nn.Linear(n_in, n_out)
        self.weight = nn.Parameter(start.weight.detach().clone())
        self.bias = nn.Parameter(start.bias.detach().repeat(n_components, 1))
        self.inward = GaussianFactor(n_components, n_in, deviation)
        self.outward = GaussianFactor(n_components, n_out, deviation)

    def forward(self, inputs: Tensor) -> Tensor:
        """Map [B, M, in] to [B, M, out]: one draw a batch in training, else the means."""
        r = self.inward.draw() if self.training else self.inward.mean
        s = self.outward.draw() if self.training else self.outward.mean
        return functional.linear(inputs * r, self.weight) * s + self.bias

    def layer(self, component: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw a weight [out, in], with its bias [out]."""
        r, s = (factor.draw(generator)[component] for factor in (self.inward, self.outward))
        return self.weight * torch.outer(s, r), self.bias[component]


class RankOneNetwork(FactoredNetwork):
    """Components of a mixture, with factors that are Gaussian; members are draws of them.

    Parameters
    ----------
    width, n_classes, n_members, hidden, dropout
        As of `FactoredNetwork`; the members are the components.
    deviation : float
        Standard deviation of the prior of every factor.
    annealing : int
        Steps of training over which the weight of the penalty rises from 0 to 1.
    """

    steps: Tensor

    def __init__(
        self,
        width: int,
        n_classes: int,
        *,
        n_members: int,
        hidden: int,
        dropout: float,
        deviation: float,
        annealing: int,
    ) -> None:
        super().__init__(
            width,
            n_classes,
            n_members=n_members,
            layer=partial(GaussianLinear, deviation=deviation),
            hidden=hidden,
            dropout=dropout,
        )
        self.annealing = annealing
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))  # a checkpoint has it

    def member_logits(self, embeddings: Tensor) -> Tensor:
        """Every component sees every case; a pass in training mode is a step."""
        if self.training:
            self.steps += 1
        return super().member_logits(embeddings)

    def penalty(self) -> Tensor:
        """Divergence of all factors from their prior, as annealed."""
        factors = [part for part in self.modules() if isinstance(part, GaussianFactor)]
        weight = min(1.0, int(self.steps) / self.annealing)
        return weight * torch.stack([part.divergence() for part in factors]).sum()

    def unrolled(self, n_members: int, seed: int) -> list[Head]:
        """Draw members, from the components in turn."""
        generator = torch.Generator().manual_seed(seed)
        layers = [layer for layer in self.factored if isinstance(layer, GaussianLinear)]
        return [
            head_of([layer.layer(number % self.n_members, generator) for layer in layers], self)
            for number in range(n_members)
        ]


class RankOne(TrainedTogether):
    """Draws of a mixture of Gaussian factors around one shared weight.

    Parameters
    ----------
    components : int
        Of the mixture; no more than members.
    deviation : float
        Standard deviation of the prior of every factor.
    annealing : int
        Steps of training over which the weight of the divergence rises from 0 to 1; the usual
        training of a head has about 1,000.
    """

    info: ClassVar[PosteriorInfo] = PosteriorInfo(
        "rank_one", "Rank-1 Bayesian network", "Dusenberry et al. 2020", needs=(PERCEPTRON,)
    )

    components: Annotated[int, Field(ge=1)] = 4
    deviation: Annotated[float, Field(gt=0)] = 0.1
    annealing: Annotated[int, Field(ge=1)] = 1000

    def build(
        self, width: int, n_classes: int, *, n_members: int, hidden: int, dropout: float
    ) -> RankOneNetwork:
        """Return a network whose factors have random signs as means."""
        return RankOneNetwork(
            width,
            n_classes,
            n_members=min(self.components, n_members),
            hidden=hidden,
            dropout=dropout,
            deviation=self.deviation,
            annealing=self.annealing,
        )
