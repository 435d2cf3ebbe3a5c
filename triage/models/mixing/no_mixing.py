"""No mixing: training on unchanged cases."""

from __future__ import annotations

import torch
from torch import Tensor

from triage.models.mixing.mixing import Mixed, Mixing
from triage.registry import Info


class NoMixing(Mixing):
    """Identity mixing, for any kind of input."""

    info = Info("none", "None", "the usual training")

    def mix(self, inputs: Tensor, targets: Tensor, generator: torch.Generator) -> Mixed:
        """Return the batch."""
        return Mixed.pure(inputs, targets)
