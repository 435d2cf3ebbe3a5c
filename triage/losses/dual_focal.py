"""Dual focal loss: a case is weighted by the margin to the second most probable class."""

from __future__ import annotations

import torch
from torch import Tensor

from triage.losses.cross_entropy import cross_entropy
from triage.losses.focal import powered

GAMMA = 5.0
"""Exponent of the dual focal loss; about the authors' own, theirs varies with the data set."""


def dual_focal_loss(logits: Tensor, targets: Tensor, gamma: float = GAMMA) -> Tensor:
    """Dual focal loss, -(1 - p_y + p_j)^g log p_y.

    p_j is the largest probability strictly below that of the true class, 0 where there is none.
    The loss is never less than the focal loss of the same exponent, and no more than the
    cross-entropy. Source: Tao et al. 2023, and their published code.

    Parameters
    ----------
    logits : float Tensor [B, C]
    targets : int Tensor [B]
        Class of each case.
    gamma : float
        Exponent g, at least 0.

    Returns
    -------
    float Tensor [B]
    """
    surprise = cross_entropy(logits, targets)
    probabilities = logits.softmax(dim=1)
    true = probabilities.gather(1, targets[:, None])
    runner_up = torch.where(probabilities < true, probabilities, 0).amax(dim=1)
    return powered(runner_up - torch.expm1(-surprise), gamma) * surprise
