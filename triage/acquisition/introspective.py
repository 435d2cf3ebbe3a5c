"""Introspective self-play: the cases that the training data hold too few of."""

from __future__ import annotations

from triage.acquisition.pool import Doubles, Pool
from triage.acquisition.strategy import FLAG, RankedStrategy, StrategyInfo
from triage.errors import UsageError


class Introspective(RankedStrategy):
    """The cases that the second output of an introspective head flags most."""

    info = StrategyInfo(
        "introspective",
        "Introspective self-play (ISP)",
        "Liu et al. 2022, by the mean output of the bias head",
        needs=(FLAG,),
        prefers="cases of a kind that a model only memorises",
        reason="Chosen for labelling: the training data hold few cases like this one.",
    )
    unit = "probability"

    def values(self, pool: Pool, seed: int = 0) -> Doubles:
        """Mean probability of underrepresentation, float64 [N]."""
        if pool.flag is None:
            raise UsageError(
                "the system has no output for underrepresented cases",
                where=f"--strategy {self.info.key}",
                hint="Train one with the setting `head: introspective` (triage train --config), "
                "or use bald.",
            )
        return pool.flag
