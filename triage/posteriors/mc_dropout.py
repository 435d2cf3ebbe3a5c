"""MC dropout: every member is the trained head with a fixed dropout mask."""

from __future__ import annotations

from copy import deepcopy
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from triage.errors import TrainingError
from triage.heads.head import HeadNetwork
from triage.posteriors.posterior import (
    DROPOUT,
    PERCEPTRON,
    AfterTraining,
    CaseLoss,
    PosteriorInfo,
    linear_layers,
    perceptron,
)


class McDropout(AfterTraining):
    """Members with one dropout mask each, the same for all cases, folded into the weights.

    The input of a layer x -> W (m * x) / (1 - rate) + b, with m its mask, is a layer of weight
    W diag(m) / (1 - rate). Gal & Ghahramani 2016, with masks that stay for all cases.

    Parameters
    ----------
    rate : float, optional
        Share of the inputs of each layer that is left out; by default what the head was trained
        with.
    """

    info: ClassVar[PosteriorInfo] = PosteriorInfo(
        "mc_dropout",
        "MC dropout",
        "Gal & Ghahramani 2016",
        needs=(PERCEPTRON, DROPOUT),
    )

    rate: Annotated[float, Field(gt=0, lt=1)] | None = None

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
        """Return members with masks drawn apart; the training cases are not looked at.

        Raises
        ------
        TrainingError
            If the head is no perceptron, or neither it nor the posterior has a dropout rate.
        """
        source = perceptron(head, self.info)
        rate = self.rate or next(m.p for m in source.layers if isinstance(m, nn.Dropout))
        if rate == 0:
            raise TrainingError(
                "MC dropout of a head that was trained without dropout",
                where="dropout 0",
                hint="Train with dropout, such as 0.1.",
            )
        generator = torch.Generator().manual_seed(seed)
        members: list[HeadNetwork] = []
        for _ in range(n_members):
            member = deepcopy(source).eval()
            with torch.no_grad():
                for layer in linear_layers(member):
                    kept = torch.rand(layer.in_features, generator=generator) >= rate
                    layer.weight.mul_(kept / (1 - rate))
            members.append(member)
        return members
