"""Every point and every alarm of a run of monitoring as CSV files that no spreadsheet runs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from triage.csv_file import csv_text
from triage.monitoring.monitoring_result import AlarmSummary, MonitoringResult

_SERIES = (
    "chart", "key", "axis", "level", "title", "unit", "verdict", "baseline", "baseline_n",
    "changed", "limit", "false_alarm", "note",
)  # fmt: skip
_POINT = ("at", "n_cases", "value", "low", "high", "statistic", "alarm", "after_gap")
_ALARM = (
    "id", "chart", "key", "axis", "level", "crossed_at", "raised_at", "state", "owner",
    "closing_reason", "comment", "closed_at",
)  # fmt: skip


def points_table(result: MonitoringResult) -> bytes:
    """Return one row a point, with what its chart is; a chart without points has one row."""
    return csv_text([*_SERIES, *_POINT], _points(result)).encode()


def _points(result: MonitoringResult) -> Iterator[list[object]]:
    for series in result.charts:
        about = [getattr(series, name) for name in _SERIES]
        if not series.points:
            yield [*about, *[None] * len(_POINT)]
        for point in series.points:
            yield [*about, *(_written(getattr(point, name)) for name in _POINT)]


def alarms_table(alarms: tuple[AlarmSummary, ...]) -> bytes:
    """Return one row an alarm; each of its facts has a column, named `facts.NAME`."""
    facts = sorted({name for one in alarms for name in one.facts})
    rows = (
        [
            *(_written(getattr(one, name)) for name in _ALARM),
            *(one.facts.get(name) for name in facts),
        ]
        for one in alarms
    )
    return csv_text([*_ALARM, *(f"facts.{name}" for name in facts)], rows).encode()


def _written(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value).lower() if isinstance(value, bool) else value
