"""Plans of audits in the ledger: registered before the data are read, found again by their hash."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from triage.accounts import Action, Actor
from triage.accounts.store_permission import require_for
from triage.auditing.audit_plan import AuditPlan
from triage.ledger.events import event_of
from triage.ledger.events.audit_events import AuditPlanned, AuditRun
from triage.ledger.events.review_events import exact_numbers
from triage.store import Store, append_event
from triage.store.tables import Event
from triage.vocabulary.event_types import EventType


@dataclass(frozen=True)
class RegisteredPlan:
    """A plan in the ledger.

    Parameters
    ----------
    sequence : int
        Number of the event.
    at : datetime
    actor : str
    head : str
        Hash of the event, which covers all before it.
    plan_sha256 : str
    plan : AuditPlan or None
        None where a later release wrote it.
    """

    sequence: int
    at: datetime
    actor: str
    head: str
    plan_sha256: str
    plan: AuditPlan | None


def register_plan(store: Store, plan: AuditPlan, actor: Actor) -> RegisteredPlan:
    """Register a plan in the ledger; registering it again changes nothing.

    Raises
    ------
    PermissionDenied
        If the actor may not.
    """
    require_for(store, actor, Action.AUDIT)

    def write(session: Session) -> None:
        if find_plan(session, plan.sha256()) is None:
            content = exact_numbers(plan.model_dump(mode="json"))
            append_event(session, AuditPlanned(plan.sha256(), content), actor=actor.name)

    store.write(write)
    with store.reading() as session:
        found = find_plan(session, plan.sha256())
    assert found is not None
    return found


def registered_plans(session: Session) -> list[RegisteredPlan]:
    """Return the plans of the ledger, the oldest first."""
    query = (
        select(Event.id, Event.at, Event.actor, Event.hash, Event.payload)
        .where(Event.kind == EventType.AUDIT_PLANNED)
        .order_by(Event.id)
    )
    found = []
    for sequence, at, actor, head, payload in session.execute(query):
        event = event_of(EventType.AUDIT_PLANNED, json.loads(payload))
        if isinstance(event, AuditPlanned):
            plan = _plan(event)
            found.append(RegisteredPlan(sequence, at, actor, head, event.plan_sha256, plan))
    return found


def find_plan(session: Session, plan_sha256: str) -> RegisteredPlan | None:
    """Return the first registration of a plan; None where there is none."""
    return next((one for one in registered_plans(session) if one.plan_sha256 == plan_sha256), None)


def record_run(
    store: Store, plan: AuditPlan, *, data_sha256: str, report: str, public: bool, actor: Actor
) -> None:
    """Append to the ledger that an audit was run.

    Raises
    ------
    PermissionDenied
        If the actor may not.
    """
    require_for(store, actor, Action.AUDIT)
    event = AuditRun(plan.sha256(), data_sha256, report, public)
    store.write(lambda session: append_event(session, event, actor=actor.name))


def _plan(event: AuditPlanned) -> AuditPlan | None:
    """The plan, if it is the one that its hash is of."""
    try:
        plan = AuditPlan.model_validate(event.plan)
    except ValidationError:
        return None
    return plan if plan.sha256() == event.plan_sha256 else None
