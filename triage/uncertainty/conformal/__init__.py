"""Conformal sets: conditions among which the true one is, as often as promised.

`CONFORMAL` is the registry, by kind of score. Mondrian sets, which keep the promise within
each condition or subgroup, are the setting `by` of each; the out-of-distribution gate in front
is `gated_sets`.
"""

from triage.uncertainty.conformal.aps import Aps
from triage.uncertainty.conformal.conformal_set import ConformalInfo, ConformalSet
from triage.uncertainty.conformal.gate import gated_sets, passes
from triage.uncertainty.conformal.lac import Lac
from triage.uncertainty.conformal.raps import Raps

CONFORMAL: dict[str, type[ConformalSet]] = {kind.info.key: kind for kind in (Lac, Aps, Raps)}
"""Every kind of conformal set by its key."""

__all__ = [
    "CONFORMAL",
    "Aps",
    "ConformalInfo",
    "ConformalSet",
    "Lac",
    "Raps",
    "gated_sets",
    "passes",
]
