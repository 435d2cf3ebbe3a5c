"""Tables of a run of monitoring and of its alarms, for the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from pipelines.terminal.tables import plain_table
from triage.charts.chart_values import percent_only, shown_interval, shown_value
from triage.charts.number_format import MISSING
from triage.monitoring.monitoring_result import AlarmSummary, ChartSeries, MonitoringResult
from triage.monitoring.monitoring_words import (
    CLOSING_REASONS,
    alarm_name,
    by_urgency,
    lack,
    newest_value,
    open_first,
    sentence,
    stream_name,
    watched_name,
)
from triage.vocabulary.monitoring import ChartVerdict

_CHARTS = ["chart", "stream", "verdict", "baseline", "last value", "cases"]
_ALARMS = ["alarm", "chart", "stream", "since", "state", "owner", "reason"]


def monitoring_tables(result: MonitoringResult) -> list[str | Table]:
    """Return the verdicts of a run, most urgent first, its open alarms and its notes."""
    period = ""
    if result.since is not None and result.until is not None:
        period = f", {result.since:%Y-%m-%d} to {result.until:%Y-%m-%d}"
    lines: list[str | Table] = [f"{result.n_cases} cases{period}, {len(result.charts)} charts"]
    # Why charts are not available is told below the table, for all together.
    shown = [one for one in result.charts if one.verdict is not ChartVerdict.NOT_AVAILABLE]
    rows = [_chart(series) for series in by_urgency(shown)]
    lines.append(plain_table("Monitoring", _CHARTS, rows, "\n".join(_lacks(result.charts))))
    lines.append(alarm_table(result.alarms))
    return [*lines, *map(sentence, result.notes)]


def alarm_table(alarms: Sequence[AlarmSummary]) -> str | Table:
    """Return the alarms: those without an owner first, closed ones last; a line where none is."""
    if not alarms:
        return "No alarm was raised."
    return plain_table("Alarms", _ALARMS, [_alarm(one) for one in open_first(alarms)])


def _lacks(charts: Sequence[ChartSeries]) -> list[str]:
    """Why charts have no verdict; charts with the same reason are told together."""
    found: dict[str, list[str]] = {}
    for one in charts:
        if why := lack(one):
            found.setdefault(why, []).append(f"{one.title} ({stream_name(one.axis, one.level)})")
    return [
        f"{names[0] if len(names) == 1 else f'{len(names)} charts'}: {why}"
        for why, names in found.items()
    ]


def _chart(series: ChartSeries) -> list[str]:
    return [
        watched_name(series.chart, series.key),
        stream_name(series.axis, series.level),
        series.verdict.value,
        shown_value(series.baseline, percent_only(series.unit)),
        _last_value(series),
        str(series.n_cases),
    ]


def _last_value(series: ChartSeries) -> str:
    """Return `5.7 % [2.6 to 11.9 %], n 105`."""
    newest = newest_value(series)
    if newest is None:
        return MISSING
    shown = shown_value(newest.value, series.unit)
    if newest.low is not None and newest.high is not None:
        shown += f" [{shown_interval(newest.low, newest.high, series.unit)}]"
    return f"{shown}, n {newest.n_cases}"


def _alarm(alarm: AlarmSummary) -> list[str]:
    reason = MISSING if alarm.closing_reason is None else CLOSING_REASONS[alarm.closing_reason]
    return [
        str(alarm.id),
        alarm_name(alarm),
        stream_name(alarm.axis, alarm.level),
        f"{alarm.crossed_at:%Y-%m-%d}",
        alarm.state.value,
        alarm.owner or MISSING,
        reason,
    ]
