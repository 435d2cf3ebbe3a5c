"""Cost: the clinical cost that a label is expected to save, by minute of reading."""

from __future__ import annotations

from triage.acquisition.pool import Doubles, Pool
from triage.acquisition.strategy import COSTS, RankedStrategy, StrategyInfo
from triage.errors import UsageError


def value_of_label(probabilities: Doubles, costs: Doubles) -> Doubles:
    """Expected cost that knowing the class of a case saves.

    Parameters
    ----------
    probabilities : float64 array [N, C]
        Of the classes.
    costs : float64 array [C, A]
        Cost of each action for each class.

    Returns
    -------
    float64 array [N]
        min_a sum_c p_c C[c, a] - sum_c p_c min_a C[c, a], at least 0: the expected value of perfect
        information about one case. It ignores what the label teaches the system.

    Raises
    ------
    UsageError
        If the matrix is not of these classes.
    """
    if costs.ndim != 2 or costs.shape[0] != probabilities.shape[1] or not costs.shape[1]:
        raise UsageError(f"costs have shape {costs.shape}, not [{probabilities.shape[1]}, actions]")
    now = (probabilities @ costs).min(axis=1)
    found: Doubles = (now - probabilities @ costs.min(axis=1)).clip(0.0)
    return found


class Cost(RankedStrategy):
    """The cases whose labels save most clinical cost in each minute of a specialist."""

    info = StrategyInfo(
        "cost",
        "Expected clinical cost saved",
        "expected value of perfect information (Howard 1966), a minute of reading: ours",
        needs=(COSTS,),
        prefers="cases whose decision a label would change most, by minute of reading",
        reason="Chosen for labelling: an answer is worth most here for the time it takes.",
    )
    unit = "cost units a minute"

    def values(self, pool: Pool, seed: int = 0) -> Doubles:
        """Saving by minute of reading, float64 [N]."""
        if pool.saving is None or pool.minutes is None:
            raise UsageError(
                "the expected clinical cost of the cases is not known",
                where=f"--strategy {self.info.key}",
                hint="Name the system with --bundle, whose policy has the costs.",
            )
        found: Doubles = pool.saving / pool.minutes
        return found
