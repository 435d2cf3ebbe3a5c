"""Hierarchical outlier detection: one softmax of inlier and outlier classes, two levels of loss.

Logits [B, C] have the inlier conditions in their first `n_inliers` columns.
"""

from __future__ import annotations

import torch
from torch import Tensor

from triage.losses.cross_entropy import cross_entropy

COARSE_WEIGHT = 0.1
"""Weight of the coarse term of HOD; the value a third party reports for Roy et al. 2022."""


def log_outlier_mass(logits: Tensor, n_inliers: int) -> tuple[Tensor, Tensor]:
    """Log of the summed probability of the inlier and of the outlier classes.

    Parameters
    ----------
    logits : float Tensor [B, C]
    n_inliers : int
        Leading columns that are inliers, 1 <= n_inliers < C.

    Returns
    -------
    log_p_in, log_p_out : float Tensor [B]
        By log-sum-exp of logits: summing probabilities first underflows.
    """
    total = torch.logsumexp(logits, dim=1)
    log_p_in = torch.logsumexp(logits[:, :n_inliers], dim=1) - total
    log_p_out = torch.logsumexp(logits[:, n_inliers:], dim=1) - total
    return log_p_in, log_p_out


def coarse_loss(
    logits: Tensor, targets: Tensor, n_inliers: int, weight: float = COARSE_WEIGHT
) -> Tensor:
    """Inlier against outlier: -w [t log p_out + (1 - t) log p_in], with t = 1 for an outlier.

    Parameters
    ----------
    logits : float Tensor [B, C]
    targets : int Tensor [B]
        Class of each case among all C.
    n_inliers : int
    weight : float
        w.

    Returns
    -------
    float Tensor [B]
    """
    log_p_in, log_p_out = log_outlier_mass(logits, n_inliers)
    return weight * torch.where(targets >= n_inliers, -log_p_out, -log_p_in)


def hod_loss(
    logits: Tensor, targets: Tensor, n_inliers: int, coarse_weight: float = COARSE_WEIGHT
) -> Tensor:
    """Hierarchical outlier detection: fine cross-entropy plus inlier-against-outlier.

    L = -log p_y - w [t log p_out + (1 - t) log p_in], with t = 1 for an outlier.
    Structure: Roy et al. 2022, hierarchical outlier detection; the form and w = 0.1 are
    known to us from a third party, not from the paper itself.

    Parameters
    ----------
    logits : float Tensor [B, C]
        Inlier classes first, then one class per training outlier condition.
    targets : int Tensor [B]
        Class of each case among all C.
    n_inliers : int
        Number of inlier classes.
    coarse_weight : float
        Weight w of the coarse term.

    Returns
    -------
    float Tensor [B]
    """
    coarse = coarse_loss(logits, targets, n_inliers, coarse_weight)
    return cross_entropy(logits, targets) + coarse
