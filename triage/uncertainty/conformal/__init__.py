"""Conformal sets: sets of conditions that hold the true one with a given probability.

`CONFORMAL` is the registry. Mondrian sets, which keep the probability within each condition
or subgroup, are the setting `by` of each; `gated_sets` first rejects out-of-distribution cases.
"""

from triage.registry import Registry
from triage.uncertainty.conformal.aps import Aps
from triage.uncertainty.conformal.conformal_set import ConformalInfo, ConformalSet
from triage.uncertainty.conformal.gate import gated_sets, passes
from triage.uncertainty.conformal.lac import Lac
from triage.uncertainty.conformal.raps import Raps

CONFORMAL: Registry[type[ConformalSet]] = Registry(
    "conformal set",
    (Lac, Aps, Raps),
    columns={"properties": lambda kind: kind.info.character},
)
"""Every kind of conformal set."""

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
