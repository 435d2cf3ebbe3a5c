"""The systems that are monitored: plan, last run and alarms of each, as the page shows them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from triage.monitoring.alarm_rows import alarm_summary
from triage.monitoring.alarms import alarms, last_monitoring_run, monitoring_plan
from triage.monitoring.monitoring_result import AlarmSummary, MonitoringResult
from triage.store.monitoring_tables import MonitoringPlanRow, MonitoringRunRow
from triage.store.tables import Bundle, Event
from triage.vocabulary.bundle_aliases import CHAMPION


@dataclass(frozen=True, slots=True)
class LastRun:
    """The last run of a plan.

    Parameters
    ----------
    result : MonitoringResult or None
        None where this version of the software cannot read what is stored.
    run_by : str
    at : datetime
    events_since : int
        Events that were recorded after the last one that the run read.
    """

    result: MonitoringResult | None
    run_by: str
    at: datetime
    events_since: int


@dataclass(frozen=True, slots=True)
class MonitoredSystem:
    """A system with a plan of monitoring, or the one in use that has none.

    Parameters
    ----------
    name, digest : str
    in_use : bool
    planned_at : datetime or None
        None where no plan is set.
    planned_by : str
    run : LastRun or None
        None where monitoring has never run with the plan that holds.
    alarms : tuple of AlarmSummary
        Of all its plans, as they are now.
    """

    name: str
    digest: str
    in_use: bool
    planned_at: datetime | None = None
    planned_by: str = ""
    run: LastRun | None = None
    alarms: tuple[AlarmSummary, ...] = ()


def monitored_systems(session: Session) -> list[MonitoredSystem]:
    """Return the systems that have a plan, and the one in use; that one first, then the newest."""
    planned = set(session.scalars(select(MonitoringPlanRow.bundle_id).distinct()))
    rows = session.scalars(select(Bundle).order_by(Bundle.id.desc())).all()
    found = [_system(session, row) for row in rows if row.id in planned or row.alias == CHAMPION]
    return sorted(found, key=lambda one: not one.in_use)


def _system(session: Session, bundle: Bundle) -> MonitoredSystem:
    plan = monitoring_plan(session, bundle.id)
    in_use = bundle.alias == CHAMPION
    if plan is None:
        return MonitoredSystem(bundle.name, bundle.digest, in_use)
    run = last_monitoring_run(session, plan.id)
    return MonitoredSystem(
        bundle.name,
        bundle.digest,
        in_use,
        plan.set_at,
        plan.set_by,
        None if run is None else _run(session, run),
        tuple(alarm_summary(row) for row in alarms(session, bundle=bundle.id)),
    )


def _run(session: Session, row: MonitoringRunRow) -> LastRun:
    since = session.scalar(select(func.count()).where(Event.id > row.last_event)) or 0
    try:
        result = MonitoringResult.model_validate(row.result)
    except ValidationError:
        result = None
    return LastRun(result, row.run_by, row.at, since)
