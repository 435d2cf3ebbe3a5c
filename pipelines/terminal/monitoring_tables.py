"""Tables of a run of monitoring and of its alarms, for the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from pipelines.terminal.tables import plain_table
from triage.charts.chart_values import percent_only, shown_interval, shown_value
from triage.charts.number_format import MISSING
from triage.monitoring.monitoring_result import AlarmSummary, ChartSeries, MonitoringResult
from triage.monitoring.monitoring_words import (
    CHARTS,
    CLOSING_REASONS,
    by_urgency,
    newest_alarm,
    newest_value,
    open_first,
    stream_name,
)

_CHARTS = ["chart", "stream", "verdict", "baseline", "last value", "n", "cases", "last alarm"]
_ALARMS = ["alarm", "chart", "stream", "since", "state", "owner", "reason"]


def monitoring_tables(result: MonitoringResult) -> list[str | Table]:
    """Return the verdicts of a run, most urgent first, its open alarms and its notes."""
    period = ""
    if result.since is not None and result.until is not None:
        period = f", {result.since:%Y-%m-%d} to {result.until:%Y-%m-%d}"
    lines: list[str | Table] = [f"{result.n_cases} cases{period}, {len(result.charts)} charts"]
    rows = [_chart(series) for series in by_urgency(result.charts)]
    notes = [
        f"{one.title}, {stream_name(one.axis, one.level)}: {one.note}"
        for one in result.charts
        if one.note
    ]
    lines.append(plain_table("Monitoring", _CHARTS, rows, "\n".join(notes)))
    lines.append(alarm_table(result.alarms))
    return [*lines, *result.notes]


def alarm_table(alarms: Sequence[AlarmSummary]) -> str | Table:
    """Return the alarms: those without an owner first, closed ones last; a line where none is."""
    if not alarms:
        return "No alarm was raised."
    return plain_table("Alarms", _ALARMS, [_alarm(one) for one in open_first(alarms)])


def _chart(series: ChartSeries) -> list[str]:
    newest, alarm = newest_value(series), newest_alarm(series)
    return [
        series.title,
        stream_name(series.axis, series.level),
        series.verdict.value,
        shown_value(series.baseline, percent_only(series.unit)),
        MISSING
        if newest is None
        else _with_interval(newest.value, newest.low, newest.high, series),
        MISSING if newest is None else str(newest.n_cases),
        str(series.n_cases),
        MISSING if alarm is None else f"{alarm.at:%Y-%m-%d}",
    ]


def _with_interval(
    value: float | None, low: float | None, high: float | None, series: ChartSeries
) -> str:
    shown = shown_value(value, series.unit)
    if low is None or high is None:
        return shown
    return f"{shown} [{shown_interval(low, high, series.unit)}]"


def _alarm(alarm: AlarmSummary) -> list[str]:
    reason = MISSING if alarm.closing_reason is None else CLOSING_REASONS[alarm.closing_reason]
    key = f", {alarm.key}" if alarm.key else ""
    return [
        str(alarm.id),
        f"{CHARTS[alarm.chart]}{key}",
        stream_name(alarm.axis, alarm.level),
        f"{alarm.crossed_at:%Y-%m-%d}",
        alarm.state.value,
        alarm.owner or MISSING,
        reason,
    ]
