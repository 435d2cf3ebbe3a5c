"""How small the level of each of many tests must be: a budget spent over planned looks.

Without drift, the probability of any alarm within the horizon of a plan is at most the sum of the
levels of its looks (Bonferroni), whatever the dependence between looks; they all share the same
reference. The budget is shared evenly between the looks that are left; a look at which nothing
could be tested, for want of cases, leaves its share to the others. Within a look the tests of
several columns share its level by Holm's rule. After the last planned look nothing is left: a plan
needs to be renewed.

An e-process would spend nothing by looking, but needs each look to be valid given all earlier ones,
which tests against one reference are not.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field

from triage.errors import UsageError


class ErrorBudget(BaseModel):
    """Probability of any alarm without drift within the horizon of a plan, and its looks.

    Parameters
    ----------
    budget : float
        In (0, 1).
    n_looks : int
        Planned within the horizon.
    spent : float
        By looks so far.
    looks_made : int
        Looks so far, with those at which nothing could be tested.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    budget: float = Field(gt=0, lt=1)
    n_looks: int = Field(ge=1)
    spent: float = Field(default=0.0, ge=0)
    looks_made: int = Field(default=0, ge=0)

    def next_level(self) -> float:
        """What the next look may spend over all its tests; 0 after the last planned look."""
        left = self.n_looks - self.looks_made
        return max(self.budget - self.spent, 0.0) / left if left > 0 else 0.0

    def after_look(self, *, tested: bool) -> ErrorBudget:
        """Return the budget after a look; one at which nothing could be tested spends nothing.

        Whether a look is tested may follow from the number of its cases, never from their values.
        """
        spent = self.spent + (self.next_level() if tested else 0.0)
        return self.model_copy(update={"spent": spent, "looks_made": self.looks_made + 1})


def holm_alarms(p_values: Sequence[float | None], level: float) -> tuple[bool, ...]:
    """Which of the tests of one look alarm, such that any false alarm has at most the level.

    Holm 1979: the smallest of k p-values is compared with level / k, the next with
    level / (k - 1), up to the first that is larger; this holds however the tests depend.

    Parameters
    ----------
    p_values : sequence of float or None
        None, of a test that was not made, never alarms and takes no share.
    level : float
        0 raises no alarm.

    Raises
    ------
    UsageError
        If a p-value is not between 0 and 1.
    """
    made = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    if not all(0 <= p <= 1 for p, _ in made):
        raise UsageError("a p-value is not between 0 and 1")
    alarms = [False] * len(p_values)
    if level <= 0:
        return tuple(alarms)
    for rank, (p, place) in enumerate(made):
        if p > level / (len(made) - rank):
            break
        alarms[place] = True
    return tuple(alarms)


def level_of_each(look_level: float, n_tests: int) -> float:
    """Level that each test of a look must be able to reach: that of the first step of Holm.

    To be given to tests as `level`, so that they draw enough permutations for it.
    """
    if n_tests < 1:
        raise UsageError(f"{n_tests} tests have no level")
    return look_level / n_tests
