"""Mixing: training on blends of two cases of a batch, one method a file.

`MIXINGS` is the registry: settings and the command line name a method by its key. Methods may
keep what they learned of validation cases, so every network in training has its own.
"""

from triage.models.mixing.mixing import Mixed, Mixing, MixingInfo
from triage.models.mixing.registry import MIXINGS, make_mixing

__all__ = ["MIXINGS", "Mixed", "Mixing", "MixingInfo", "make_mixing"]
