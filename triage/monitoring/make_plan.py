"""A plan of monitoring from the cases that a bundle has scored so far."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from pydantic import ValidationError
from sqlalchemy.orm import Session

from triage.data.spec import DataSpec
from triage.data.strict_yaml import problems_of
from triage.errors import NotEnoughEvidence, SpecError, UsageError, nearest_name
from triage.monitoring.alarm_budget import share_of_budget
from triage.monitoring.baseline_rate import baseline_rate
from triage.monitoring.case_stream import (
    DAY,
    Arrivals,
    microseconds,
    moment_of,
    read_arrivals,
)
from triage.monitoring.monitored_levels import levels_of
from triage.monitoring.monitoring_plan import (
    FALL,
    OVERALL,
    RATE_CHARTS,
    SITE,
    BaselineCases,
    DriftPlan,
    MonitoringPlan,
    OodRule,
    StreamRate,
)
from triage.monitoring.planned_bundle import bundle_in_use
from triage.monitoring.rate_charts import RateStream
from triage.monitoring.rate_streams import decision_streams, visit_streams
from triage.monitoring.review_stream import read_decisions
from triage.progress import Progress
from triage.store.base import utc_now
from triage.vocabulary.clinical import Risk
from triage.vocabulary.monitoring import ChartKind
from triage.vocabulary.subgroup_levels import UNKNOWN

_MOST_LEVELS = 200
_WINDOW_CHARTS = (
    ChartKind.EMBEDDING_DRIFT,
    ChartKind.UNDER_CALL_ON_ABSTAINED,
    ChartKind.CALIBRATION,
)
"""Charts with a budget, beside those of rates and columns, that every level has."""


@dataclass(frozen=True)
class PlanRequest:
    """What a plan is made of; None where the default holds.

    Parameters
    ----------
    begin, end : datetime, optional
        Of the baseline; else the first case, and the last one there is.
    n_cases : int, optional
        The baseline is the first so many cases of it.
    axes, columns : sequence of str, optional
    horizon_days : int, optional
    false_alarm : float, optional
        Of each chart; else all charts together raise about one false alarm a month, and none more
        than 5 % within the horizon.
    score_threshold : float, optional
        Cases with such an `ood_score` or a larger one count as out of distribution as well.
    spec : DataSpec, optional
        Gives urgency and risk of conditions.
    seed : int, optional
    """

    begin: datetime | None = None
    end: datetime | None = None
    n_cases: int | None = None
    axes: Sequence[str] | None = None
    columns: Sequence[str] | None = None
    horizon_days: int | None = None
    false_alarm: float | None = None
    score_threshold: float | None = None
    spec: DataSpec | None = None
    seed: int | None = None


@dataclass(frozen=True)
class MadePlan:
    """A plan, and what there is to know of its baseline.

    Parameters
    ----------
    plan : MonitoringPlan
    notes : tuple of str
        Which charts have no rate in control, and why.
    """

    plan: MonitoringPlan
    notes: tuple[str, ...]


def make_plan(
    session: Session, request: PlanRequest, progress: Progress = lambda *_: None
) -> MadePlan:
    """Make a plan for the bundle in use, with rates in control estimated from its cases.

    Cases count from the end of the baseline on.

    Raises
    ------
    SpecError
        If a setting is outside of its range.
    UsageError
        If no bundle is in use, or an axis or column is none of the cases'.
    NotEnoughEvidence
        If the baseline has no case.
    """
    bundle, now = bundle_in_use(session), utc_now()
    try:
        draft = _draft(bundle.digest, request)
    except ValidationError as error:
        problems = problems_of(error, MonitoringPlan)
        raise SpecError("no such plan can be made", problems=problems) from error
    every = read_arrivals(session, bundle.id, draft, progress=progress)
    baseline, start = _baseline(every, request, now)
    held = every.at(np.flatnonzero(every.in_baseline(baseline)))
    _check_columns(draft, held)
    draft = draft.model_copy(update={"baseline": baseline, "start": start})
    rates, notes = _rates(session, draft, bundle.id, held)
    false_alarm = request.false_alarm
    if false_alarm is None:
        n_charts = n_charts_of(draft, rates, held)
        false_alarm = share_of_budget(n_charts, horizon_days=draft.horizon_days)
    content = draft.model_dump() | {"rates": rates, "false_alarm": false_alarm}
    return MadePlan(MonitoringPlan.model_validate(content), tuple(notes))


def n_charts_of(plan: MonitoringPlan, rates: Sequence[StreamRate], held: Arrivals) -> int:
    """Return how many charts a run has that somebody must answer, each with a budget of its own.

    Parameters
    ----------
    plan : MonitoringPlan
        Its axes and columns count.
    rates : sequence of StreamRate
    held : Arrivals
        Baseline cases, whose sites and levels are those of the run unless others come.
    """
    levels = levels_of(plan, held)
    of_all = {one.chart for one in rates if one.stream[1:] == ("", *OVERALL)}
    n_rates = len(of_all) * len(levels)  # a level without a rate of its own goes by that of all
    n_rates += sum(1 for one in rates if one.key or one.chart not in of_all)
    n_columns = sum(name != one.axis for one in levels for name in plan.drift.columns)
    return n_rates + n_columns + len(_WINDOW_CHARTS) * len(levels)


def _draft(bundle: str, request: PlanRequest) -> MonitoringPlan:
    columns = DriftPlan().columns if request.columns is None else tuple(request.columns)
    known = [] if request.spec is None else list(request.spec.by_name.values())
    given: dict[str, Any] = {
        "axes": None if request.axes is None else tuple(request.axes),
        "horizon_days": request.horizon_days,
        "seed": request.seed,
    }
    if request.false_alarm is not None:
        given["false_alarm"] = request.false_alarm
    return MonitoringPlan(
        bundle=bundle,
        ood=OodRule(score_threshold=request.score_threshold),
        drift=DriftPlan(columns=columns),
        urgencies={one.name: one.urgency for one in known},
        high_risk=tuple(one.name for one in known if one.risk is Risk.HIGH),
        **{name: value for name, value in given.items() if value is not None},
    )


def _baseline(
    every: Arrivals, request: PlanRequest, now: datetime
) -> tuple[BaselineCases, datetime]:
    begin = -(2**62) if request.begin is None else microseconds(request.begin)
    end = 2**62 if request.end is None else microseconds(request.end)
    time = every.received[(every.received >= begin) & (every.received < end)]
    time = np.sort(time)[: request.n_cases]
    if not len(time):
        raise NotEnoughEvidence(
            "no case was scored by the bundle in use in the time of the baseline",
            hint="Score cases first, or give other days with --from and --to.",
        )
    first, last = moment_of(int(time[0])), moment_of(int(time[-1]) + 1)
    whole = request.end is not None and request.n_cases is None
    stop = request.end if whole and request.end is not None else last
    n_cases = int(((every.received >= time[0]) & (every.received < microseconds(stop))).sum())
    start = request.begin or first
    return BaselineCases(begin=start, end=stop, stored_until=now, n_cases=n_cases), stop


def _check_columns(draft: MonitoringPlan, held: Arrivals) -> None:
    """Refuse an axis or column that no case of the baseline has: most likely a misspelt name."""
    fixed = (SITE, *DriftPlan().columns)
    for name in (*draft.axes, *draft.drift.columns):
        if name not in fixed and {*held.columns[name].levels} <= {UNKNOWN}:
            near = nearest_name(name, fixed)
            raise UsageError(
                f"no case of the baseline has a group {name!r}",
                where="--axes, --columns",
                hint=f"Did you mean {near!r}?" if near else None,
            )


def _rates(
    session: Session, draft: MonitoringPlan, bundle: int, held: Arrivals
) -> tuple[list[StreamRate], list[str]]:
    """Rates of the streams with enough cases, and why all cases of a chart have none."""
    assert draft.baseline is not None, "it was made before"
    span = microseconds(draft.baseline.end) - microseconds(draft.baseline.begin)
    days = max(span / DAY, 1.0)
    wide = draft.model_copy(update={"max_levels": _MOST_LEVELS})
    found: list[StreamRate] = []
    notes = []
    for given in _streams(session, wide, bundle, held):
        chart, key, axis, level = given.stream
        rising = key != FALL
        rate = baseline_rate(int(given.said.sum()), len(given.said), rising=rising)
        if rate.enough:
            found.append(
                StreamRate(
                    chart=chart,
                    key=key,
                    axis=axis,
                    level=level,
                    p0=rate.p0,
                    p1=rate.p1,
                    per_day=len(given.said) / days,
                    estimate=rate.estimate,
                    n_cases=rate.n,
                )
            )
        elif (axis, level) == OVERALL:
            notes.append(f"{chart.value}{f' {key}' if key else ''}: {rate.note}")
    return _most_cases_first(found, draft.max_levels), notes


def _streams(
    session: Session, plan: MonitoringPlan, bundle: int, held: Arrivals
) -> Iterator[RateStream]:
    for chart in RATE_CHARTS:
        if chart is ChartKind.OVERRIDE_RATE:
            yield from decision_streams(plan, read_decisions(session, bundle), held, 0)
        else:
            yield from visit_streams(plan, held, chart)


def _most_cases_first(rates: list[StreamRate], most: int) -> list[StreamRate]:
    """All cases first, then levels of each axis with most cases, at most so many of each."""
    cases: dict[tuple[str, str], int] = {}
    for one in rates:
        place = (one.axis, one.level)
        cases[place] = max(cases.get(place, 0), one.n_cases or 0)
    order = sorted(cases, key=lambda place: (place != OVERALL, place[0], -cases[place], place[1]))
    kept = {
        place
        for axis in {place[0] for place in order}
        for place in [one for one in order if one[0] == axis][:most]
    }
    place_of = {place: number for number, place in enumerate(order)}
    return sorted(
        (one for one in rates if (one.axis, one.level) in kept),
        key=lambda one: place_of[one.axis, one.level],
    )
