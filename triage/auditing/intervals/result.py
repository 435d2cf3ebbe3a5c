"""An interval with the p-values that belong to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

Evidence = Literal["enough", "not enough"]


class Bounds(NamedTuple):
    """Limits of an interval."""

    low: float
    high: float


class Law(Protocol):
    """What is known of a true value: intervals of every confidence, and p-values that agree."""

    def limits(self, confidence: float) -> Bounds:
        """Return the two-sided interval."""

    def p_value(self, bound: float) -> float:
        """Return the two-sided p-value of the hypothesis that the true value is `bound`.

        The interval of a confidence leaves the bound out exactly where it is below one less the
        confidence.
        """


@dataclass(frozen=True)
class IntervalResult:
    """The interval of a metric on one set of cases.

    Parameters
    ----------
    low, high : float, optional
        None where none is printed.
    method : str
        As in `AuditEstimate.interval`.
    evidence : {'enough', 'not enough'}
    undefined_replicates : int
    display_low, display_high : float, optional
        Wilson's interval, of proportions only; for charts, never for a verdict.
    trials : float, optional
        Of a proportion: how many independent cases its cases are worth.
    freedom : float
        Degrees of freedom of the variance: patients - 1.
    law : Law, optional
        None where none is printed.
    """

    low: float | None
    high: float | None
    method: str
    evidence: Evidence
    undefined_replicates: int = 0
    display_low: float | None = None
    display_high: float | None = None
    trials: float | None = None
    freedom: float = 1.0
    law: Law | None = None

    def p_value(self, bound: float) -> float | None:
        """Return the two-sided p-value that the true value is `bound`; None without interval."""
        return None if self.law is None else self.law.p_value(bound)
