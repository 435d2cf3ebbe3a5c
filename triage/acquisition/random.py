"""Random: the control that every other strategy is compared with."""

from __future__ import annotations

from triage.acquisition.pool import Doubles, Pool
from triage.acquisition.strategy import RankedStrategy, StrategyInfo


class Random(RankedStrategy):
    """Cases by chance, each as probable as any other."""

    info = StrategyInfo(
        "random",
        "Random (control)",
        "simple random sampling",
        prefers="none",
        reason="Chosen for labelling by chance.",
    )
    unit = "chance"

    def values(self, pool: Pool, seed: int = 0) -> Doubles:
        """A random number for each case, float64 [N]."""
        return pool.chance(seed, purpose="random")
