"""Soft-binned expected calibration error as a differentiable term of the loss."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from triage.losses.cross_entropy import cross_entropy

WEIGHT = 1.0
BINS = 15
DECAY = math.e
"""All three ours, untuned: the published code leaves them to its caller. Wide, soft bins suit
batches of a hundred cases."""

_LEAST_CASES = 1e-6


def bin_membership(confidences: Tensor, bins: int = BINS, decay: float = DECAY) -> Tensor:
    """Share of each case in each of the equally wide bins of [0, 1].

    c_ib = softmax_b(-(p_i - m_b)^2 / tau), m_b the middle of bin b and
    tau = 1 / (B^2 ln decay).

    Parameters
    ----------
    confidences : float Tensor [N]
        p, in [0, 1].
    bins : int
        B, at least 1.
    decay : float
        How many times more a case in the middle of a bin belongs to it than to its neighbour;
        more than 1.

    Returns
    -------
    float Tensor [N, B]
        Rows sum to one.
    """
    numbers = torch.arange(bins, dtype=confidences.dtype, device=confidences.device)
    distance = confidences[:, None] - (numbers + 0.5) / bins
    sharpness = bins**2 * math.log(decay)
    return (-sharpness * distance.square()).softmax(dim=1)


def soft_binned_errors(
    logits: Tensor, targets: Tensor, bins: int = BINS, decay: float = DECAY
) -> Tensor:
    """Share of each case in the squared, label-binned, soft-binned calibration error.

    sum_b c_ib (a_b - p_i)^2, with p_i the largest probability, c_ib as `bin_membership` has it
    and a_b = sum_i c_ib [i is right] / sum_i c_ib the soft accuracy of bin b. The mean over the
    cases is the squared error of the batch.

    Formula: Karandikar et al. 2021, as their published code has it, but for its bins: theirs
    begin at 1/C, ours at 0, because heads differ in C.

    Parameters
    ----------
    logits : float Tensor [B, C]
    targets : int Tensor [B]
        Class of each case.
    bins : int
    decay : float

    Returns
    -------
    float Tensor [B]
    """
    confidences, found = logits.softmax(dim=1).max(dim=1)
    share = bin_membership(confidences, bins, decay)
    right = (found == targets).to(share.dtype)
    # A bin that holds no case at all has no accuracy; no case belongs to it either.
    accuracy = (right @ share) / share.sum(dim=0).clamp_min(_LEAST_CASES)
    return (share * (accuracy - confidences[:, None]).square()).sum(dim=1)


def soft_binned_ece_loss(
    logits: Tensor,
    targets: Tensor,
    weight: float = WEIGHT,
    bins: int = BINS,
    decay: float = DECAY,
) -> Tensor:
    """Cross-entropy and a weighted share of the batch's squared calibration error.

    The mean over a batch is its mean cross-entropy + weight * squared soft-binned ECE. The
    second term belongs to the batch: the loss of a case depends on the others beside it, and a
    batch should hold many times more cases than `bins`.

    Parameters
    ----------
    logits : float Tensor [B, C]
    targets : int Tensor [B]
        Class of each case.
    weight : float
    bins : int
    decay : float

    Returns
    -------
    float Tensor [B]
    """
    return cross_entropy(logits, targets) + weight * soft_binned_errors(
        logits, targets, bins, decay
    )
