"""Chart of positives missed where the bundle abstained, against those missed without AI.

An abstention is no statement that a case is harmless; whether readers take it for one shows here.
Positive and missed are those of the figures of reviews (`triage.review.figures.under_call`): of
decided cases whose truth is urgent, semi-urgent or of high risk, those with a less urgent decision,
or one without a condition of high risk. The comparison is with cases that were drawn to be read
without AI and on which the bundle had abstained as well: which cases are drawn is random, so the
two groups are alike but for what the reader saw.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from triage.evaluation.proportion_difference import proportion_difference, wilson
from triage.monitoring.alarms import NewAlarm
from triage.monitoring.case_stream import Ints
from triage.monitoring.chart_windows import Calendar, answer_of
from triage.monitoring.monitoring_result import ChartPoint
from triage.monitoring.review_stream import Decisions, Labelled
from triage.monitoring.stream_context import ChartAnswer, ChartContext, Stream, facts_of
from triage.review.figures.truth import Truth

UNDER_CALL_TITLE = "Missed positives: abstention shown, less read without AI"
MIN_ARM = 10
"""Positive cases that each arm needs."""


@dataclass(frozen=True)
class Missed:
    """Positive cases with a decision, in the order in which both were known.

    Parameters
    ----------
    case, time : int64 array [N]
    missed : bool array [N]
    alone : bool array [N]
        Of the arm without AI; else an abstention was shown.
    """

    case: Ints
    time: Ints
    missed: NDArray[np.bool_]
    alone: NDArray[np.bool_]

    def at(self, places: NDArray[np.bool_]) -> Missed:
        """Return some of them."""
        return Missed(self.case[places], self.time[places], self.missed[places], self.alone[places])


def missed_positives(decisions: Decisions, labelled: Labelled, start: int) -> Missed:
    """Return the positive cases of both arms, of which decision and truth are known.

    Parameters
    ----------
    decisions : Decisions
    labelled : Labelled
    start : int
        Decisions before it are not watched, in microseconds since 1970.
    """
    place_of = {int(case): place for place, case in enumerate(labelled.case.tolist())}
    rows = []
    either = decisions.shown_abstention | decisions.alone_abstained
    for place in np.flatnonzero(either & (decisions.time >= start)).tolist():
        case = int(decisions.case[place])
        known = place_of.get(case)
        truth = None if known is None else labelled.truth[known]
        if known is None or truth is None or not truth.positive:
            continue
        missed = _is_missed(truth, int(decisions.urgency[place]), decisions.conditions[place])
        time = max(int(decisions.time[place]), int(labelled.time[known]))
        rows.append((time, case, missed, bool(decisions.alone_abstained[place])))
    rows.sort()
    columns = list(zip(*rows, strict=True)) if rows else [(), (), (), ()]
    return Missed(
        case=np.array(columns[1], dtype=np.int64),
        time=np.array(columns[0], dtype=np.int64),
        missed=np.array(columns[2], dtype=np.bool_),
        alone=np.array(columns[3], dtype=np.bool_),
    )


def _is_missed(truth: Truth, urgency: int, conditions: frozenset[str]) -> bool:
    lower = truth.urgency is not None and urgency > truth.urgency.rank
    return lower or not truth.high_risk <= conditions


def under_call_chart(
    context: ChartContext, given: Missed, calendar: Calendar, stream: Stream
) -> ChartAnswer:
    """Return the chart of the difference, over all cases since the beginning of a horizon.

    The interval is Newcombe's. There is an alarm where its lower limit, at the level of the look,
    is above the margin of the plan.

    Parameters
    ----------
    context : ChartContext
    given : Missed
        Of the stream.
    calendar : Calendar
    stream : (ChartKind, str, str, str)
    """
    plan, days = context.plan, context.plan.drift.review_window_days
    n_looks = max(1, plan.horizon_days // days)
    quantile = float(stats.norm.ppf(1 - plan.false_alarm / n_looks))
    points, alarms, first, arms = [], [], 0, (0, 0, 0, 0)
    for window in calendar.windows(given.time, days):
        if window.index % n_looks == 0:
            first = window.first
        arms = _counts(given, first, window.end)
        count, n_shown, other, n_alone = arms
        known = min(n_shown, n_alone) >= MIN_ARM
        point = ChartPoint(at=window.at, n_cases=n_shown + n_alone, after_gap=window.after_gap)
        if known:
            low, high = proportion_difference(count, n_shown, other, n_alone)
            bound = lower_bound(count, n_shown, other, n_alone, quantile)
            alarm = bound > plan.drift.under_call_margin
            point = point.model_copy(
                update={
                    "value": count / n_shown - other / n_alone,
                    "low": low,
                    "high": high,
                    "statistic": bound,
                    "alarm": alarm,
                }
            )
            if alarm:
                facts = facts_of(
                    value=point.value, low=bound, missed_shown=count, n_shown=n_shown,
                    missed_alone=other, n_alone=n_alone,
                )  # fmt: skip
                alarms.append(NewAlarm(*stream, crossed_at=window.at, case_id=None, facts=facts))
        points.append(point)
    return answer_of(
        context,
        stream,
        points,
        alarms,
        title=UNDER_CALL_TITLE,
        n_cases=len(given.time),
        note=_note(points, arms),
        unit="proportion",
        limit=plan.drift.under_call_margin,
        false_alarm=plan.false_alarm,
    )


def lower_bound(count: int, n: int, other: int, n_other: int, quantile: float) -> float:
    """Return the lower limit of a difference of proportions by Newcombe's method 10."""
    one, two = count / n, other / n_other
    low = wilson(count, n, quantile=quantile)[0]
    high = wilson(other, n_other, quantile=quantile)[1]
    return one - two - hypot(one - low, high - two)


def _counts(given: Missed, first: int, end: int) -> tuple[int, int, int, int]:
    alone, missed = given.alone[first:end], given.missed[first:end]
    return (
        int((missed & ~alone).sum()),
        int((~alone).sum()),
        int((missed & alone).sum()),
        int(alone.sum()),
    )


def _note(points: list[ChartPoint], arms: tuple[int, int, int, int]) -> str:
    if not points:
        return ""
    count, n_shown, other, n_alone = arms
    words = (
        f"{count} of {n_shown} positives missed where an abstention was shown, {other} of "
        f"{n_alone} without AI"
    )
    if all(point.value is None for point in points):
        words += f"; each arm needs {MIN_ARM} positives with histology or an adjudication"
    return words
