"""What control charts of rates find, how late, and how often they err, on simulated streams.

`python -m tests.soak.cusum_simulation` prints three tables: the designs' goals on streams of 100
cases a day whose rate in control is known; the same where it is estimated from 200 to 5,000
baseline cases, exactly, as a sum over all that the baseline may show; and what sharing the budget
among many charts costs. It fails where a goal is missed.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass

import numpy as np
from scipy.stats import binom

from triage.monitoring.alarm_budget import share_of_budget
from triage.monitoring.baseline_rate import CONFIDENCE, baseline_rate, default_alternative
from triage.monitoring.bernoulli_cusum import alarm_probability, delay_quantiles, design_cusum
from triage.monitoring.simulated_streams import RepeatedStreams, simulate_streams
from triage.monitoring.stream_scenario import StreamScenario

CASES_A_DAY, HORIZON_DAYS, BUDGET = 100, 90, 0.05
HORIZON = CASES_A_DAY * HORIZON_DAYS
GOALS = ((0.01, 0.05, 2), (0.05, 0.10, 3))
"""Rate in control, changed rate, and the largest median of days until it is found."""
BASELINES = (200, 500, 1000, 2000, 5000)
PROMISED_FROM = 500
"""Baseline cases from which on the budget holds with the estimated rate."""


def simulate(p0: float, p1: float | None, n_streams: int, seed: int) -> RepeatedStreams:
    """Streams of 90 days without a change, or of 60 days with one on day 30."""
    change = {} if p1 is None else {"change": {"day": 30, "ood_rate": p1}}
    scenario = StreamScenario.model_validate(
        {
            "seed": seed,
            "days": HORIZON_DAYS if p1 is None else 60,
            "cases_per_day": CASES_A_DAY,
            "baseline": {"ood_rate": p0},
            "repeats": n_streams,
            **change,
        }
    )
    found = simulate_streams(scenario)["ood_rate"].repeats
    assert found is not None
    return found


def goals(n_streams: int, seed: int = 1) -> list[str]:
    """Print the first table, and return what was missed."""
    print(f"rate in control known, {n_streams} streams each, {CASES_A_DAY} cases a day")
    missed = []
    for p0, p1, most_days in GOALS:
        exact = design_cusum(p0, default_alternative(p0), horizon=HORIZON).false_alarm
        changed, unchanged = simulate(p0, p1, n_streams, seed), simulate(p0, None, n_streams, seed)
        median, share = changed.delay_days["median"], unchanged.false_alarm_share
        assert share is not None
        print(
            f"  {p0:.0%} to {p1:.0%}: median day {median:g} ({changed.delay_cases['median']:g} "
            f"cases), 90 % by day {changed.delay_days['q90']:g}; false alarms in {HORIZON_DAYS} "
            f"days {share:.2%}, exactly {exact:.2%}"
        )
        if median is None or median > most_days:
            missed.append(f"{p0:.0%} to {p1:.0%}: median day {median}")
        error = (exact * (1 - exact) / n_streams) ** 0.5
        if exact > BUDGET or abs(share - exact) > 4 * error:
            missed.append(f"{p0:.0%} to {p1:.0%}: false alarms {share:.2%}, exactly {exact:.2%}")
    return missed


@dataclass(frozen=True)
class Estimated:
    """What estimating the rate in control costs.

    Parameters
    ----------
    enough : float
        Probability that the baseline is called enough.
    false_alarm : float
        Probability of a false alarm within the horizon, over baselines and streams.
    beyond : float
        Probability of a baseline with which the budget of its streams is exceeded.
    median, late : float
        Median, and 90 % quantile over baselines, of the median delay in cases.
    """

    enough: float
    false_alarm: float
    beyond: float
    median: float
    late: float


def estimated(
    p0: float, p1: float, n: int, *, confidence: float | None = None, every: int = 1
) -> Estimated:
    """Sum over all baselines of n cases with a true rate p0, or over one in `every`."""
    level = CONFIDENCE if confidence is None else confidence
    counts = np.arange(binom.ppf(1e-4, n, p0), binom.ppf(1 - 1e-4, n, p0) + 1, every).astype(int)
    weights = binom.pmf(counts, n, p0)
    weights /= weights.sum()
    alarms, delays, enough = [], [], []
    for count in counts:
        baseline = baseline_rate(int(count), n, confidence=level)
        design = design_cusum(baseline.p0, baseline.p1, horizon=HORIZON, false_alarm=BUDGET)
        enough.append(baseline.enough)
        alarms.append(alarm_probability(design, p0, HORIZON))
        delays.append(delay_quantiles(design, p1, (0.5,)).median)
    order = np.argsort(delays)
    cumulated = np.cumsum(weights[order])
    median, late = (
        float(np.array(delays)[order][np.searchsorted(cumulated, each)]) for each in (0.5, 0.9)
    )
    share = np.array(alarms)
    return Estimated(
        float(weights @ np.array(enough, dtype=float)),
        float(weights @ share),
        float(weights @ (share > BUDGET)),
        median,
        late,
    )


def estimated_baselines(sizes: tuple[int, ...] = BASELINES) -> list[str]:
    """Print the second table, and return what was missed."""
    print("rate in control estimated; delays in cases, from a steady state")
    print("  rates        n0     enough  false alarms  beyond 5 %  median delay  of 90 % baselines")
    missed = []
    for p0, p1, _ in GOALS:
        for n in sizes:
            found = estimated(p0, p1, n)
            print(
                f"  {p0:.0%} to {p1:4.0%}  {n:5}  {found.enough:8.1%}  {found.false_alarm:12.2%}  "
                f"{found.beyond:10.1%}  {found.median:12.0f}  {found.late:17.0f}",
                flush=True,
            )
            if n >= PROMISED_FROM and found.false_alarm > BUDGET:
                missed.append(f"{p0:.0%}, {n} baseline cases: {found.false_alarm:.2%} false alarms")
    return missed


def shared_budgets(numbers: tuple[int, ...] = (1, 58, 100, 200, 500)) -> None:
    """Print the third table."""
    print("budget shared so that all charts raise one false alarm a month; median delay in cases")
    for n_charts in numbers:
        share = share_of_budget(n_charts, horizon_days=HORIZON_DAYS)
        delays = []
        for p0, p1, _ in GOALS:
            design = design_cusum(p0, default_alternative(p0), horizon=HORIZON, false_alarm=share)
            delays.append(delay_quantiles(design, p1, (0.5,)).median)
        print(
            f"  {n_charts:4} charts: {share:.2%} each, delays {delays[0]:.0f} and {delays[1]:.0f}"
        )


def main() -> None:
    """Print all tables; exit with 1 where a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=2000, help="simulated streams of each kind")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    missed = goals(given.streams, given.seed)
    shared_budgets()
    missed += estimated_baselines()
    print("\n".join(missed) or "every goal is met")
    if missed:
        sys.exit(1)


if __name__ == "__main__":
    main()
