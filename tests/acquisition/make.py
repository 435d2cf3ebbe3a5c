"""Pools of generated members."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np

from triage.acquisition import Pool
from triage.acquisition.pool import Doubles

TWO = np.array([[[0.9, 0.1], [0.1, 0.9]]])
"""A case of two members that contradict each other: BALD 0.36806 nats."""


def members(n: int, k: int, c: int, *, seed: int = 0, concentration: float = 0.4) -> Doubles:
    """Probabilities of K members, each a class of its own for every case."""
    return np.random.default_rng(seed).dirichlet(np.full(c, concentration), (n, k))


def pool(given: Doubles, **others: Any) -> Pool:
    """A pool whose cases are called case-0, case-1 and so on."""
    return Pool(tuple(f"case-{number}" for number in range(len(given))), given, **others)


def permuted(given: Pool, order: np.ndarray) -> Pool:
    """The same pool in another order."""
    return Pool(
        tuple(given.names[row] for row in order),
        given.members[order],
        *(
            None if values is None else values[order]
            for values in (given.flag, given.saving, given.minutes)
        ),
        None if given.groups is None else tuple(given.groups[row] for row in order),
    )


def joint_by_hand(batch: Doubles) -> float:
    """Mutual information of a batch's labels and the member, one configuration after another."""
    b, k, c = batch.shape
    joint = 0.0
    for labels in product(range(c), repeat=b):
        q = sum(float(np.prod([batch[i, j, y] for i, y in enumerate(labels)])) for j in range(k))
        joint -= (q / k) * float(np.log(q / k))
    own = sum(-float((case * np.log(case)).sum()) / k for case in batch)
    return joint - own
