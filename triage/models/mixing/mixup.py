"""Mixup: train on blends of two cases instead of cases."""

from __future__ import annotations

import torch
from torch import Tensor

from triage.models.mixing.blending import blend, draw_shares, require_concentration
from triage.models.mixing.mixing import Mixed, Mixing
from triage.registry import Info

CONCENTRATION = 0.2
"""Within the range from which Zhang et al. chose; we have not tuned it."""


class Mixup(Mixing):
    """Mixup of every case with another of its batch.

    Zhang et al. 2018, mixup. Shares are drawn for each row.

    Parameters
    ----------
    concentration : float
        Of the symmetric Beta distribution of shares; small values mostly leave cases nearly
        alone.
    """

    info = Info("mixup", "Mixup", "Zhang et al. 2018")

    def __init__(self, concentration: float = CONCENTRATION) -> None:
        self.concentration = require_concentration(concentration)

    def mix(self, inputs: Tensor, targets: Tensor, generator: torch.Generator) -> Mixed:
        """Return B blends."""
        share = draw_shares(len(targets), self.concentration, generator)
        return blend(inputs, targets, share, generator)
