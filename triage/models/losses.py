"""Losses of the heads, over one softmax of inlier and outlier classes.

Every function takes logits [B, C] whose first `n_inliers` columns are the inlier
conditions, and returns the loss of each case [B], so that weights stay with the caller.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

COARSE_WEIGHT = 0.1
"""Weight of the coarse term of HOD; the value a third party reports for Roy et al. 2022."""


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of each case, -log p_y.

    Parameters
    ----------
    logits : float Tensor [B, C]
    targets : int Tensor [B]
        Class of each case.

    Returns
    -------
    float Tensor [B]
    """
    return functional.cross_entropy(logits, targets, reduction="none")


def uniform_cross_entropy(logits: Tensor) -> Tensor:
    """Cross-entropy to the uniform distribution, -mean_c log p_c: the term of label smoothing.

    (1 - e) L + e times this is the loss with a share e of the target spread evenly over all
    classes (Szegedy et al. 2016).

    Parameters
    ----------
    logits : float Tensor [B, C]

    Returns
    -------
    float Tensor [B]
    """
    return -functional.log_softmax(logits, dim=1).mean(dim=1)


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
    log_p_in, log_p_out = log_outlier_mass(logits, n_inliers)
    coarse = torch.where(targets >= n_inliers, -log_p_out, -log_p_in)
    return cross_entropy(logits, targets) + coarse_weight * coarse
