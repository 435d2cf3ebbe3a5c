"""How small the level of each of many tests must be: a budget spent over planned looks."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict


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

    budget: float
    n_looks: int
    spent: float = 0.0
    looks_made: int = 0

    def next_level(self) -> float:
        """What the next look may spend over all its tests; 0 after the last planned look."""
        raise NotImplementedError

    def after_look(self, *, tested: bool) -> ErrorBudget:
        """The budget after a look; one at which nothing could be tested spends nothing."""
        raise NotImplementedError


def holm_alarms(p_values: Sequence[float | None], level: float) -> tuple[bool, ...]:
    """Which of the tests of one look alarm; None, of a test that was not made, never does."""
    raise NotImplementedError
