"""Adaptive and conditional label smoothing (ACLS): squared penalties beyond a margin."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from triage.losses.cross_entropy import cross_entropy

WEIGHT = 0.1
LARGEST_WEIGHT = 1.0
OTHERS_WEIGHT = 0.1
MARGIN = 10.0
"""The authors' values for Tiny-ImageNet; they choose the margin for each data set."""


def acls_loss(
    logits: Tensor,
    targets: Tensor,
    weight: float = WEIGHT,
    largest_weight: float = LARGEST_WEIGHT,
    others_weight: float = OTHERS_WEIGHT,
    margin: float = MARGIN,
) -> Tensor:
    """Cross-entropy and a smoothing that acts only beyond a margin.

    L = -log p_y + w [a max(0, z_m - t)^2 + b mean_{j != m} max(0, z_m - z_j - t)^2] with m the
    largest logit. In the second term z_m passes no gradient: it raises the others and does not
    lower the largest, which the first term does. Where no logit exceeds the margin t and none is
    further than t from the largest, this is the cross-entropy.

    Formula and values: Park et al. 2023, as their published code has them.

    Parameters
    ----------
    logits : float Tensor [B, C]
    targets : int Tensor [B]
        Class of each case.
    weight : float
        w.
    largest_weight, others_weight : float
        a and b.
    margin : float
        t, in units of a logit.

    Returns
    -------
    float Tensor [B]
    """
    largest = logits.amax(dim=1)
    # The largest itself is at distance zero and adds nothing to the sum over the others.
    distance = functional.relu(largest.detach()[:, None] - logits - margin)
    far = distance.square().sum(dim=1) / max(logits.shape[1] - 1, 1)
    large = functional.relu(largest - margin).square()
    return cross_entropy(logits, targets) + weight * (largest_weight * large + others_weight * far)
