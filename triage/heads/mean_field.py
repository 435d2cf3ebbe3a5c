"""Logits that are uncertain, as one softmax; and the mass they leave to the unknown."""

from __future__ import annotations

import math

import torch
from torch import Tensor

MEAN_FIELD = math.pi / 8
"""Factor lambda of the probit approximation (MacKay 1992)."""


def mean_field_logits(mean: Tensor, variance: Tensor, factor: float = MEAN_FIELD) -> Tensor:
    """Logits whose softmax stands for the mean softmax of Gaussian logits: m / sqrt(1 + l v).

    Exact to the probit approximation for two classes and l = pi / 8; for more, an
    approximation (Lu et al. 2020; Liu et al. 2020, who take it up to l = 20 for detection).

    Parameters
    ----------
    mean : float Tensor [B, K]
    variance : float Tensor [B, K] or [B, 1]
    factor : float
        l >= 0; 0 ignores the variance.

    Returns
    -------
    float Tensor [B, K]
    """
    return mean / torch.sqrt(1 + factor * variance)


def with_outlier_logit(logits: Tensor) -> Tensor:
    """Append a class whose mass is Dempster-Shafer uncertainty, K / (K + sum_c exp z_c).

    K further classes of logit 0 weigh as much as one of logit log K (Sensoy et al. 2018;
    Liu et al. 2020).

    Parameters
    ----------
    logits : float Tensor [B, K]

    Returns
    -------
    float Tensor [B, K + 1]
    """
    n_classes = logits.shape[-1]
    outlier = torch.full_like(logits[..., :1], math.log(n_classes))
    return torch.cat([logits, outlier], dim=-1)
