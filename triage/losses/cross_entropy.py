"""Cross-entropy to the true class, and to the uniform distribution."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor
from torch.nn import functional

Criterion = Callable[[Tensor, Tensor], Tensor]
"""Maps logits [B, C] and classes [B] to the loss of each case [B]."""


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


def smoothed(criterion: Criterion, share: float) -> Criterion:
    """A criterion with a share of the target spread evenly over all classes."""

    def with_smoothing(logits: Tensor, targets: Tensor) -> Tensor:
        exact = criterion(logits, targets)
        return (1 - share) * exact + share * uniform_cross_entropy(logits) if share else exact

    return with_smoothing
