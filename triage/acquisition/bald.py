"""BALD: how much the members disagree about a case."""

from __future__ import annotations

from scipy.special import entr

from triage.acquisition.pool import FLOOR, Doubles, Pool
from triage.acquisition.strategy import ENSEMBLE, RankedStrategy, StrategyInfo, require_ensemble


def member_entropy(members: Doubles) -> Doubles:
    """Mean entropy of the members in nats, float64 [N]; of probabilities [N, K, C]."""
    found: Doubles = entr(members.clip(FLOOR)).sum(axis=2).mean(axis=1)
    return found


def bald(members: Doubles) -> Doubles:
    """Mutual information of a case's label and the member, in nats.

    Parameters
    ----------
    members : float64 array [N, K, C]

    Returns
    -------
    float64 array [N]
        H[mean_k p_k] - mean_k H[p_k], from 0 to ln K (Houlsby et al. 2011).
    """
    mean = members.clip(FLOOR).mean(axis=1)
    found: Doubles = (entr(mean).sum(axis=1) - member_entropy(members)).clip(0.0)
    return found


class Bald(RankedStrategy):
    """The cases with the largest mutual information, each for itself."""

    info = StrategyInfo(
        "bald",
        "Mutual information (BALD)",
        "Houlsby et al. 2011",
        needs=(ENSEMBLE,),
        prefers="cases that the members disagree about",
        reason="Chosen for labelling: the parts of the system differ most on cases like this one.",
    )
    unit = "nats"

    def values(self, pool: Pool, seed: int = 0) -> Doubles:
        """Mutual information of each case in nats, float64 [N]."""
        require_ensemble(pool, self.info.key)
        return bald(pool.members)
