"""A result of monitoring over generated streams, with every kind of point, verdict and alarm."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from triage.monitoring.monitoring_result import (
    AlarmSummary,
    ChartPoint,
    ChartSeries,
    MonitoringResult,
)
from triage.vocabulary.monitoring import AlarmState, ChartKind, ChartVerdict, ClosingReason

FIRST = datetime(2026, 8, 1, 23, 59, tzinfo=UTC)
LIMIT = 4.2
LEAST = 5
"""Cases of a day; with fewer it has no value."""


@dataclass(frozen=True)
class Stream:
    """Days of a stream of yes or no: how many cases a day, the rate, and the rate after a change.

    From `gap[0]` to before `gap[1]` no case comes.
    """

    days: int
    per_day: int
    rate: float
    changed: float
    change: int | None = None
    gap: tuple[int, int] = (0, 0)
    seed: int = 1


def points_of(stream: Stream) -> tuple[ChartPoint, ...]:
    """Return the points, with the sum of a Bernoulli CUSUM that begins again after an alarm."""
    draw = random.Random(stream.seed)
    up = math.log(stream.changed / stream.rate)
    down = math.log((1 - stream.changed) / (1 - stream.rate))
    points, total, after_gap = [], 0.0, False
    for day in range(stream.days):
        if stream.gap[0] <= day < stream.gap[1]:
            after_gap = True
            continue
        n = max(0, round(draw.gauss(stream.per_day, math.sqrt(stream.per_day))))
        late = stream.change is not None and day >= stream.change
        found = sum(draw.random() < (stream.changed if late else stream.rate) for _ in range(n))
        for at in range(n):
            total = max(0.0, total + (up if at < found else down))
        beyond = total > LIMIT
        low, high = wilson(found, n)
        enough = n >= LEAST
        points.append(
            ChartPoint(
                at=FIRST + timedelta(days=day),
                n_cases=n,
                value=found / n if enough else None,
                low=low if enough else None,
                high=high if enough else None,
                statistic=round(total, 4) if enough else None,
                alarm=beyond,
                after_gap=after_gap,
            )
        )
        total, after_gap = 0.0 if beyond else total, False
    return tuple(points)


def wilson(count: int, n: int) -> tuple[float, float]:
    """Return the 95 % interval of a share by Wilson's formula."""
    if n == 0:
        return 0.0, 1.0
    z, share = 1.959964, count / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, middle - half), min(1.0, middle + half)


def series(stream: Stream, title: str, **changes: Any) -> ChartSeries:
    """Return the chart of a stream; other fields as given."""
    points = points_of(stream)
    beyond = any(one.alarm for one in points)
    fields: dict[str, Any] = {
        "chart": ChartKind.OOD_RATE,
        "title": title,
        "unit": "proportion",
        "n_cases": sum(one.n_cases for one in points),
        "baseline": stream.rate,
        "baseline_n": 3000,
        "changed": stream.changed,
        "limit": LIMIT,
        "false_alarm": 0.05,
        "verdict": ChartVerdict.ALARM if beyond else ChartVerdict.IN_CONTROL,
        "points": points,
    }
    return ChartSeries(**fields | changes)


def windows(title: str, unit: str, values: list[float], **changes: Any) -> ChartSeries:
    """Return the chart of weekly windows of 500 cases."""
    points = tuple(
        ChartPoint(
            at=FIRST + timedelta(days=7 * at),
            n_cases=500,
            value=value,
            alarm="limit" in changes and value > changes["limit"],
        )
        for at, value in enumerate(values)
    )
    fields: dict[str, Any] = {"n_cases": 500 * len(values), "points": points}
    return ChartSeries(title=title, unit=unit, **fields | changes)


OOD = "Out-of-distribution rate"
FEW = "Of the 30 cases that a verdict needs there are 12."


