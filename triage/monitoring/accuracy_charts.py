"""Charts of accuracy: estimated without labels, and calibration as labels arrive."""

from __future__ import annotations

from typing import Literal

import numpy as np

from triage.monitoring.accuracy_estimate import (
    REMOVED_BY_GATE,
    AccuracyReference,
    estimate_accuracy,
)
from triage.monitoring.alarms import NewAlarm
from triage.monitoring.bundle_reference import BundleReference
from triage.monitoring.case_stream import Arrivals, Ints
from triage.monitoring.chart_windows import Calendar, Window, answer_of, not_available
from triage.monitoring.label_calibration import CalibrationWindow, calibration_windows
from triage.monitoring.monitoring_result import ChartPoint
from triage.monitoring.review_stream import Labelled
from triage.monitoring.stream_context import ChartAnswer, ChartContext, Stream, facts_of
from triage.vocabulary.abstention_reasons import AbstainReason
from triage.vocabulary.monitoring import ChartVerdict

METHODS: dict[Literal["atc", "doc"], str] = {
    "atc": "Estimated accuracy (average thresholded confidence)",
    "doc": "Estimated accuracy (difference of confidences)",
}
CALIBRATION_TITLE = "Calibration of labelled cases: observed less forecast accuracy"
_NO_REFERENCE = "no monitoring reference of the bundle was given (--reference)"


def accuracy_chart(
    context: ChartContext,
    cases: Arrivals,
    calendar: Calendar,
    stream: Stream,
    reference: BundleReference | None,
) -> ChartAnswer:
    """Return the chart of the accuracy that the confidences of a window speak for.

    There is an alarm where even the upper end of the interval, and the mean absolute error of the
    method on the benchmark's corruptions on top, is below the accuracy of the reference. It is no
    test with a stated probability of a false alarm.

    Parameters
    ----------
    context : ChartContext
    cases : Arrivals
        Of the stream, in order.
    calendar : Calendar
    stream : (ChartKind, str, str, str)
        Its key is the method: 'atc' or 'doc'.
    reference : BundleReference, optional
    """
    method: Literal["atc", "doc"] = "atc" if stream[1] == "atc" else "doc"
    title = METHODS[method]
    if reference is None:
        return not_available(stream, title, len(cases), _NO_REFERENCE)
    error = reference.mean_absolute_error(method)
    points, alarms = [], []
    for window in calendar.windows(cases.time, context.plan.drift.window_days):
        point = _estimated(context, cases, window, method, reference.accuracy, error)
        points.append(point)
        if point.alarm:
            facts = facts_of(
                value=point.value, high=point.high, reference=reference.accuracy.accuracy,
                error=error, n_cases=point.n_cases,
            )  # fmt: skip
            alarms.append(NewAlarm(*stream, crossed_at=window.at, case_id=None, facts=facts))
    note = (
        "no error of the method was measured, so it raises no alarm"
        if error is None
        else f"mean absolute error of the method on corrupted pictures: {error:.3f}"
    )
    return answer_of(
        context,
        stream,
        points,
        alarms,
        title=title,
        n_cases=len(cases),
        note=note,
        unit="proportion",
        baseline=reference.accuracy.accuracy,
        baseline_n=reference.accuracy.n,
    )


def _estimated(
    context: ChartContext,
    cases: Arrivals,
    window: Window,
    method: Literal["atc", "doc"],
    reference: AccuracyReference,
    error: float | None,
) -> ChartPoint:
    places = slice(window.first, window.end)
    confidence = cases.confidence[places].astype(np.float64)
    removed = np.array([reason in REMOVED_BY_GATE for reason in (None, *AbstainReason)])
    held = ~removed[cases.reason[places]] & np.isfinite(confidence)
    found = estimate_accuracy(
        reference,
        confidence,
        kept=held,
        units=cases.patient[places],
        seed=context.plan.seed + window.index,
        min_cases=context.plan.min_window,
    )
    value, low, high = (getattr(found, f"{method}{part}") for part in ("", "_low", "_high"))
    alarm = high is not None and error is not None and high + error < reference.accuracy
    return ChartPoint(
        at=window.at,
        n_cases=found.n_kept,
        value=value,
        low=low,
        high=high,
        alarm=alarm,
        after_gap=window.after_gap,
    )


def calibration_chart(
    context: ChartContext, labelled: Labelled, places: Ints, calendar: Calendar, stream: Stream
) -> ChartAnswer:
    """Return the chart of calibration in windows of the days on which labels came.

    Its value is the observed accuracy less the mean forecast, of cases with an opinion. Labels come
    for some cases only, and are not weighted: the share of cases that gets labels changes with
    every label, and what has been judged would change with it.

    Parameters
    ----------
    context : ChartContext
    labelled : Labelled
    places : int64 array
        Of those of the stream, in order of time.
    calendar : Calendar
    stream : (ChartKind, str, str, str)
    """
    plan, days = context.plan, context.plan.drift.review_window_days
    used = places[labelled.kept[places] & np.isfinite(labelled.forecast[places])]
    level = plan.false_alarm / max(1, plan.horizon_days // days)
    windows = list(calendar.windows(labelled.time[used], days))
    measured = _measured(labelled, used, windows, level, plan.seed)
    points, alarms = [], []
    for window in windows:
        found = measured.get(window.index)
        value, low, high = (found and found.in_the_large) or (None, None, None)
        alarm = found is not None and found.verdict is ChartVerdict.ALARM
        points.append(
            ChartPoint(
                at=window.at,
                n_cases=window.n_cases,
                value=value,
                low=low,
                high=high,
                alarm=alarm,
                statistic=None if found is None else found.p_value,
                after_gap=window.after_gap,
            )
        )
        if alarm and found is not None:
            online = found.in_the_large_online or (None,)
            facts = facts_of(
                value=value, p_value=found.p_value, level=level, n_labels=found.n_labels,
                n_patients=found.n_units, online=online[0],
            )  # fmt: skip
            alarms.append(NewAlarm(*stream, crossed_at=window.at, case_id=None, facts=facts))
    notes = [one.note for one in measured.values() if one.note]
    return answer_of(
        context,
        stream,
        points,
        alarms,
        title=CALIBRATION_TITLE,
        n_cases=len(used),
        note="statistic: p-value; labels are not weighted by how probable a review was"
        if any(point.value is not None for point in points)
        else (notes[-1] if notes else ""),
        baseline=0.0,
        limit=level,
        false_alarm=plan.false_alarm,
    )


def _measured(
    labelled: Labelled, used: Ints, windows: list[Window], level: float, seed: int
) -> dict[int, CalibrationWindow]:
    """Calibration of each window with labels; those after the last complete one do not count."""
    numbers = [np.full(window.n_cases, window.index) for window in windows]
    if not numbers or not sum(map(len, numbers)):
        return {}
    first, end = windows[0].first, windows[-1].end
    part = used[first:end]
    found = calibration_windows(
        labelled.forecast[part].astype(np.float64).clip(0.0, 1.0),
        labelled.correct[part],
        np.concatenate(numbers),
        units=labelled.patient[part],
        level=level,
        seed=seed,
    )
    return {one.window: one for one in found}
