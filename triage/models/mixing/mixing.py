"""Base class of mixings: from a batch of cases to a batch of blends of two cases."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from triage.registry import Info


@dataclass(frozen=True, eq=False)
class Mixed:
    """Blends of two cases each.

    The loss of the batch is the mean over its rows of
    share * loss(row, targets) + (1 - share) * loss(row, partners). Where nothing is mixed,
    `partners` is the same object as `targets`, and the second half need not be computed.

    Parameters
    ----------
    inputs : float Tensor [B', ...]
    targets : int Tensor [B']
        Class of the first case of each row.
    partners : int Tensor [B']
        Class of the second.
    share : float Tensor [B']
        Share of the first case, in [1/2, 1].
    """

    inputs: Tensor
    targets: Tensor
    partners: Tensor
    share: Tensor

    @classmethod
    def pure(cls, inputs: Tensor, targets: Tensor) -> Mixed:
        """A batch of single cases; inputs of any kind are passed on as they are."""
        return cls(inputs, targets, targets, torch.ones(len(targets), device=targets.device))


class Mixing(ABC):
    """Base class of mixings; a mixing may learn from validation cases."""

    info: ClassVar[Info]

    @abstractmethod
    def mix(self, inputs: Tensor, targets: Tensor, generator: torch.Generator) -> Mixed:
        """Mix a batch.

        Parameters
        ----------
        inputs : float Tensor [B, ...]
            Embeddings [B, D], or pixels [B, 3, S, S] of one image a case; left unchanged.
        targets : int Tensor [B]
            Class of each case.
        generator : torch.Generator
            Source of all randomness.
        """

    def after_epoch(self, probabilities: Tensor, truth: Tensor) -> None:  # noqa: B027
        """Learn from the validation inliers after each pass over the training cases.

        Parameters
        ----------
        probabilities : float Tensor [V, K]
            Of the network, or of the ensemble it is a member of; rows sum to one.
        truth : int Tensor [V]
            Class of each, below K.
        """
