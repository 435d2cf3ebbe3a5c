"""Log odds of kernels of a distance: p = exp(-d), or 2 sigmoid(-d)."""

from __future__ import annotations

import torch
from torch import Tensor

NEAREST = 1e-6
"""Least distance: at zero the log odds are infinite."""


def log_expm1(distances: Tensor) -> Tensor:
    """log(e^d - 1) of each distance d, without overflow.

    The log odds of e^-d are minus this, those of 2 sigmoid(-d) are log 2 minus this.

    Parameters
    ----------
    distances : float Tensor
        Not negative; below `NEAREST` they count as that.

    Returns
    -------
    float Tensor
        Of the same shape.
    """
    distances = distances.clamp_min(NEAREST)
    return distances + torch.log(-torch.expm1(-distances))
