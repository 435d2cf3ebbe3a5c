"""Confidence-adjusted mixup: only classes with over-confident predictions are mixed."""

from __future__ import annotations

import torch
from torch import Tensor

from triage.errors import UsageError
from triage.models.mixing.blending import blend, draw_shares, require_concentration
from triage.models.mixing.mixing import Mixed, Mixing
from triage.models.mixing.mixup import CONCENTRATION
from triage.registry import Info


def over_confident_classes(probabilities: Tensor, truth: Tensor) -> Tensor:
    """Find the classes whose accuracy is below their mean confidence.

    Both over the cases whose true class it is; a class without a case is not over-confident.

    Parameters
    ----------
    probabilities : float Tensor [V, K]
    truth : int Tensor [V]
        Below K.

    Returns
    -------
    bool Tensor [K]

    Raises
    ------
    UsageError
        If the two do not fit together.
    """
    n_classes = probabilities.shape[1]
    among = bool(((truth >= 0) & (truth < n_classes)).all())
    if truth.shape != probabilities.shape[:1] or not among:
        raise UsageError(
            f"probabilities of {len(probabilities)} cases and {n_classes} classes do not fit "
            f"{len(truth)} true classes",
            hint="Give the validation inliers only, and their classes among the columns.",
        )
    confidence, found = probabilities.double().max(dim=1)
    surplus = torch.zeros(n_classes, dtype=torch.float64, device=probabilities.device)
    surplus.index_add_(0, truth, confidence - (found == truth).double())
    return surplus > 0


class ConfidenceAdjustedMixup(Mixing):
    """Mixup restricted to the cases of over-confident classes.

    Mixup of all classes makes members under-confident, and averaging an ensemble adds to it;
    this leaves alone the classes that need no lowering. Wen et al. 2021, after their published
    code: nothing is mixed in the first epoch, and from then on a case of a class whose
    validation accuracy is below its mean confidence. A case's partner may be of any class.
    Training outliers (classes beyond the validated ones) are never mixed, but may be partners.

    Parameters
    ----------
    concentration : float
        Of the symmetric Beta distribution of shares.

    Notes
    -----
    Which classes are mixed is known from the last `after_epoch` only: who resumes training must
    call it with the resumed network first.
    """

    info = Info("camixup", "Confidence-adjusted mixup (CAMixup)", "Wen et al. 2021")

    def __init__(self, concentration: float = CONCENTRATION) -> None:
        self.concentration = require_concentration(concentration)
        self.over_confident = torch.zeros(0, dtype=torch.bool)

    def after_epoch(self, probabilities: Tensor, truth: Tensor) -> None:
        """Update the set of over-confident classes."""
        self.over_confident = over_confident_classes(probabilities, truth)

    def mix(self, inputs: Tensor, targets: Tensor, generator: torch.Generator) -> Mixed:
        """Return B rows, those of over-confident classes blended."""
        mixed_classes = self.over_confident.nonzero().squeeze(1).to(targets.device)
        mixes = torch.isin(targets, mixed_classes)
        if not bool(mixes.any()):
            return Mixed.pure(inputs, targets)
        share = draw_shares(len(targets), self.concentration, generator).to(targets.device)
        return blend(inputs, targets, torch.where(mixes, share, 1.0), generator)
