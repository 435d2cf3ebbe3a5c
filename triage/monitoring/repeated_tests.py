"""How small the level of each of many tests must be: a budget spent over planned looks.

Without drift, the probability of any alarm within the horizon of a plan is at most the sum of the
levels of its looks (Bonferroni), whatever the dependence between looks; they all share the same
reference. The budget is shared evenly between the looks that are left; a look at which nothing
could be tested, for want of cases, leaves its share to the others. After the last planned look
nothing is left until the budget of the next horizon.

An e-process would spend nothing by looking, but needs each look to be valid given all earlier ones,
which tests against one reference are not.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


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
        """What the next look may spend; 0 after the last planned look."""
        left = self.n_looks - self.looks_made
        return max(self.budget - self.spent, 0.0) / left if left > 0 else 0.0

    def after_look(self, *, tested: bool) -> ErrorBudget:
        """Return the budget after a look; one at which nothing could be tested spends nothing.

        Whether a look is tested may follow from the number of its cases, never from their values.
        """
        spent = self.spent + (self.next_level() if tested else 0.0)
        return self.model_copy(update={"spent": spent, "looks_made": self.looks_made + 1})
