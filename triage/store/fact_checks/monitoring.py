"""Whether the plans, runs and alarms of monitoring are those of the events."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from triage.hashing import hash_bytes, hash_json
from triage.ledger.events.monitoring_events import (
    AlarmAssigned,
    AlarmClosed,
    AlarmRaised,
    Monitored,
    MonitoringPlanned,
)
from triage.store.monitoring_tables import (
    AlarmRow,
    MonitoringPlanRow,
    MonitoringRunRow,
    alarm_facts_sha256,
)
from triage.store.tables import Bundle, Event
from triage.store.typed_events import typed_events
from triage.vocabulary.event_types import EventType
from triage.vocabulary.monitoring import AlarmState

_KINDS = (
    EventType.MONITORING_PLANNED,
    EventType.MONITORED,
    EventType.ALARM_RAISED,
    EventType.ALARM_ASSIGNED,
    EventType.ALARM_CLOSED,
)


@dataclass
class _Told:
    """What the events say: columns by row of each table."""

    plans: dict[int, dict[str, Any]] = field(default_factory=dict)
    runs: dict[int, dict[str, Any]] = field(default_factory=dict)
    alarms: dict[int, dict[str, Any]] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)


def monitoring_findings(session: Session) -> list[str]:
    """Compare plans, runs and alarms with their events; one line a difference."""
    told = _told(session)
    found = told.findings
    for name, rows, stated in (
        ("monitoring_plan", _plans(session), told.plans),
        ("monitoring_run", _runs(session), told.runs),
        ("alarm", _alarms(session), told.alarms),
    ):
        for number, columns in rows:
            event = stated.pop(number, None)
            if event is None:
                found.append(f"{name} {number}: no event states it")
                continue
            found += [
                f"{name} {number}: its {column} is not what its events state"
                for column, value in columns.items()
                if value != event[column]
            ]
        found += [
            f"{name} {number}: is missing, and an event states it" for number in sorted(stated)
        ]
    return found


def _told(session: Session) -> _Told:
    query = select(Event.id, Event.at).where(Event.kind.in_(_KINDS))
    times = {row.id: row.at for row in session.execute(query)}
    told = _Told()
    for seq, actor, _, event in typed_events(session, *_KINDS):
        match event:
            case MonitoringPlanned():
                _once(told, told.plans, seq, event.plan, {
                    "sha256": event.sha256, "content": event.sha256, "bundle": event.bundle,
                    "set_by": actor,
                })  # fmt: skip
            case Monitored():
                _once(told, told.runs, seq, event.run, {
                    "plan": event.plan, "last_event": event.last_event, "n_cases": event.cases,
                    "result": event.result, "run_by": actor, "period": True,
                })  # fmt: skip
            case AlarmRaised():
                plan = told.runs.get(event.run, {}).get("plan")
                _once(told, told.alarms, seq, event.alarm, {
                    "run": event.run, "plan": plan, "chart": event.chart, "key": event.key,
                    "axis": event.axis, "level": event.level, "facts": event.facts,
                    "state": AlarmState.OPEN, "owner": None, "closing_reason": None,
                    "comment": None, "raised_at": times[seq], "closed_at": None,
                })  # fmt: skip
            case AlarmAssigned() | AlarmClosed():
                _step(told, seq, event, times[seq])
    return told


def _once(
    told: _Told, rows: dict[int, dict[str, Any]], seq: int, number: int, columns: dict[str, Any]
) -> None:
    if number in rows:
        told.findings.append(f"event {seq}: states row {number} of monitoring a second time")
    rows[number] = columns


def _step(told: _Told, seq: int, event: AlarmAssigned | AlarmClosed, at: datetime) -> None:
    """What became of an alarm; nothing follows its closing."""
    alarm = told.alarms.get(event.alarm)
    if alarm is None:
        told.findings.append(f"event {seq}: alarm {event.alarm} was not raised before")
        return
    if alarm["state"] == AlarmState.CLOSED:
        told.findings.append(f"event {seq}: alarm {event.alarm} was closed before")
    if isinstance(event, AlarmAssigned):
        alarm |= {"state": AlarmState.ASSIGNED, "owner": event.owner}
    else:
        alarm |= {
            "state": AlarmState.CLOSED,
            "closing_reason": event.reason,
            "comment": event.comment,
            "closed_at": at,
        }


def _plans(session: Session) -> Iterator[tuple[int, dict[str, Any]]]:
    query = (
        select(MonitoringPlanRow, Bundle.digest)
        .join(Bundle, Bundle.id == MonitoringPlanRow.bundle_id, isouter=True)
        .order_by(MonitoringPlanRow.id)
    )
    for row, digest in session.execute(query):
        yield row.id, {
            "sha256": row.sha256,
            "content": hash_json(row.plan),
            "bundle": digest,
            "set_by": row.set_by,
        }


def _runs(session: Session) -> Iterator[tuple[int, dict[str, Any]]]:
    query = select(MonitoringRunRow).order_by(MonitoringRunRow.id)
    for row in session.scalars(query.execution_options(yield_per=10)):
        yield row.id, {
            "plan": row.plan_id,
            "last_event": row.last_event,
            "n_cases": row.n_cases,
            "result": hash_json(row.result),
            "run_by": row.run_by,
            "period": _is(row.since, row.result, "since") and _is(row.until, row.result, "until"),
        }


def _is(stored: datetime | None, result: Any, name: str) -> bool:
    """Whether a column is what the result says, which the hash of the event covers."""
    said = result.get(name) if isinstance(result, dict) else None
    try:
        return stored == (None if said is None else datetime.fromisoformat(said))
    except (ValueError, TypeError):
        return False


def _alarms(session: Session) -> Iterator[tuple[int, dict[str, Any]]]:
    for row in session.scalars(select(AlarmRow).order_by(AlarmRow.id)):
        yield row.id, {
            "run": row.run_id,
            "plan": row.plan_id,
            "chart": row.chart,
            "key": row.key,
            "axis": row.axis,
            "level": row.level,
            "facts": alarm_facts_sha256(row),
            "state": row.state,
            "owner": row.owner,
            "closing_reason": row.closing_reason,
            "comment": None if row.comment is None else hash_bytes(row.comment.encode()),
            "raised_at": row.raised_at,
            "closed_at": row.closed_at,
        }
