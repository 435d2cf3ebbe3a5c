"""Windows of whole UTC days, the looks that are taken at them, and answers that are kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from triage.engine import ResultFolder, Task
from triage.monitoring.alarms import NewAlarm
from triage.monitoring.case_stream import DAY, Ints, end_of_day
from triage.monitoring.monitoring_result import ChartPoint, ChartSeries
from triage.monitoring.repeated_tests import ErrorBudget
from triage.monitoring.stream_context import ChartAnswer, ChartContext, Stream
from triage.vocabulary.monitoring import ChartVerdict


@dataclass(frozen=True)
class Calendar:
    """Windows of a run.

    Parameters
    ----------
    first_day : int
        Of the first window, as days since 1970.
    last_day : int
        Of the last case or label; its window is not complete.
    gap_days : float
    """

    first_day: int
    last_day: int
    gap_days: float

    def windows(self, time: Ints, days: int) -> Iterator[Window]:
        """Yield the complete windows of a stream, also those without cases.

        Parameters
        ----------
        time : int64 array [N]
            Microseconds since 1970, never falling; none before the first day.
        days : int
            Of each window.
        """
        n_complete = (self.last_day - self.first_day) // days
        edges = (self.first_day + days * np.arange(max(n_complete, 0) + 1)) * DAY
        places = np.searchsorted(time, edges)
        for index in range(max(n_complete, 0)):
            first, end = int(places[index]), int(places[index + 1])
            waited = time[first] - time[first - 1] if 0 < first < end else 0
            last_day = self.first_day + days * (index + 1) - 1
            yield Window(
                index, first, end, end_of_day(last_day), bool(waited > self.gap_days * DAY)
            )


@dataclass(frozen=True, slots=True)
class Window:
    """The cases of a window, as places [first, end) of a stream; `at` is its end."""

    index: int
    first: int
    end: int
    at: datetime
    after_gap: bool

    @property
    def n_cases(self) -> int:
        """Cases in it."""
        return self.end - self.first


class Looks:
    """The level of each look of a chart; the budget is that of a horizon, and renewed after it."""

    def __init__(self, budget: float, n_looks: int) -> None:
        self.fresh = ErrorBudget(budget=budget, n_looks=n_looks)
        self.left = self.fresh

    def level(self) -> float:
        """Return the level of the next look."""
        if self.left.looks_made >= self.left.n_looks:
            self.left = self.fresh
        return self.left.next_level()

    def made(self, *, tested: bool) -> None:
        """Note that a look was made."""
        self.left = self.left.after_look(tested=tested)


def kept(
    results: ResultFolder | None,
    name: str,
    arguments: Mapping[str, Any],
    compute: Callable[[], Any],
) -> Any:
    """Return the answer of a test, kept from an earlier run where all that decides it is the same.

    Parameters
    ----------
    results : ResultFolder, optional
    name : str
        Of the test.
    arguments : mapping
        JSON: hashes of the data and all settings.
    compute : callable
        Returns JSON.
    """
    if results is None:
        return compute()
    task = Task(f"triage.monitoring.chart_windows:{name}", arguments)
    found = results.get(task)
    if found is not None:
        return found[0]
    answer = compute()
    results.put(task, answer)
    return answer


def answer_of(
    context: ChartContext,
    stream: Stream,
    points: list[ChartPoint],
    alarms: list[NewAlarm],
    *,
    title: str,
    n_cases: int,
    note: str = "",
    **more: Any,
) -> ChartAnswer:
    """Return the chart of windows: an alarm, in control, or not enough evidence."""
    chart, key, axis, level = stream
    raised = context.new_alarm(stream, alarms)
    verdict = ChartVerdict.IN_CONTROL
    if raised or context.has_open(stream):
        verdict = ChartVerdict.ALARM
    elif all(point.value is None for point in points):
        verdict = ChartVerdict.NOT_ENOUGH
        note = note or ("no window has enough cases" if points else "no window is complete yet")
    series = ChartSeries(
        chart=chart,
        key=key,
        axis=axis,
        level=level,
        title=title,
        n_cases=n_cases,
        verdict=verdict,
        note=note,
        points=tuple(points),
        **more,
    )
    return ChartAnswer(series, raised)


def not_available(stream: Stream, title: str, n_cases: int, note: str) -> ChartAnswer:
    """Return a chart that cannot be made, with the reason."""
    chart, key, axis, level = stream
    return ChartAnswer(
        ChartSeries(
            chart=chart,
            key=key,
            axis=axis,
            level=level,
            title=title,
            n_cases=n_cases,
            verdict=ChartVerdict.NOT_AVAILABLE,
            note=note,
        )
    )
