"""Which case to label next: acquisition functions on arrays, one file each; NumPy only.

`STRATEGIES` is the registry: the command line names a strategy by its key.
"""

from __future__ import annotations

from triage.acquisition.bald import Bald, bald
from triage.acquisition.batchbald import BatchBald, joint_information
from triage.acquisition.cost import Cost, value_of_label
from triage.acquisition.entropy import Entropy
from triage.acquisition.introspective import Introspective
from triage.acquisition.margin import Margin, margin
from triage.acquisition.pool import Pool
from triage.acquisition.random import Random
from triage.acquisition.strategy import Choice, Strategy
from triage.registry import Registry

STRATEGIES: Registry[type[Strategy]] = Registry(
    "strategy",
    (Bald, BatchBald, Margin, Entropy, Introspective, Cost, Random),
    columns={
        "prefers": lambda strategy: strategy.info.prefers,
        "needs": lambda strategy: ", ".join(strategy.info.needs) or "nothing",
    },
)
"""Every strategy."""

__all__ = [
    "STRATEGIES",
    "Choice",
    "Pool",
    "Strategy",
    "bald",
    "joint_information",
    "margin",
    "value_of_label",
]
