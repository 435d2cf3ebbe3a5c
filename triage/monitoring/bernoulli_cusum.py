"""Bernoulli CUSUM: a control chart of a rate, with an exact budget of false alarms.

The chart adds up evidence case by case that the rate has left p0 towards p1, and raises an alarm
when the sum reaches a limit. **The unit that is counted is one visit of one patient**: the images
of a visit are not independent, so that the caller reduces them to one yes or no before (an OOD
visit is one with any OOD image). The threshold that makes a case a yes must not change meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, log

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from scipy.optimize import brentq

from triage.errors import UsageError
from triage.monitoring.run_lengths import LatticeChain

LEAST_RATE = 1e-4
"""Smallest p0 and p1, and smallest distance from 1: below, a chart has too many steps."""
LARGEST_DENOMINATOR = 8
"""Steps down of a case, at most; more only make p1 exacter."""
ROUNDING = 0.25
"""Largest change of p1 by rounding to the lattice, as a share of |p1 - p0|."""
QUANTILES = (0.1, 0.5, 0.9)


class CusumDesign(BaseModel):
    """A chart: what it is made to find, its steps and its limit.

    Parameters
    ----------
    p0 : float
        Rate in control.
    p1 : float
        Rate that the chart is made to find, rounded so that all sums are whole steps. Above p0 the
        chart watches for a rise, below it for a fall.
    steps_up : int
        Steps by which a case that speaks for p1 raises the sum: a yes of a rising chart, a no of
        a falling one. With r1 = -ln((1-p1)/(1-p0)), r2 = ln(p1(1-p0)/(p0(1-p1))) and r2/r1 = m,
        a rising chart has m - 1 steps up and 1 down; a falling one 1 up and m - 1 down. Where no
        integer m is near enough, m is a fraction and all steps are multiplied by its denominator.
    steps_down : int
        Steps by which any other case lowers it, not below 0.
    limit : int
        Sum from which on there is an alarm, in steps.
    horizon : int
        Cases that the budget is for.
    false_alarm : float
        Exact probability of an alarm within the horizon at a rate of p0; the budget or less.
    arl : float
        Mean number of cases to a false alarm at a rate of p0.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    p0: float
    p1: float
    steps_up: int
    steps_down: int
    limit: int
    horizon: int
    false_alarm: float
    arl: float

    @property
    def rising(self) -> bool:
        """Whether the chart watches for a rise of the rate."""
        return self.p1 > self.p0

    def chain(self, p: float) -> LatticeChain:
        """Return the Markov chain of the sum under a true rate p."""
        p_up = p if self.rising else 1.0 - p
        return LatticeChain(self.limit, self.steps_up, self.steps_down, p_up)


@dataclass(frozen=True, slots=True)
class CusumPath:
    """What a chart did on a stream.

    Parameters
    ----------
    statistic : array (n,) of int64
        Sum after each case in steps; at an alarm the sum that reached the limit, after which the
        chart starts again at 0.
    alarms : array (n_alarms,) of int64
        Places of the cases that raised an alarm, from 0.
    state : int
        Sum from which the next case goes on; `run_cusum(..., start=state)` resumes.
    """

    statistic: NDArray[np.int64]
    alarms: NDArray[np.int64]
    state: int


@dataclass(frozen=True, slots=True)
class Delays:
    """Cases to the alarm under a changed rate: quantiles from a sum of 0 and in steady state.

    Parameters
    ----------
    levels : tuple of float
    from_zero : tuple of float
        Where the change comes when the sum is 0.
    steady_state : tuple of float
        Where the change comes after the chart has long been in use at p0.
    """

    levels: tuple[float, ...]
    from_zero: tuple[float, ...]
    steady_state: tuple[float, ...]

    @property
    def median(self) -> float:
        """Median in steady state; needs 0.5 among the levels."""
        return self.steady_state[self.levels.index(0.5)]


