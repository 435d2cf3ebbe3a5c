"""What the charts of a run share: the plan, the alarms that are stored, and words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triage.monitoring.alarms import NewAlarm
from triage.monitoring.case_stream import DAY, Ints, end_of_day, microseconds, moment_of
from triage.monitoring.monitoring_plan import MonitoringPlan
from triage.monitoring.monitoring_result import ChartSeries
from triage.vocabulary.monitoring import ChartKind

Stream = tuple[ChartKind, str, str, str]
"""Chart, key, axis and level."""


@dataclass(frozen=True, slots=True)
class StoredAlarm:
    """An alarm of an earlier run; `closed_at` is None while it is not closed."""

    crossed_at: datetime
    case_id: int | None
    closed_at: datetime | None = None

    def covers(self, moment: datetime) -> bool:
        """Whether somebody was, or is, to look at the stream when it went beyond its limit."""
        if moment < self.crossed_at:
            return False
        return self.closed_at is None or moment <= max(self.closed_at, self.crossed_at)


@dataclass(frozen=True)
class ChartContext:
    """What the charts of a run share.

    Parameters
    ----------
    plan : MonitoringPlan
    stored : mapping of stream to sequence of StoredAlarm
        In order of their crossing.
    """

    plan: MonitoringPlan
    stored: Mapping[Stream, Sequence[StoredAlarm]] = field(default_factory=dict)

    def of_stream(self, stream: Stream) -> Sequence[StoredAlarm]:
        """Return the stored alarms of a stream."""
        return self.stored.get(stream, ())

    def new_alarm(self, stream: Stream, found: Iterable[NewAlarm]) -> tuple[NewAlarm, ...]:
        """Return the first crossing that no alarm covers; none where there is none.

        A stream has one alarm at a time: what crosses the limit again before it is closed raises no
        second one.
        """
        stored = self.of_stream(stream)
        for one in sorted(found, key=lambda one: one.crossed_at):
            if not any(each.covers(one.crossed_at) for each in stored):
                return (one,)
        return ()

    def has_open(self, stream: Stream) -> bool:
        """Whether a stored alarm of a stream is not closed."""
        return any(one.closed_at is None for one in self.of_stream(stream))

    def places(self, stream: Stream, case: Ints, time: Ints) -> list[int]:
        """Return the places of the stored alarms of a stream in its cases.

        By the number of the case; of a case that is no more in the stream, the last one before.
        """
        found = []
        by_case = dict[int, int]()
        alarms = self.of_stream(stream)
        if alarms:
            by_case = {int(number): place for place, number in enumerate(case.tolist())}
        for one in alarms:
            place = by_case.get(one.case_id) if one.case_id is not None else None
            if place is None:
                place = int(np.searchsorted(time, microseconds(one.crossed_at), "right")) - 1
            if place >= 0:
                found.append(place)
        return found


@dataclass(frozen=True, slots=True)
class ChartAnswer:
    """A chart, and the alarm to raise on it, if there is one."""

    series: ChartSeries
    alarms: tuple[NewAlarm, ...] = ()


@dataclass(frozen=True)
class Day:
    """The cases of a UTC day, as places [first, end) of a stream."""

    first: int
    end: int
    at: datetime
    after_gap: bool


def days_of(time: Ints, gap_days: float) -> list[Day]:
    """Return the days on which a stream has cases.

    Parameters
    ----------
    time : int64 array [N]
        Microseconds since 1970, never falling.
    gap_days : float
        A day is marked where no case came for longer before its first one.
    """
    if not len(time):
        return []
    number = time // DAY
    first = np.flatnonzero(np.r_[True, number[1:] != number[:-1]])
    end = np.r_[first[1:], len(time)]
    waited = np.r_[0, time[first[1:]] - time[first[1:] - 1]] > gap_days * DAY
    return [
        Day(int(one), int(last), end_of_day(int(number[one])), bool(late))
        for one, last, late in zip(first, end, waited, strict=True)
    ]


def gaps_of(time: Ints, gap_days: float) -> NDArray[np.int64]:
    """Return the places of the cases before which none came for longer than a gap."""
    return np.flatnonzero(np.diff(time) > gap_days * DAY).astype(np.int64) + 1


def facts_of(**given: Any) -> dict[str, float | int | str | None]:
    """Return the facts of an alarm as JSON: Python's numbers, floats rounded to 12 digits."""
    found: dict[str, float | int | str | None] = {}
    for name, value in given.items():
        if isinstance(value, np.generic):
            value = value.item()
        found[name] = float(f"{value:.12g}") if isinstance(value, float) else value
    return found


def crossed_at(time: Ints, place: int) -> datetime:
    """Return the moment of a case."""
    return moment_of(int(time[place]))