def made_charts() -> tuple[ChartSeries, ...]:
    """Return charts of all cases, three sites and one group."""
    rates = [0.05, 0.06, 0.05, 0.04, 0.05, 0.06, 0.05, 0.05, 0.15, 0.16]
    return (
        series(Stream(100, 100, 0.01, 0.05, change=90, gap=(40, 61)), OOD),
        series(Stream(90, 100, 0.1, 0.2, seed=3), "Abstention", chart=ChartKind.ABSTENTION_RATE),
        series(
            Stream(90, 40, 0.15, 0.3, seed=15),
            "Overrides",
            chart=ChartKind.OVERRIDE_RATE,
            limit=5.0,
        ),
        windows(
            "Input drift: age",
            "KS distance",
            rates,
            chart=ChartKind.INPUT_DRIFT,
            key="age",
            limit=0.12,
            baseline_n=2000,
            verdict=ChartVerdict.ALARM,
        ),
        windows(
            "Accuracy by average thresholded confidence",
            "proportion",
            [0.86, 0.87, 0.85, 0.86],
            chart=ChartKind.ESTIMATED_ACCURACY,
            key="atc",
            baseline=0.87,
            verdict=ChartVerdict.IN_CONTROL,
            note="Its own error on the shifts of the benchmark: 0.05 on average.",
        ),
        series(Stream(90, 60, 0.01, 0.05, seed=6), OOD, axis="site", level="clinic 1"),
        series(Stream(90, 40, 0.01, 0.05, change=80, seed=7), OOD, axis="site", level="clinic 7"),
        series(
            Stream(5, 3, 0.01, 0.05, seed=8),
            OOD,
            axis="site",
            level="clinic with a rather long name, east wing",
            verdict=ChartVerdict.NOT_ENOUGH,
            note=FEW,
        ),
        series(Stream(60, 30, 0.01, 0.05, seed=9), OOD, axis="skin_type", level="VI"),
        ChartSeries(
            chart=ChartKind.CALIBRATION,
            title="Calibration",
            n_cases=0,
            verdict=ChartVerdict.NOT_AVAILABLE,
            note="No label has arrived.",
        ),
    )


def made_alarms() -> tuple[AlarmSummary, ...]:
    """Return an open alarm, an assigned one and a closed one."""
    found: dict[str, Any] = {"key": "", "axis": "", "level": ""}
    return (
        AlarmSummary(
            id=3,
            chart=ChartKind.OOD_RATE,
            crossed_at=datetime(2026, 10, 31, 12, tzinfo=UTC),
            raised_at=datetime(2026, 11, 2, tzinfo=UTC),
            state=AlarmState.OPEN,
            facts={"statistic": 4.6, "limit": 4.2, "n": 100},
            **found,
        ),
        AlarmSummary(
            id=2,
            chart=ChartKind.INPUT_DRIFT,
            crossed_at=datetime(2026, 9, 26, 12, tzinfo=UTC),
            raised_at=datetime(2026, 11, 2, tzinfo=UTC),
            state=AlarmState.ASSIGNED,
            owner="=Gus",
            facts={"distance": 0.15, "n": 500},
            **found | {"key": "age"},
        ),
        AlarmSummary(
            id=1,
            chart=ChartKind.OVERRIDE_RATE,
            crossed_at=datetime(2026, 9, 20, 12, tzinfo=UTC),
            raised_at=datetime(2026, 9, 22, tzinfo=UTC),
            state=AlarmState.CLOSED,
            owner="Gus",
            closing_reason=ClosingReason.EXPECTED_CHANGE,
            comment="A locum <b>reads</b> there.",
            closed_at=datetime(2026, 9, 25, tzinfo=UTC),
            facts={"n": 40},
            **found | {"axis": "site", "level": "clinic 7"},
        ),
    )


def made_result(**changes: Any) -> MonitoringResult:
    """Return the result of a run; other fields as given."""
    charts = made_charts()
    fields: dict[str, Any] = {
        "version": "1.0",
        "plan_sha256": "a" * 64,
        "bundle": "b" * 64,
        "since": FIRST,
        "until": FIRST + timedelta(days=99),
        "n_cases": charts[0].n_cases,
        "last_event": 31234,
        "charts": charts,
        "alarms": made_alarms(),
        "notes": ("No case came from 10 September to 30 September 2026.",),
    }
    return MonitoringResult(**fields | changes)