def design_cusum(p0: float, p1: float, *, horizon: int, false_alarm: float = 0.05) -> CusumDesign:
    """Design a chart with the smallest limit within a budget of false alarms.

    Parameters
    ----------
    p0 : float
        Rate in control; where it was estimated, `triage.monitoring.baseline_rate` makes it safe.
    p1 : float
        Rate to be found; above p0 for a rising chart, below for a falling one. It is rounded to
        the lattice.
    horizon : int
        Cases that the budget is for.
    false_alarm : float
        Largest probability of an alarm within the horizon at a rate of p0.

    Returns
    -------
    CusumDesign

    Raises
    ------
    UsageError
        If a rate is outside [1e-4, 1 - 1e-4], both are equal, or the horizon or budget is not
        positive.
    """
    _check(p0, p1, horizon, false_alarm)
    return _design(float(p0), float(p1), int(horizon), float(false_alarm))


def run_cusum(
    design: CusumDesign, x: NDArray[np.bool_] | Sequence[bool], start: int = 0
) -> CusumPath:
    """Run a chart over cases in the order of their arrival.

    Parameters
    ----------
    design : CusumDesign
    x : array (n,) of bool
        One yes or no per visit.
    start : int
        Sum before the first case: `CusumPath.state` of the cases before, or 0.

    Returns
    -------
    CusumPath
    """
    yes, no = design.steps_up, -design.steps_down
    if not design.rising:
        yes, no = no, yes
    limit, total = design.limit, start
    sums: list[int] = []
    alarms: list[int] = []
    for case, said_yes in enumerate(np.asarray(x, dtype=bool).tolist()):
        total += yes if said_yes else no
        if total < 0:
            total = 0
        sums.append(total)
        if total >= limit:
            alarms.append(case)
            total = 0
    return CusumPath(np.array(sums, dtype=np.int64), np.array(alarms, dtype=np.int64), total)


def alarm_probability(design: CusumDesign, p: float, n: int) -> float:
    """Return the exact probability of an alarm within n cases at a true rate p, from a sum of 0."""
    return design.chain(p).alarm_probability(n)


def delay_quantiles(
    design: CusumDesign, p1: float | None = None, levels: tuple[float, ...] = QUANTILES
) -> Delays:
    """Return quantiles of the number of cases to the alarm, from the first changed case on.

    Parameters
    ----------
    design : CusumDesign
    p1 : float, optional
        True rate after the change; else what the chart is made to find.
    levels : tuple of float
        Ascending.
    """
    changed = design.chain(design.p1 if p1 is None else p1)
    usual = design.chain(design.p0).long_run_sums()
    zero, steady = changed.quantiles(levels), changed.quantiles(levels, usual)
    return Delays(levels, tuple(zero), tuple(steady))


def _check(p0: float, p1: float, horizon: int, false_alarm: float) -> None:
    for name, rate in (("p0", p0), ("p1", p1)):
        if not LEAST_RATE <= rate <= 1 - LEAST_RATE:
            raise UsageError(
                f"{name} = {rate:g} is outside of {LEAST_RATE:g} to {1 - LEAST_RATE:g}",
                hint="A chart of rarer cases has too many steps; count another case.",
            )
    if p0 == p1:
        raise UsageError(f"p0 and p1 are both {p0:g}, so that there is nothing to find")
    if horizon < 1:
        raise UsageError(f"a horizon of {horizon} cases is none", hint="Give 1 or more.")
    if not 0 < false_alarm < 1:
        raise UsageError(f"a false-alarm probability of {false_alarm:g} is outside of 0 to 1")


