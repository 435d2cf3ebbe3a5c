"""Base classes of posteriors: ways to get the members of an ensemble from one training run.

A member is an ordinary network in evaluation mode, mostly a `Head`, so that bundles, scores and
policies do not depend on where it comes from. Some posteriors sample around a head that
is trained already (`AfterTraining`), others train all members in one network that shares most
of its weights (`TrainedTogether`, `JointNetwork`) and is then split into members.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

from triage.errors import TrainingError, UsageError
from triage.heads.head import HeadNetwork
from triage.heads.mlp import Head
from triage.registry import Info

CaseLoss = Callable[[Tensor, Tensor], Tensor]
"""Maps what a network gives in training mode, and targets [B], to the loss of each case [B]."""


PERCEPTRON = "a head that is a plain perceptron"
DROPOUT = "dropout above 0"
"""Needs of posteriors."""


@dataclass(frozen=True)
class PosteriorInfo(Info):
    """Description of a posterior for tables and the command line.

    Parameters
    ----------
    key, title, source, needs
        As in `triage.registry.Info`.
    one_member : bool
        Whether it gives a single member, however many are asked for.
    """

    one_member: bool = False

    @property
    def needs_perceptron(self) -> bool:
        """Whether it is for heads whose network is the plain perceptron `Head` only."""
        return PERCEPTRON in self.needs

    @property
    def needs_dropout(self) -> bool:
        """Whether the head must be trained with dropout."""
        return DROPOUT in self.needs


class Posterior(BaseModel, ABC):
    """Settings of one way to get members."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    info: ClassVar[PosteriorInfo]


class AfterTraining(Posterior):
    """A posterior around a head that is trained already."""

    @abstractmethod
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
        """Return members; the head itself stays as it is.

        Parameters
        ----------
        head : HeadNetwork
            Trained.
        embeddings : float32 Tensor [N, D]
            Training cases.
        targets : int Tensor [N]
        loss : callable
            The head's.
        n_members : int
            How many to draw, at least 1.
        seed : int

        Returns
        -------
        list of HeadNetwork
            In evaluation mode. Like a newly trained head, they are still to be given to
            `HeadNetwork.finish` by the caller, where their design has something to finish.

        Raises
        ------
        TrainingError
            If the posterior cannot be had of this head, or its training diverges.
        """


class JointNetwork(HeadNetwork):
    """M members in one network, trained like one head.

    In training mode it gives the logits of all members, float [B, M, C], in evaluation mode the
    log of their mean probability, [B, C], which are logits of the ensemble.

    Parameters
    ----------
    width : int
        Length D of the embedding.
    n_members : int
        Members M that are trained, at least 1.
    """

    def __init__(self, width: int, n_members: int) -> None:
        super().__init__(width)
        if n_members < 1:
            raise UsageError(f"an ensemble of {n_members} members", hint="Ask for at least one.")
        self.n_members = n_members

    @abstractmethod
    def member_logits(self, embeddings: Tensor) -> Tensor:
        """Map embeddings [B, D] to the logits of every member for each of them, [B, M, C]."""

    @abstractmethod
    def unrolled(self, n_members: int, seed: int) -> list[Head]:
        """Return members as heads of their own.

        Raises
        ------
        UsageError
            If they are not as many as were trained, and cannot be drawn.
        """

    def penalty(self) -> Tensor:
        """Term added to the loss of the whole training set, in nats."""
        return self.centre.new_zeros(())

    def forward(self, embeddings: Tensor) -> Tensor:
        """Map embeddings [B, D] to logits [B, M, C] in training, [B, C] in evaluation mode."""
        logits = self.member_logits(embeddings)
        if self.training:
            return logits
        return logits.log_softmax(2).logsumexp(1) - math.log(logits.shape[1])


class TrainedTogether(Posterior):
    """A posterior that trains its members in one network."""

    @abstractmethod
    def build(
        self, width: int, n_classes: int, *, n_members: int, hidden: int, dropout: float
    ) -> JointNetwork:
        """Return an untrained network for embeddings of some width.

        Parameters
        ----------
        width : int
            Length D of the embedding.
        n_classes : int
            Number of classes C.
        n_members : int
            Members that are wanted of it.
        hidden : int
            Hidden units; 0 makes the members linear.
        dropout : float
            Dropout before each layer while training.
        """

    def loss(self, network: JointNetwork, loss: CaseLoss, n_cases: int) -> CaseLoss:
        """Return the loss that trains the network: the mean of its members' own, and its penalty.

        Parameters
        ----------
        network : JointNetwork
        loss : callable
            Of a single head.
        n_cases : int
            Training cases N; each bears an equal share of the penalty.

        Returns
        -------
        callable
            Maps logits [B, M, C] and targets [B] to the loss of each case [B].
        """

        def of_all_members(outputs: Tensor, targets: Tensor) -> Tensor:
            cases, members, _ = outputs.shape
            each = loss(outputs.flatten(0, 1), targets.repeat_interleave(members))
            return each.view(cases, members).mean(1) + network.penalty() / n_cases

        return of_all_members

    def members(self, network: JointNetwork, *, n_members: int, seed: int) -> list[Head]:
        """Return the members of the trained network as heads in evaluation mode."""
        return network.unrolled(n_members, seed)


def require_trained(n_members: int, network: JointNetwork) -> None:
    """Raise UsageError if a network is asked for another number of members than it has."""
    if n_members != network.n_members:
        raise UsageError(f"{n_members} members of a network that was built for {network.n_members}")


def perceptron(head: HeadNetwork, info: PosteriorInfo) -> Head:
    """Return the head if it is a plain perceptron.

    Raises
    ------
    TrainingError
        If it is not: a changed layer would mean something else in it.
    """
    if type(head) is not Head:
        raise TrainingError(
            f"the posterior {info.key} is for perceptron heads, not {type(head).__name__}",
            hint="Choose the head softmax, reject or hod, or another posterior.",
        )
    return head


def linear_layers(head: Head) -> list[nn.Linear]:
    """The layers of a perceptron that have weights, first to last."""
    return [layer for layer in head.layers if isinstance(layer, nn.Linear)]


def head_of(layers: Sequence[tuple[Tensor, Tensor]], like: HeadNetwork) -> Head:
    """Return a perceptron of given layers, on embeddings standardised as another network does.

    Parameters
    ----------
    layers : sequence of (float Tensor [out, in], float Tensor [out])
        Weight and bias, first to last, one or two of them.
    like : HeadNetwork
    """
    first, last = layers[0][0], layers[-1][0]
    head = Head(first.shape[1], len(last), hidden=len(first) if len(layers) > 1 else 0, dropout=0)
    with torch.no_grad():
        head.centre.copy_(like.centre)
        head.scale.copy_(like.scale)
        for linear, (weight, bias) in zip(linear_layers(head), layers, strict=True):
            linear.weight.copy_(weight)
            linear.bias.copy_(bias)
    return head.eval()
