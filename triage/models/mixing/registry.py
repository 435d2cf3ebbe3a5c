"""Registry of mixings."""

from __future__ import annotations

from triage.models.mixing.camixup import ConfidenceAdjustedMixup
from triage.models.mixing.mixing import Mixing
from triage.models.mixing.mixup import Mixup
from triage.models.mixing.no_mixing import NoMixing
from triage.models.mixing.regmixup import RegMixup
from triage.registry import Registry

_TABLE: tuple[type[Mixing], ...] = (NoMixing, Mixup, RegMixup, ConfidenceAdjustedMixup)

MIXINGS: Registry[type[Mixing]] = Registry("mixing", _TABLE)
"""Every mixing."""
