"""Plans and runs of monitoring, and what became of its alarms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from triage.errors import StoreError
from triage.hashing import hash_bytes, hash_json
from triage.ledger.events.monitoring_events import (
    AlarmAssigned,
    AlarmClosed,
    AlarmRaised,
    Monitored,
    MonitoringPlanned,
)
from triage.store import append_event
from triage.store.base import utc_now
from triage.store.monitoring_tables import (
    AlarmRow,
    MonitoringPlanRow,
    MonitoringRunRow,
    alarm_facts_sha256,
)
from triage.store.tables import Bundle
from triage.vocabulary.monitoring import AlarmState, ChartKind, ClosingReason


@dataclass(frozen=True, slots=True)
class NewAlarm:
    """A chart that went beyond its limit; fields as in `triage.store.monitoring_tables.AlarmRow`.

    Two alarms with equal `chart`, `key`, `axis`, `level` and `crossed_at` are one.
    """

    chart: ChartKind
    key: str
    axis: str
    level: str
    crossed_at: datetime
    case_id: int | None
    facts: Mapping[str, Any]


def set_monitoring_plan(
    session: Session, bundle: int, plan: Mapping[str, Any], *, actor: str
) -> int:
    """Store a plan for a bundle, from now on the one that holds; the same again changes nothing.

    Parameters
    ----------
    bundle : int
        Row of `bundle`.
    plan : mapping
        As `triage.monitoring.monitoring_plan.MonitoringPlan` writes it.

    Returns
    -------
    int
        Row of `monitoring_plan`.
    """
    sha256 = hash_json(dict(plan))
    # Of two plans at once the second sees the first.
    session.get_one(Bundle, bundle, with_for_update=True)
    current = monitoring_plan(session, bundle)
    if current is not None and current.sha256 == sha256:
        return current.id
    row = MonitoringPlanRow(
        bundle_id=bundle, plan=dict(plan), sha256=sha256, set_by=actor, set_at=utc_now()
    )
    session.add(row)
    session.flush()
    digest = session.get_one(Bundle, bundle).digest
    append_event(session, MonitoringPlanned(row.id, sha256, digest), actor=actor)
    return row.id


def monitoring_plan(session: Session, bundle: int) -> MonitoringPlanRow | None:
    """Return the plan that holds for a bundle; None where there is none."""
    return session.scalars(
        select(MonitoringPlanRow)
        .where(MonitoringPlanRow.bundle_id == bundle)
        .order_by(MonitoringPlanRow.id.desc())
        .limit(1)
    ).one_or_none()


def add_monitoring_run(
    session: Session,
    plan: int,
    result: Mapping[str, Any],
    *,
    last_event: int,
    n_cases: int,
    since: datetime | None,
    until: datetime | None = None,
    actor: str,
) -> int:
    """Store a run of monitoring, and return its row."""
    row = MonitoringRunRow(
        plan_id=plan,
        last_event=last_event,
        n_cases=n_cases,
        since=since,
        until=until,
        result=dict(result),
        run_by=actor,
        at=utc_now(),
    )
    session.add(row)
    session.flush()
    event = Monitored(row.id, plan, last_event, n_cases, hash_json(dict(result)))
    append_event(session, event, actor=actor)
    return row.id


def last_monitoring_run(session: Session, plan: int) -> MonitoringRunRow | None:
    """Return the last run of a plan; None where there is none."""
    return session.scalars(
        select(MonitoringRunRow)
        .where(MonitoringRunRow.plan_id == plan)
        .order_by(MonitoringRunRow.id.desc())
        .limit(1)
    ).one_or_none()


def raise_alarms(session: Session, run: int, found: Sequence[NewAlarm], *, actor: str) -> list[int]:
    """Store the alarms of a run that are new, and return their rows."""
    plan = session.get_one(MonitoringRunRow, run).plan_id
    rows = session.scalars(select(AlarmRow).where(AlarmRow.plan_id == plan))
    known = {(row.chart, row.key, row.axis, row.level, row.crossed_at) for row in rows}
    numbers = []
    for one in found:
        if (one.chart, one.key, one.axis, one.level, one.crossed_at) in known:
            continue
        row = AlarmRow(
            run_id=run,
            plan_id=plan,
            chart=one.chart,
            key=one.key,
            axis=one.axis,
            level=one.level,
            case_id=one.case_id,
            crossed_at=one.crossed_at,
            facts=dict(one.facts),
            state=AlarmState.OPEN,
            raised_at=(moment := utc_now()),
        )
        session.add(row)
        session.flush()
        event = AlarmRaised(
            row.id, run, row.chart, row.key, row.axis, row.level, alarm_facts_sha256(row)
        )
        append_event(session, event, actor=actor, at=moment)
        numbers.append(row.id)
    return numbers


def assign_alarm(session: Session, number: int, owner: str, *, actor: str) -> None:
    """Give an alarm an owner; the same owner again changes nothing.

    Raises
    ------
    StoreError
        If there is no such alarm, or it is closed.
    """
    row = _open_alarm(session, number)
    if row.owner == owner and row.state == AlarmState.ASSIGNED:
        return
    row.owner, row.state = owner, AlarmState.ASSIGNED
    append_event(session, AlarmAssigned(number, owner), actor=actor)


def close_alarm(
    session: Session, number: int, reason: ClosingReason, comment: str, *, actor: str
) -> None:
    """Close an alarm, with the reason.

    Raises
    ------
    StoreError
        If there is no such alarm, it is closed, or nobody owns it.
    """
    row = _open_alarm(session, number)
    if row.owner is None:
        raise StoreError(
            "The alarm has no owner.", where=f"alarm {number}", hint="Assign it to somebody first."
        )
    row.state, row.closing_reason, row.comment = AlarmState.CLOSED, reason, comment
    row.closed_at = moment = utc_now()
    event = AlarmClosed(number, reason, hash_bytes(comment.encode()))
    append_event(session, event, actor=actor, at=moment)


def alarms(session: Session, *, bundle: int | None = None) -> list[AlarmRow]:
    """Return the alarms, newest first; of one bundle, or all."""
    query = select(AlarmRow).order_by(AlarmRow.crossed_at.desc(), AlarmRow.id.desc())
    if bundle is not None:
        query = query.join(MonitoringPlanRow, MonitoringPlanRow.id == AlarmRow.plan_id)
        query = query.where(MonitoringPlanRow.bundle_id == bundle)
    return list(session.scalars(query))


def _open_alarm(session: Session, number: int) -> AlarmRow:
    row = session.get(AlarmRow, number, with_for_update=True)
    if row is None:
        raise StoreError("There is no such alarm.", where=f"alarm {number}")
    if row.state == AlarmState.CLOSED:
        raise StoreError("The alarm is closed.", where=f"alarm {number}")
    return row
