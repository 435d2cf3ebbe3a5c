"""The budget of false alarms: charts of several streams share one for all."""

from __future__ import annotations

from math import exp, log1p

from triage.errors import UsageError

DAYS_A_MONTH = 30.0
LARGEST_SHARE = 0.05
"""Largest probability of a false alarm of one chart within the horizon."""
ALARMS_A_MONTH = 1.0
"""Expected false alarms a month, of all charts together."""


def share_of_budget(
    n_charts: int,
    *,
    horizon_days: float = 90.0,
    alarms_a_month: float = ALARMS_A_MONTH,
    largest: float = LARGEST_SHARE,
) -> float:
    """Return the false-alarm probability within the horizon that each of several charts may have.

    All charts together raise at most `alarms_a_month` false alarms in a month of 30 days, in
    expectation; the expectation adds up also where streams depend on each other. A chart that
    raises them at a constant rate of `alarms_a_month` / `n_charts` a month has an alarm within the
    horizon with probability 1 - exp(-rate * months).

    Parameters
    ----------
    n_charts : int
        All charts that somebody must answer, also those of sites and subgroups.
    horizon_days : float
    alarms_a_month : float
    largest : float
        No chart has more, however few there are.

    Returns
    -------
    float

    Raises
    ------
    UsageError
        If a number is not positive, or `largest` is 1 or more.
    """
    if n_charts < 1 or horizon_days <= 0 or alarms_a_month <= 0 or not 0 < largest < 1:
        raise UsageError(
            "the budget of false alarms needs at least one chart, days and alarms above 0, and a "
            "largest probability between 0 and 1"
        )
    months = horizon_days / DAYS_A_MONTH
    return min(largest, 1.0 - exp(-alarms_a_month * months / n_charts))


def expected_alarms_a_month(
    n_charts: int, false_alarm: float, *, horizon_days: float = 90.0
) -> float:
    """Return the expected false alarms a month of charts with equal probability of one."""
    return -log1p(-false_alarm) * n_charts * DAYS_A_MONTH / horizon_days
