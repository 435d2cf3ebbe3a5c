"""Entropy: how undecided the averaged probabilities of a case are."""

from __future__ import annotations

from scipy.special import entr

from triage.acquisition.pool import FLOOR, Doubles, Pool
from triage.acquisition.strategy import RankedStrategy, StrategyInfo


class Entropy(RankedStrategy):
    """The cases with the largest entropy of the mean probabilities."""

    info = StrategyInfo(
        "entropy",
        "Predictive entropy",
        "Lewis & Gale 1994, of the averaged softmax",
        prefers="cases of which every class is possible",
        reason="Chosen for labelling: the system is least sure about cases like this one.",
    )
    unit = "nats"

    def values(self, pool: Pool, seed: int = 0) -> Doubles:
        """Entropy of the mean in nats, float64 [N]."""
        found: Doubles = entr(pool.mean.clip(FLOOR)).sum(axis=1)
        return found
