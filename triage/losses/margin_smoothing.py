"""Margin-based label smoothing (MbLS): a linear penalty on logits far from the largest."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from triage.losses.cross_entropy import cross_entropy

WEIGHT = 0.1
MARGIN = 10.0
"""The values of a re-implementation by the authors of ACLS; not checked against the paper."""


def margin_smoothing_loss(
    logits: Tensor, targets: Tensor, weight: float = WEIGHT, margin: float = MARGIN
) -> Tensor:
    """Cross-entropy and the distances from the largest logit beyond a margin.

    L = -log p_y + w mean_j max(0, max_k z_k - z_j - t), the mean over all C classes, the
    largest too. Where no logit is further than the margin t from the largest, this is the
    cross-entropy.

    Method: Liu et al. 2022 (MbLS); form and values as a third party's code has them.

    Parameters
    ----------
    logits : float Tensor [B, C]
    targets : int Tensor [B]
        Class of each case.
    weight : float
        w.
    margin : float
        t, in units of a logit.

    Returns
    -------
    float Tensor [B]
    """
    distance = logits.amax(dim=1, keepdim=True) - logits
    return cross_entropy(logits, targets) + weight * functional.relu(distance - margin).mean(dim=1)
