"""Exact run lengths of a CUSUM on a lattice, from the Markov chain of its sum.

The sum S is an integer from 0 to limit - 1. A case moves it up by `up` with probability `p_up`,
otherwise down by `down`, not below 0; a sum of `limit` or more is an alarm and leaves the chain
(Brook and Evans, Biometrika 59, 1972; for Bernoulli charts Reynolds and Stoumbos, Journal of
Quality Technology 31, 1999).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_banded

Floats = NDArray[np.float64]

_BLOCK = 512
"""Cases between two looks at whether the distribution still changes."""
_SETTLED = 1e-10
"""Largest relative change of any probability between two looks at which it is called constant."""
_NONE_LEFT = 1e-300
"""Probability of no alarm, from which on there is one for sure."""


@dataclass(frozen=True, slots=True)
class LatticeChain:
    """The chain of a chart under one true rate.

    Parameters
    ----------
    limit : int
        Sum from which on there is an alarm, in steps.
    up, down : int
        Steps of a case that raises the sum and of one that lowers it.
    p_up : float
        Probability of a case that raises the sum, above 0 and below 1.
    """

    limit: int
    up: int
    down: int
    p_up: float

    def mean_run_length(self) -> float:
        """Return the mean number of cases to the alarm from a sum of 0.

        Row 0 of (I - Q)^-1 1, where Q are the transitions between sums below the limit.
        """
        return float(solve_banded(self._widths(), self._banded(), np.ones(self.limit))[0])

    def long_run_sums(self) -> Floats:
        """Return the distribution of the sum, (limit,), of a chart in use for a long time.

        The sum starts again at 0 after an alarm, so that it is proportional to row 0 of (I - Q)^-1.
        """
        down, up = self._widths()
        banded = self._banded()
        transposed = np.zeros_like(banded)
        size = self.limit
        for offset in range(-down, up + 1):  # entry (i, i + offset) is in row up - offset
            row = banded[up - offset]
            if offset >= 0:
                transposed[down + offset, : size - offset] = row[offset:size]
            else:
                transposed[down + offset, -offset:size] = row[: size + offset]
        first = np.zeros(size)
        first[0] = 1.0
        weights = np.maximum(solve_banded((up, down), transposed, first), 0.0)
        return np.asarray(weights / weights.sum())

    def alarm_probability(self, n: int, start: Floats | None = None) -> float:
        """Return the probability of an alarm within n cases.

        Parameters
        ----------
        n : int
        start : array (limit,), optional
            Distribution of the sum before the first case; else it is 0.
        """
        cases = _Cases(self, start)
        while cases.n < n and not cases.settled:
            cases.advance(min(_BLOCK, n - cases.n))
        rest = float(np.exp((n - cases.n) * np.log1p(-cases.hazard))) if cases.n < n else 1.0
        return 1.0 - cases.surviving * rest

    def quantiles(self, levels: Sequence[float], start: Floats | None = None) -> list[float]:
        """Return the smallest numbers of cases with an alarm probability of at least the levels.

        Parameters
        ----------
        levels : sequence of float
            Ascending, above 0 and below 1.
        start : array (limit,), optional
            As in `alarm_probability`.
        """
        found: list[float] = []
        cases = _Cases(self, start)
        before, surviving = 0, np.ones(1)
        for level in levels:
            while 1.0 - surviving[-1] < level and not cases.settled:
                before, surviving = cases.n, cases.advance(_BLOCK)
            if 1.0 - surviving[-1] >= level:
                found.append(float(before + 1 + np.argmax(1.0 - surviving >= level)))
            elif cases.hazard > 0:  # from here on a constant share of what is left
                more = np.log((1.0 - level) / cases.surviving) / np.log1p(-cases.hazard)
                found.append(float(cases.n + np.ceil(more)))
            else:
                found.append(float("inf"))
        return found

    def _widths(self) -> tuple[int, int]:
        """How far transitions reach below and above the diagonal."""
        return min(self.down, self.limit - 1), min(self.up, self.limit - 1)

    def _banded(self) -> Floats:
        """I - Q in the form of `scipy.linalg.solve_banded`."""
        below, above = self._widths()
        banded = np.zeros((below + above + 1, self.limit))
        banded[above] = 1.0
        if self.up < self.limit:
            banded[above - self.up, self.up :] -= self.p_up
        sums = np.arange(self.limit)
        lower = np.maximum(sums - self.down, 0)
        np.subtract.at(banded, (above + sums - lower, lower), 1.0 - self.p_up)
        return banded


class _Cases:
    """The distribution of the sum after each case; what has left it is an alarm."""

    def __init__(self, chain: LatticeChain, start: Floats | None) -> None:
        self.chain = chain
        self.now = np.zeros(chain.limit)
        if start is None:
            self.now[0] = 1.0
        else:
            self.now[:] = start
        self.spare = np.zeros(chain.limit)
        self.before: Floats | None = None
        self.n = 0
        self.surviving = 1.0
        self.hazard = 0.0
        self.settled = False

    def advance(self, count: int) -> Floats:
        """Go on by some cases, and return the probability of no alarm after each, (count,)."""
        size, up, down = self.chain.limit, self.chain.up, min(self.chain.down, self.chain.limit)
        p_up, p_down = self.chain.p_up, 1.0 - self.chain.p_up
        now, after, surviving = self.now, self.spare, self.surviving
        left = np.empty(count)
        leaving = 0.0
        for case in range(count):
            # What leaves is summed by itself: 1 - sum(after) would lose small probabilities.
            leaving = p_up * float(now[max(size - up, 0) :].sum())
            np.multiply(now[down:], p_down, out=after[: size - down])
            after[size - down :] = 0.0
            after[0] += p_down * now[:down].sum()
            if up < size:
                after[up:] += p_up * now[: size - up]
            surviving = max(surviving - leaving, 0.0)
            left[case] = surviving
            now, after = after, now
        self.n += count
        last = surviving + leaving
        self.hazard = leaving / last if last > 0 else 1.0
        self.now, self.spare, self.surviving = now, after, surviving
        self._look()
        return left

    def _look(self) -> None:
        """Note whether the distribution of the sum has stopped to change."""
        if self.surviving <= _NONE_LEFT:
            self.settled, self.hazard = True, 1.0 - 1e-15
            return
        shape = self.now / self.surviving
        if self.before is not None:
            reached = shape > 0
            change = np.abs(shape - self.before)[reached] / shape[reached]
            self.settled = bool(change.max(initial=0.0) < _SETTLED)
        self.before = shape
