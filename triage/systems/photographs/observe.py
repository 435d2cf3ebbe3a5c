"""From embeddings and trained members to what scores read: no image is opened again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from triage.systems.photographs.member_heads import member_heads
from triage.systems.photographs.system import (
    Embedded,
    Member,
    columns_of,
    member_probabilities,
)
from triage.uncertainty.observations import Observations


def observe(embedded: Embedded, members: Sequence[Member], n_inliers: int) -> Observations:
    """Run every member and return what scores need of it.

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
    blocks = columns_of(embedded)
    return Observations(
        n_inliers=n_inliers,
        probabilities=member_probabilities(embedded, members),
        embedding=np.concatenate([embedded[key] for key in blocks], axis=1),
        blocks=tuple(blocks.values()),
        heads=member_heads([(member.head, blocks[member.backbone]) for member in members]),
    )
