"""Events of monitoring: its plans, its runs, and what became of each alarm."""

from __future__ import annotations

from dataclasses import dataclass

from triage.ledger.event import LedgerEvent
from triage.vocabulary.event_types import EventType


@dataclass(frozen=True)
class MonitoringPlanned(LedgerEvent):
    """A plan of monitoring holds from now on: its row, its hash, the bundle that it is for."""

    kind = EventType.MONITORING_PLANNED
    plan: int
    sha256: str
    bundle: str


@dataclass(frozen=True)
class Monitored(LedgerEvent):
    """Monitoring has run.

    Parameters
    ----------
    run : int
        Row of `monitoring_run`.
    plan : int
        Row of `monitoring_plan`.
    last_event : int
        Number of the last event that was read.
    cases : int
    result : str
        SHA-256 of the result.
    """

    kind = EventType.MONITORED
    run: int
    plan: int
    last_event: int
    cases: int
    result: str


@dataclass(frozen=True)
class AlarmRaised(LedgerEvent):
    """A chart went beyond its limit: the row of the alarm, and what it watches.

    `facts` is the hash of its facts, its case and the time at which it crossed the limit.
    """

    kind = EventType.ALARM_RAISED
    alarm: int
    run: int
    chart: str
    key: str
    axis: str
    level: str
    facts: str


@dataclass(frozen=True)
class AlarmAssigned(LedgerEvent):
    """Somebody is responsible for an alarm from now on."""

    kind = EventType.ALARM_ASSIGNED
    alarm: int
    owner: str


@dataclass(frozen=True)
class AlarmClosed(LedgerEvent):
    """An alarm was closed: a `ClosingReason`, and the hash of the comment."""

    kind = EventType.ALARM_CLOSED
    alarm: int
    reason: str
    comment: str
