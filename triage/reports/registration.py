"""Where and when the plan of an audit was registered, as the report says it."""

from __future__ import annotations

from pathlib import Path

from triage.auditing.audit_plan import AuditPlan
from triage.auditing.plan_lock import read_lock
from triage.auditing.registered_plans import RegisteredPlan, registered_plans
from triage.ledger.keys import key_id
from triage.reports.audit_report import Registration
from triage.reports.names import minutes
from triage.store import Store

NOT_IN_A_LEDGER = "not registered in a ledger"


def registration_of(
    plan: AuditPlan, path: Path, store: Store | None
) -> tuple[Registration, list[str]]:
    """Return where a plan was registered, and how it departs from what was.

    The ledger counts before the lock file: its order of events cannot be changed by whoever keeps
    the plan.

    Parameters
    ----------
    plan : AuditPlan
    path : Path
        File of the plan, beside which its lock lies.
    store : Store, optional
        Case database with the ledger.

    Raises
    ------
    UsageError
        If the lock is damaged or its signature is not valid.
    """
    deviations: list[str] = []
    if store is not None:
        with store.reading() as session:
            plans = registered_plans(session)
        same = [one for one in plans if one.plan_sha256 == plan.sha256()]
        if same:
            return _in_ledger(same[0]), []
        deviations += _changed_since(plan, plans)
    lock = read_lock(path)
    if lock is None:
        return Registration(kind="none", sentence=NOT_IN_A_LEDGER), deviations
    if lock.plan_sha256 != plan.sha256():
        deviations.append(
            "The plan was changed after it was locked: the lock is of the plan "
            f"{lock.plan_sha256[:16]}, this is the plan {plan.sha256()[:16]}."
        )
        return Registration(
            kind="none", sentence=f"{NOT_IN_A_LEDGER}; the lock file is of another plan"
        ), deviations
    signed = "not signed"
    if lock.public_key is not None:
        signed = f"signed with the key {key_id(lock.public_key)}"
    sentence = (
        f"{NOT_IN_A_LEDGER}; locked in a file, {signed}, at {minutes(lock.locked_at)} by its "
        "own clock"
    )
    return Registration(kind="lock file", sentence=sentence, at=lock.locked_at), deviations


def _in_ledger(found: RegisteredPlan) -> Registration:
    at = found.at.isoformat()
    return Registration(
        kind="ledger",
        sentence=f"registered in the ledger at {minutes(at)} as event {found.sequence}, before the "
        "data were read",
        at=at,
        sequence=found.sequence,
        head=found.head,
    )


def _changed_since(plan: AuditPlan, plans: list[RegisteredPlan]) -> list[str]:
    for one in plans:
        if one.plan is not None and one.plan.created_at == plan.created_at:
            return [
                "The plan was changed after it was registered: event "
                f"{one.sequence} of the ledger is of the plan {one.plan_sha256[:16]}, this is the "
                f"plan {plan.sha256()[:16]}."
            ]
    return []
