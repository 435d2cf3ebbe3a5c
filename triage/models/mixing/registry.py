"""The table of mixings."""

from __future__ import annotations

from triage.errors import unknown_name
from triage.models.mixing.camixup import ConfidenceAdjustedMixup
from triage.models.mixing.mixing import Mixing
from triage.models.mixing.mixup import Mixup
from triage.models.mixing.no_mixing import NoMixing
from triage.models.mixing.regmixup import RegMixup

_TABLE: tuple[type[Mixing], ...] = (NoMixing, Mixup, RegMixup, ConfidenceAdjustedMixup)

MIXINGS: dict[str, type[Mixing]] = {kind.info.key: kind for kind in _TABLE}
"""Every mixing by its key, in the order of tables."""


def make_mixing(key: str) -> Mixing:
    """Make a mixing with its default settings.

    Raises
    ------
    UsageError
        If there is none of that name; the message has the nearest.
    """
    if key in MIXINGS:
        return MIXINGS[key]()
    raise unknown_name("mixing", key, MIXINGS)
