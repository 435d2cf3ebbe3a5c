"""RegMixup: training on the cases and, in addition, on blends."""

from __future__ import annotations

import torch
from torch import Tensor

from triage.models.mixing.blending import blend, draw_shares, require_concentration
from triage.models.mixing.mixing import Mixed, Mixing
from triage.registry import Info

CONCENTRATION = 20.0
"""The default of the authors' published code: nearly even blends."""


class RegMixup(Mixing):
    """The unchanged cases and an equal number of blends, with the same weight.

    Pinto et al. 2022, whose code draws one share for a whole batch; here each row has its own.

    Parameters
    ----------
    concentration : float
        Of the symmetric Beta distribution of shares; large values give nearly even blends.
    """

    info = Info("regmixup", "RegMixup", "Pinto et al. 2022")

    def __init__(self, concentration: float = CONCENTRATION) -> None:
        self.concentration = require_concentration(concentration)

    def mix(self, inputs: Tensor, targets: Tensor, generator: torch.Generator) -> Mixed:
        """Return 2B rows: the B cases with a share of 1, then B blends."""
        share = draw_shares(len(targets), self.concentration, generator)
        blends = blend(inputs, targets, share, generator)
        return Mixed(
            torch.cat([inputs, blends.inputs]),
            torch.cat([targets, blends.targets]),
            torch.cat([targets, blends.partners]),
            torch.cat([torch.ones_like(blends.share), blends.share]),
        )
