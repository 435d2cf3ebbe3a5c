"""From embeddings and trained members to what scores read: no image is opened again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from triage.errors import UsageError
from triage.heads import Head
from triage.systems.photographs.system import Embedded, Member, member_probabilities
from triage.uncertainty.member_head import MemberHead
from triage.uncertainty.observations import Observations


def observe(embedded: Embedded, members: Sequence[Member], n_inliers: int) -> Observations:
    """Run every member and lay open what scores need of it.

    Parameters
    ----------
    embedded : dict of float32 array [N, D]
        By backbone key.
    members : sequence of Member
    n_inliers : int

    Returns
    -------
    Observations
        Probabilities, embeddings (backbones in alphabetical order) and heads of N cases; no
        heads where one is no perceptron, so that scores which look inside are refused.
    """
    blocks: dict[str, slice] = {}
    start = 0
    for key in sorted(embedded):
        blocks[key] = slice(start, start + embedded[key].shape[1])
        start = blocks[key].stop
    heads = [
        member_head(member.head, blocks[member.backbone])
        for member in members
        if type(member.head) is Head
    ]
    return Observations(
        n_inliers=n_inliers,
        probabilities=member_probabilities(embedded, members),
        embedding=np.concatenate([embedded[key] for key in blocks], axis=1),
        blocks=tuple(blocks.values()),
        heads=tuple(heads) if len(heads) == len(members) else (),
    )


def member_head(head: Head, columns: slice) -> MemberHead:
    """The arrays of a trained head that reads these columns of the case embedding.

    Raises
    ------
    UsageError
        If the head has other layers than `Head` makes.
    """
    linear = [layer for layer in head.layers if isinstance(layer, torch.nn.Linear)]
    if len(linear) not in (1, 2):
        raise UsageError(f"a head with {len(linear)} linear layers cannot be laid open")
    weights = [(layer.weight.detach().numpy(), layer.bias.detach().numpy()) for layer in linear]
    return MemberHead(
        columns=columns,
        centre=head.centre.numpy(),
        scale=head.scale.numpy(),
        weight=weights[-1][0],
        bias=weights[-1][1],
        hidden=weights[0] if len(linear) == 2 else None,
    )
