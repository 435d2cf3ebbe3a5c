"""Exact intervals of proportions, of independent and of clustered cases."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy import optimize, special

from triage.auditing.intervals.result import Bounds
from triage.auditing.measured import Measured
from triage.evaluation.bootstrap_intervals import clopper_pearson, effective_trials

_LEAST_TAIL = 1e-12


@dataclass(frozen=True)
class Binomial:
    """A proportion of independent cases: Clopper & Pearson 1934.

    Parameters
    ----------
    value : float
    trials : float
        Need not be whole.
    """

    value: float
    trials: float

    def limits(self, confidence: float) -> Bounds:
        """Return the two-sided interval."""
        return Bounds(
            *clopper_pearson(self.value * self.trials, self.trials, confidence=confidence)
        )

    def p_value(self, bound: float) -> float:
        """Return twice the smaller of the two tail probabilities of the binomial distribution."""
        return min(1.0, 2 * smaller_tail(self.value, self.trials, bound))


@dataclass(frozen=True)
class ClusteredBinomial:
    """A number between 0 and 1 over clustered cases: Korn & Graubard 1998.

    Clopper & Pearson's interval of as many trials as the cases are worth; these depend on the
    confidence by Student's quantile, so the p-value is the solution of an equation.

    Parameters
    ----------
    value, variance : float
        The variance is that over patients.
    n_cases, n_patients : int
    low, high : float
        Bounds of the metric, which are carried to 0 and 1.
    freedom : float, optional
        Degrees of freedom of the variance; patients - 1 by default.
    least : float
        The cases are worth no fewer trials.
    """

    value: float
    variance: float
    n_cases: int
    n_patients: int
    low: float = 0.0
    high: float = 1.0
    freedom: float | None = None
    least: float = 0.0

    @classmethod
    def of_proportion(cls, measured: Measured, variance: float) -> ClusteredBinomial:
        """Return the law of a proportion of cases of which some are of one patient.

        Two additions of ours to the published interval keep it honest where few patients have an
        error, and the variance says little (derived). Its degrees of freedom are no more than
        those of a variance with these contributions (Satterthwaite 1946): about twice the number
        of patients with an error. And the cases are worth no fewer trials than
        (sum of sizes)^2 / (sum of squared sizes), as if all cases of a patient were alike
        (Kish 1965).
        """
        squares = measured.influence**2
        total, count = squares.sum(), len(squares)
        spread = squares @ squares - total**2 / count
        freedom = float(max(measured.n_patients - 1, 1))
        if spread > 0:
            freedom = max(1.0, min(freedom, 2 * total**2 / spread))
        least = float(measured.n_patients)
        if measured.sizes is not None:
            least = float(measured.sizes.sum() ** 2 / (measured.sizes @ measured.sizes))
        return cls(
            measured.value, variance, measured.n, measured.n_patients,
            freedom=freedom, least=least,
        )  # fmt: skip

    @property
    def _share(self) -> float:
        return (self.value - self.low) / (self.high - self.low)

    def trials(self, tail: float) -> float:
        """Return how many independent cases the cases are worth, with `tail` left out."""
        variance = self.variance / (self.high - self.low) ** 2
        found = effective_trials(
            self._share, variance, self.n_cases, self.n_patients, tail=tail, freedom=self.freedom
        )
        return max(found, self.least)

    def limits(self, confidence: float) -> Bounds:
        """Return the two-sided interval."""
        trials = self.trials((1 - confidence) / 2)
        found = Binomial(self._share, trials).limits(confidence)
        width = self.high - self.low
        return Bounds(self.low + width * found.low, self.low + width * found.high)

    def p_value(self, bound: float) -> float:
        """Return the level at which a limit of the interval is the bound."""
        share = (bound - self.low) / (self.high - self.low)

        def excess(log_tail: float) -> float:
            tail = math.exp(log_tail)
            return smaller_tail(self._share, self.trials(tail), share) - tail

        low, high = math.log(_LEAST_TAIL), math.log(0.499)
        if excess(low) <= 0:
            return 2 * _LEAST_TAIL
        if excess(high) >= 0:
            return 1.0
        return 2 * math.exp(optimize.brentq(excess, low, high, xtol=1e-12))


def smaller_tail(value: float, trials: float, bound: float) -> float:
    """Return the smaller tail probability of a share of trials, if `bound` is the true one.

    The tails of the binomial distribution, by the beta distribution, so that trials need not be
    whole.
    """
    if not 0 <= bound <= 1:
        return 0.0
    hits = value * trials
    misses = max(trials - hits, 0.0)
    at_least = special.betainc(hits, misses + 1, bound) if hits > 0 else 1.0
    at_most = special.betaincc(hits + 1, misses, bound) if misses > 0 else 1.0
    return float(min(at_least, at_most))
