"""Energy-bounded loss: squared hinges on the energy of inliers and of outliers."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def energy_bounds(
    logits: Tensor, is_outlier: Tensor, inlier_margin: float, outlier_margin: float
) -> Tensor:
    """Squared hinges of the energy E = -logsumexp(z).

    max(0, E - m_in)^2 of an inlier, max(0, m_out - E)^2 of an outlier. Liu et al. 2020 add it
    to the cross-entropy with a weight of 0.1, and fine-tune with m_in about -23 to -27 and m_out
    about -5 to -7; a head trained from scratch needs margins of the size of its own energies,
    which for logits near zero are near -log C.

    Parameters
    ----------
    logits : float Tensor [B, C]
        Of the inlier classes.
    is_outlier : bool Tensor [B]
    inlier_margin : float
        m_in: the energy of an inlier above it is penalised.
    outlier_margin : float
        m_out: the energy of an outlier below it is penalised.

    Returns
    -------
    float Tensor [B]
    """
    energy = -torch.logsumexp(logits, dim=1)
    excess = torch.where(is_outlier, outlier_margin - energy, energy - inlier_margin)
    return functional.relu(excess).square()