@lru_cache(maxsize=4096)
def _design(p0: float, p1: float, horizon: int, false_alarm: float) -> CusumDesign:
    """The lattice of the smallest denominator; of two with equal ones, that with less delay."""
    for denominator in range(1, LARGEST_DENOMINATOR + 1):
        found = [
            _with_limit(p0, rounded, steps, horizon, false_alarm)
            for steps, rounded in _lattices(p0, p1, denominator)
        ]
        if found:
            return min(found, key=lambda design: delay_quantiles(design, p1, (0.5,)).median)
    raise UsageError(f"p1 = {p1:g} is too near to p0 = {p0:g}", hint="Choose a p1 further from p0.")


def _lattices(p0: float, p1: float, denominator: int) -> list[tuple[tuple[int, int], float]]:
    """Steps (yes, no) near the exact ratio, and the p1 that each is exact for."""
    exact = _slope(p0, p1)
    common = exact > 0.5  # then the rarer no makes the large step
    whole = denominator / (1 - exact if common else exact)
    found = []
    for steps in sorted({int(np.floor(whole)), int(np.ceil(whole))}):
        small = denominator / steps
        slope = 1 - small if common else small
        if not (p0 < slope < 1 if p1 > p0 else 0 < slope < p0):
            continue
        rounded = _p1_of_slope(p0, slope, rising=p1 > p0)
        if abs(rounded - p1) <= ROUNDING * abs(p1 - p0):
            other = steps - denominator
            found.append(((denominator, other) if common else (other, denominator), rounded))
    return found


def _slope(p0: float, p1: float) -> float:
    """r1 / r2: the rate at which the sum neither rises nor falls on average."""
    return -log((1 - p1) / (1 - p0)) / log(p1 * (1 - p0) / (p0 * (1 - p1)))


def _p1_of_slope(p0: float, slope: float, *, rising: bool) -> float:
    """The p1 whose slope is given; the slope rises with p1."""
    tiny = 1e-12
    low, high = (p0 * (1 + 1e-7), 1 - tiny) if rising else (tiny, p0 * (1 - 1e-7))
    if (_slope(p0, low) - slope) * (_slope(p0, high) - slope) > 0:
        return low if abs(_slope(p0, low) - slope) < abs(_slope(p0, high) - slope) else high
    return float(brentq(lambda p: _slope(p0, p) - slope, low, high, xtol=1e-15))


def _with_limit(
    p0: float, p1: float, steps: tuple[int, int], horizon: int, false_alarm: float
) -> CusumDesign:
    """The design with the smallest limit within the budget."""
    up, down = steps if p1 > p0 else (steps[1], steps[0])
    p_up = p0 if p1 > p0 else 1 - p0

    def within(limit: int) -> float:
        return LatticeChain(limit, up, down, p_up).alarm_probability(horizon)

    limit, reached = _smallest_limit(within, false_alarm, first=max(up, down))
    return CusumDesign(
        p0=p0,
        p1=p1,
        steps_up=up,
        steps_down=down,
        limit=limit,
        horizon=horizon,
        false_alarm=reached,
        arl=LatticeChain(limit, up, down, p_up).mean_run_length(),
    )


def _smallest_limit(
    within: Callable[[int], float], budget: float, *, first: int
) -> tuple[int, float]:
    """Return the smallest limit whose alarm probability is within the budget, and that probability.

    The logarithm of the probability is nearly linear in the limit, so that the search interpolates
    between two limits on either side instead of halving.
    """
    low, high = (0, 1.0), (first, within(first))
    while high[1] > budget:
        low, high = high, (2 * high[0], within(2 * high[0]))
    halve = False
    while high[0] - low[0] > 1:
        slope = (log(low[1]) - log(max(high[1], 1e-300))) / (high[0] - low[0])
        between = low[0] + (log(low[1]) - log(budget)) / slope
        guess = (low[0] + high[0]) // 2 if halve else ceil(between)
        middle = min(max(guess, low[0] + 1), high[0] - 1)
        found = (middle, within(middle))
        width = high[0] - low[0]
        low, high = (found, high) if found[1] > budget else (low, found)
        halve = not halve and high[0] - low[0] > 2 and 2 * (high[0] - low[0]) > width
    return high
