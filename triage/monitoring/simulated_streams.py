"""Charts on simulated streams of cases: the day of the first alarm, and how it varies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from triage.monitoring.alarm_budget import share_of_budget
from triage.monitoring.baseline_rate import baseline_rate, default_alternative, within_range
from triage.monitoring.bernoulli_cusum import CusumDesign, design_cusum, run_cusum
from triage.monitoring.stream_scenario import SIMULATED_CHARTS, SimulatedChart, StreamScenario

_QUANTILES = {"q10": 0.1, "median": 0.5, "q90": 0.9}
_STREAM, _BASELINE = 0, 1


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RepeatedStreams(_Frozen):
    """What a chart did on all repeats.

    Parameters
    ----------
    n : int
        Streams with a chart.
    not_enough : int
        Streams without one, because their baseline was too short.
    false_alarm_share : float, optional
        Share of streams with an alarm before the change; without a change, with any.
    found_share : float, optional
        Share of streams with an alarm from the change on, of a chart that went on after earlier
        ones.
    first_alarm_day, delay_days : dict of str to float or None
        10 %, 50 % and 90 % quantiles (`q10`, `median`, `q90`) of the day of the first alarm, and of
        the days from the change to the alarm, where 1 is the day of the change itself; None where
        the quantile is a stream without.
    delay_cases : dict of str to float or None
        The same in cases.
    """

    n: int
    not_enough: int
    false_alarm_share: float | None
    found_share: float | None
    first_alarm_day: dict[str, float | None]
    delay_days: dict[str, float | None]
    delay_cases: dict[str, float | None]


class SimulatedStream(_Frozen):
    """What a chart did on the first stream, and on all.

    Parameters
    ----------
    first_alarm_day : int, optional
    false_alarm : bool
        Whether that alarm came before the change, or there was no change.
    found_day : int, optional
        Day of the first alarm from the change on.
    delay_days : int, optional
        Days from the change to that alarm; 1 is the day of the change itself.
    n_alarms : int
    design : CusumDesign, optional
        Of the first stream; None where its baseline was too short.
    note : str
        Why there is no chart; '' where there is one.
    repeats : RepeatedStreams, optional
        Where there are several.
    """

    first_alarm_day: int | None
    false_alarm: bool
    found_day: int | None
    delay_days: int | None
    n_alarms: int
    design: CusumDesign | None
    note: str
    repeats: RepeatedStreams | None


@dataclass(frozen=True, slots=True)
class _Outcome:
    """One chart on one stream; -1 where there is no such alarm."""

    design: CusumDesign | None
    note: str
    first: int
    found: int
    n_alarms: int


def simulate_streams(scenario: StreamScenario) -> dict[SimulatedChart, SimulatedStream]:
    """Simulate the streams of a scenario and run its charts on them.

    Each case is a yes of each chart independently, with the rate of its day. A repeat's stream
    depends on the seed, the chart and the number of the repeat only.

    Parameters
    ----------
    scenario : StreamScenario

    Returns
    -------
    dict
        By chart, in the order of the scenario.
    """
    return {chart: _simulate(scenario, chart) for chart in scenario.watched}


def _simulate(scenario: StreamScenario, chart: SimulatedChart) -> SimulatedStream:
    outcomes = [_one(scenario, chart, repeat) for repeat in range(scenario.repeats)]
    head, change = outcomes[0], scenario.change_day
    day = _days(scenario, [head.first, head.found])
    first, found = (int(each) if each >= 0 else None for each in day)
    return SimulatedStream(
        first_alarm_day=first,
        false_alarm=first is not None and (change is None or first < change),
        found_day=found,
        delay_days=None if found is None or change is None else found - change + 1,
        n_alarms=head.n_alarms,
        design=head.design,
        note=head.note,
        repeats=_over_repeats(scenario, outcomes) if scenario.repeats > 1 else None,
    )


def _one(scenario: StreamScenario, chart: SimulatedChart, repeat: int) -> _Outcome:
    """One chart on the stream of one repeat."""
    design, note = _design(scenario, chart, repeat)
    if design is None:
        return _Outcome(None, note, -1, -1, 0)
    alarms = run_cusum(design, _stream(scenario, chart, repeat)).alarms
    change = scenario.change_day
    after = alarms[:0] if change is None else alarms[alarms >= scenario.cases_before(change)]
    first, found = (int(each[0]) if len(each) else -1 for each in (alarms, after))
    return _Outcome(design, note, first, found, len(alarms))


def _design(
    scenario: StreamScenario, chart: SimulatedChart, repeat: int
) -> tuple[CusumDesign | None, str]:
    true = scenario.baseline.of(chart)
    assert true is not None  # a scenario without it is refused
    rising = scenario.direction == "rise"
    wanted = scenario.alternatives.of(chart)
    p0 = within_range(true, rising=rising)
    if scenario.baseline_cases is not None:
        n = scenario.baseline_cases
        successes = int(_generator(scenario, chart, repeat, _BASELINE).binomial(n, true))
        baseline = baseline_rate(successes, n, rising=rising, p1=wanted)
        if not baseline.enough:
            return None, baseline.note
        p0 = baseline.p0
    budget = scenario.false_alarm or share_of_budget(
        len(scenario.watched), horizon_days=scenario.horizon_days
    )
    p1 = default_alternative(p0, rising=rising) if wanted is None else wanted
    return design_cusum(p0, p1, horizon=scenario.horizon, false_alarm=budget), ""


def _stream(scenario: StreamScenario, chart: SimulatedChart, repeat: int) -> NDArray[np.bool_]:
    rates = np.full(scenario.n_cases, scenario.baseline.of(chart))
    if scenario.change is not None and scenario.change_day is not None:
        changed = scenario.change.of(chart)
        if changed is not None:
            rates[scenario.cases_before(scenario.change_day) :] = changed
    uniform = _generator(scenario, chart, repeat, _STREAM).random(scenario.n_cases)
    return np.asarray(uniform < rates)


def _generator(
    scenario: StreamScenario, chart: SimulatedChart, repeat: int, use: int
) -> np.random.Generator:
    return np.random.default_rng([scenario.seed, SIMULATED_CHARTS.index(chart), repeat, use])


def _days(scenario: StreamScenario, cases: list[int]) -> NDArray[np.int64]:
    """The days of cases by their place in the stream; -1 stays -1."""
    places = np.array(cases, dtype=np.int64)
    ends = np.array([scenario.cases_before(day) for day in range(1, scenario.days + 1)])
    return np.where(places < 0, -1, np.searchsorted(ends, places, side="right"))


def _over_repeats(scenario: StreamScenario, outcomes: list[_Outcome]) -> RepeatedStreams:
    charted = [outcome for outcome in outcomes if outcome.design is not None]
    n = len(charted)
    first = _days(scenario, [outcome.first for outcome in charted])
    found = _days(scenario, [outcome.found for outcome in charted])
    places = np.array([outcome.found for outcome in charted], dtype=np.int64)
    change = scenario.change_day
    false = first >= 0 if change is None else (first >= 0) & (first < change)
    none: dict[str, float | None] = {}
    start = 0 if change is None else scenario.cases_before(change)
    return RepeatedStreams(
        n=n,
        not_enough=len(outcomes) - n,
        false_alarm_share=float(false.mean()) if n else None,
        found_share=float((found >= 0).mean()) if n and change is not None else None,
        first_alarm_day=_quantiles(first, first >= 0) if n else none,
        delay_days=none if change is None or not n else _quantiles(found - change + 1, found >= 0),
        delay_cases=none if change is None or not n else _quantiles(places - start + 1, found >= 0),
    )


def _quantiles(values: NDArray[np.int64], known: NDArray[np.bool_]) -> dict[str, float | None]:
    """Smallest values that at least the share of the streams does not exceed."""
    ordered = np.sort(np.where(known, values, np.inf))
    found = {}
    for name, level in _QUANTILES.items():
        value = float(ordered[max(int(np.ceil(level * len(ordered))) - 1, 0)])
        found[name] = value if np.isfinite(value) else None
    return found
