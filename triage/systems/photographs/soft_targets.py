"""Targets of cases that several readers have called something: the distribution of their votes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from triage.data.manifest import Case

LABEL_WEIGHT = 1.0
"""Votes that the label of a case counts as, beside those of its readers; our default."""


def soft_targets(
    cases: Sequence[Case], targets: Tensor, target_of: Callable[[str], int | None]
) -> Tensor:
    """Return the distribution that each case is trained towards.

    ``(votes_k + w [k is the label]) / (n + w)``, with n the votes of the case and w = 1: the label
    counts as one more vote, so that it keeps a share that falls as more readers differ from it. A
    case without votes, or whose readers all agree with its label, keeps its one class. Votes for a
    condition that the head has no target for, such as `not_listed`, count nowhere.

    Parameters
    ----------
    cases : sequence of N Case
    targets : int Tensor [N]
        Class of each.
    target_of : callable
        The target of a condition, or None.

    Returns
    -------
    float Tensor [N, K]
        K is one more than the largest target; rows sum to one.
    """
    numbers = {name: target_of(name) for case in cases for name in case.votes}
    known = [number for number in numbers.values() if number is not None]
    shares = torch.zeros(len(cases), max([int(targets.max()), *known]) + 1)
    for row, case in enumerate(cases):
        shares[row, targets[row]] = LABEL_WEIGHT
        for name, count in case.votes.items():
            if (number := numbers[name]) is not None:
                shares[row, number] += count
    return shares / shares.sum(1, keepdim=True)
