"""Trained heads as arrays, for scores that read logits, features or gradients."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from triage.errors import UsageError
from triage.heads import Head, HeadNetwork
from triage.uncertainty.member_head import MemberHead


def member_heads(
    members: Sequence[tuple[HeadNetwork, slice]],
) -> tuple[MemberHead, ...]:
    """Arrays of the members' heads, each with its columns of the case embedding.

    Returns
    -------
    tuple of MemberHead
        Empty where one is no perceptron, so that scores which look inside are refused.
    """
    heads = [member_head(head, columns) for head, columns in members if type(head) is Head]
    return tuple(heads) if len(heads) == len(members) else ()


def member_head(head: Head, columns: slice) -> MemberHead:
    """The arrays of a trained head that reads these columns of the case embedding.

    Raises
    ------
    UsageError
        If the head has other layers than `Head` makes.
    """
    linear = [layer for layer in head.layers if isinstance(layer, torch.nn.Linear)]
    if len(linear) not in (1, 2):
        raise UsageError(f"a head with {len(linear)} linear layers cannot be read as arrays")
    weights = [(layer.weight.detach().numpy(), layer.bias.detach().numpy()) for layer in linear]
    return MemberHead(
        columns=columns,
        centre=head.centre.numpy(),
        scale=head.scale.numpy(),
        weight=weights[-1][0],
        bias=weights[-1][1],
        hidden=weights[0] if len(linear) == 2 else None,
    )
