"""A database whose system is monitored: a plan, a run over generated streams, and alarms."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from tests.monitoring.made_result import made_result
from tests.store.make import bundle
from triage.monitoring.alarms import (
    NewAlarm,
    add_monitoring_run,
    assign_alarm,
    close_alarm,
    raise_alarms,
    set_monitoring_plan,
)
from triage.monitoring.monitoring_result import MonitoringResult
from triage.store import Store, register_bundle, set_champion
from triage.store.monitoring_tables import MonitoringRunRow
from triage.vocabulary.monitoring import AlarmState

OWNER = "Gus"


def fill_monitored(store: Store, system: int | None = None, *, owner: str = OWNER) -> list[int]:
    """Store a plan, a run and its alarms: one open, one assigned, one closed.

    Parameters
    ----------
    store : Store
    system : int, optional
        Row of the bundle; by default a system is registered and put in use.
    owner : str
        Of the assigned alarm and the closed one.

    Returns
    -------
    list of int
        Rows of the alarms, in the order of `made_result`.
    """
    result = made_result()
    with store.transaction() as session:
        if system is None:
            system = register_bundle(session, bundle("b" * 64, name="Demo skin system"))
            set_champion(session, system)
        plan = set_monitoring_plan(session, system, {"made": "for a test"}, actor="Eve")
        run = add_run(session, plan, result)
        found = [
            NewAlarm(one.chart, one.key, one.axis, one.level, one.crossed_at, None, dict(one.facts))
            for one in result.alarms
        ]
        numbers = raise_alarms(session, run, found, actor="Eve")
        for number, one in zip(numbers, result.alarms, strict=True):
            if one.state is not AlarmState.OPEN:
                assign_alarm(session, number, owner, actor=owner)
            if one.closing_reason is not None:
                close_alarm(session, number, one.closing_reason, str(one.comment), actor=owner)
    return numbers


def add_run(session: Session, plan: int, result: MonitoringResult) -> int:
    """Store a run of a plan."""
    return add_monitoring_run(
        session,
        plan,
        result.model_dump(mode="json"),
        last_event=0,
        n_cases=result.n_cases,
        since=None,
        actor="Eve",
    )


def date_runs(store: Store, at: datetime) -> None:
    """Make every run one of another time."""
    with store.transaction() as session:
        session.execute(update(MonitoringRunRow).values(at=at))
