"""Mixing: training on blends of two cases of a batch, one method per module.

`MIXINGS` is the registry: settings and the command line select a method by its key. Methods may
learn from validation cases, so every network in training has its own instance.
"""

from triage.models.mixing.mixing import Mixed, Mixing
from triage.models.mixing.registry import MIXINGS

__all__ = ["MIXINGS", "Mixed", "Mixing"]
