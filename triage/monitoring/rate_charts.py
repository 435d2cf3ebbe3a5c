"""Charts of rates: Bernoulli CUSUMs of each stream, with a point a day."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, log10

import numpy as np
from numpy.typing import NDArray

from triage.engine import ResultFolder
from triage.evaluation.proportion_difference import wilson
from triage.monitoring.alarms import NewAlarm
from triage.monitoring.baseline_rate import default_alternative
from triage.monitoring.bernoulli_cusum import CusumDesign, design_cusum
from triage.monitoring.case_stream import Ints
from triage.monitoring.chart_windows import kept
from triage.monitoring.judged_stream import JudgedStream, judge_stream
from triage.monitoring.monitoring_plan import FALL, MonitoringPlan, StreamRate
from triage.monitoring.monitoring_result import ChartPoint, ChartSeries
from triage.monitoring.stream_context import (
    ChartAnswer,
    ChartContext,
    Stream,
    crossed_at,
    days_of,
    facts_of,
    gaps_of,
)
from triage.vocabulary.monitoring import ChartKind, ChartVerdict

TITLES = {
    ChartKind.OOD_RATE: "Out-of-distribution rate of visits",
    ChartKind.ABSTENTION_RATE: "Abstention rate of visits",
    ChartKind.OVERRIDE_RATE: "Override rate of decisions with an opinion shown",
}


@dataclass(frozen=True)
class RateStream:
    """What a chart of a rate watches, in order of time.

    Parameters
    ----------
    stream : (ChartKind, str, str, str)
        Chart, key, axis, level.
    case, time : int64 array [N]
    said : bool array [N]
        Whether each visit or decision counts.
    """

    stream: Stream
    case: Ints
    time: Ints
    said: NDArray[np.bool_]


def rate_chart(
    context: ChartContext, given: RateStream, results: ResultFolder | None = None
) -> ChartAnswer:
    """Return the chart of a stream, and the alarm to raise on it.

    Parameters
    ----------
    context : ChartContext
    given : RateStream
    results : ResultFolder, optional
        Where designs are kept.
    """
    plan, (chart, key, axis, level) = context.plan, given.stream
    rate = plan.rate_of(chart, key, axis, level)
    too_few = len(given.said) < plan.min_cases
    design = None if rate is None else design_of(plan, rate, results)
    judged = None
    if design is not None and not too_few:
        restarts = (
            gaps_of(given.time, plan.gap_days).tolist() if plan.after_gap == "restart" else ()
        )
        stored = context.places(given.stream, given.case, given.time)
        judged = judge_stream(design, given.said, stored, restarts)
    crossings = () if judged is None else _alarms(given, design, judged)
    alarms = context.new_alarm(given.stream, crossings)
    title = TITLES[chart]
    return ChartAnswer(
        ChartSeries(
            chart=chart,
            key=key,
            axis=axis,
            level=level,
            title=f"{title}, {FALL}" if key == FALL else f"{title}: {key}" if key else title,
            unit="proportion",
            n_cases=len(given.said),
            baseline=None
            if rate is None
            else (rate.p0 if rate.estimate is None else rate.estimate),
            baseline_n=None if rate is None else rate.n_cases,
            changed=None if design is None else design.p1,
            limit=None if design is None else design.limit,
            false_alarm=None if design is None else design.false_alarm,
            verdict=_verdict(plan, rate, too_few, bool(alarms) or context.has_open(given.stream)),
            note=_note(plan, rate, given, too_few),
            points=tuple(_points(plan, given, judged)),
        ),
        alarms,
    )


def design_of(
    plan: MonitoringPlan, rate: StreamRate, results: ResultFolder | None = None
) -> CusumDesign:
    """Return the design of the chart of a stream.

    The cases of the horizon are rounded up to two digits, so that streams of about the same size
    share one design; a longer horizon only lowers the probability of a false alarm.
    """
    usual = default_alternative(rate.p0, rising=rate.key != FALL)
    p1 = usual if rate.p1 is None else rate.p1
    horizon = rounded_up(rate.per_day * plan.horizon_days)
    asked = {"p0": rate.p0, "p1": p1, "horizon": horizon, "false_alarm": plan.false_alarm}
    found = kept(
        results,
        "design",
        asked,
        lambda: design_cusum(
            rate.p0, p1, horizon=horizon, false_alarm=plan.false_alarm
        ).model_dump(),
    )
    return CusumDesign.model_validate(found)


def rounded_up(number: float) -> int:
    """Return a number of cases rounded up to two digits, at least 1."""
    whole = max(1, ceil(number))
    step = int(10 ** max(0, int(log10(whole)) - 1))
    return -(-whole // step) * step


def _verdict(
    plan: MonitoringPlan, rate: StreamRate | None, too_few: bool, alarm: bool
) -> ChartVerdict:
    if rate is None:
        return ChartVerdict.NOT_AVAILABLE if plan.baseline is None else ChartVerdict.NOT_ENOUGH
    if too_few:
        return ChartVerdict.NOT_ENOUGH
    return ChartVerdict.ALARM if alarm else ChartVerdict.IN_CONTROL


def _note(plan: MonitoringPlan, rate: StreamRate | None, given: RateStream, too_few: bool) -> str:
    if rate is None:
        if plan.baseline is None:
            return "the plan states no rate in control for it"
        return "the baseline has too few cases for a rate in control"
    notes = []
    if too_few:
        notes.append(f"{len(given.said)} cases; at least {plan.min_cases} are needed")
    if rate.stream != given.stream:
        notes.append("the baseline is that of all cases")
    return "; ".join(notes)


def _alarms(
    given: RateStream, design: CusumDesign | None, judged: JudgedStream
) -> Iterator[NewAlarm]:
    assert design is not None, "a judged stream has a design"
    chart, key, axis, level = given.stream
    before = 0
    for place in judged.crossed.tolist():
        seen = given.said[before : place + 1]
        yield NewAlarm(
            chart=chart,
            key=key,
            axis=axis,
            level=level,
            crossed_at=crossed_at(given.time, place),
            case_id=int(given.case[place]),
            facts=facts_of(
                statistic=int(judged.statistic[place]),
                limit=design.limit,
                p0=design.p0,
                p1=design.p1,
                n_since=len(seen),
                rate_since=float(seen.mean()),
                n_cases=place + 1,
            ),
        )
        before = place + 1


def _points(
    plan: MonitoringPlan, given: RateStream, judged: JudgedStream | None
) -> Iterator[ChartPoint]:
    crossed = {*()} if judged is None else {*judged.crossed.tolist()}
    for day in days_of(given.time, plan.gap_days):
        n_cases = day.end - day.first
        count = int(given.said[day.first : day.end].sum())
        low, high = wilson(count, n_cases)
        yield ChartPoint(
            at=day.at,
            n_cases=n_cases,
            value=count / n_cases,
            low=low,
            high=high,
            statistic=None if judged is None else float(judged.statistic[day.end - 1]),
            alarm=any(place in crossed for place in range(day.first, day.end)),
            after_gap=day.after_gap,
        )
