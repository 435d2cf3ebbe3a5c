"""Focal losses: cases with a high probability of the true class have less weight."""

from __future__ import annotations

import torch
from torch import Tensor

from triage.losses.cross_entropy import cross_entropy

GAMMA = 3.0
"""Exponent of the focal loss; the default of a published collection of calibration baselines."""

UNLIKELY = 0.2
UNLIKELY_GAMMA = 5.0
"""FLSD-53 has the larger exponent where the true class has less than `UNLIKELY`."""


def powered(base: Tensor, exponent: float | Tensor) -> Tensor:
    """Base ** exponent for a base in [0, 1], with a finite gradient where the base is zero.

    The slope of x ** g at zero is infinite for 0 < g < 1, and a cross-entropy that is zero
    there does not cancel it: zero times infinity is not a number.
    """
    floor = torch.finfo(base.dtype).tiny
    return base.clamp_min(floor) ** exponent


def focal_loss(logits: Tensor, targets: Tensor, gamma: float = GAMMA) -> Tensor:
    """Focal loss, -(1 - p_y)^g log p_y.

    With g = 0 it is the cross-entropy. Formula: Lin et al. 2017; as a means of calibration:
    Mukhoti et al. 2020.

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
    return powered(-torch.expm1(-surprise), gamma) * surprise


def flsd_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Focal loss with an exponent of each case's own: 5 where p_y < 0.2, otherwise 3.

    The exponent is a step of p_y and passes no gradient. Source: FLSD-53 of Mukhoti et al.
    2020, whose published code has these two values.

    Parameters
    ----------
    logits : float Tensor [B, C]
    targets : int Tensor [B]
        Class of each case.

    Returns
    -------
    float Tensor [B]
    """
    surprise = cross_entropy(logits, targets)
    missing = -torch.expm1(-surprise)
    gamma = torch.where(missing.detach() > 1 - UNLIKELY, UNLIKELY_GAMMA, GAMMA)
    return powered(missing, gamma) * surprise
