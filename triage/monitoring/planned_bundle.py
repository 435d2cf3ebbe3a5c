"""The plan that a run goes by, and the bundle that it is for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from triage.data.strict_yaml import problems_of
from triage.errors import SpecError, UsageError
from triage.monitoring.alarms import monitoring_plan, set_monitoring_plan
from triage.monitoring.monitoring_plan import MonitoringPlan
from triage.monitoring.plan_file import load_monitoring_plan
from triage.store import Store
from triage.store.monitoring_tables import MonitoringPlanRow
from triage.store.tables import Bundle
from triage.vocabulary.bundle_aliases import CHAMPION

_MAKE = "Make one with: triage monitor plan --set."


@dataclass(frozen=True)
class Planned:
    """A stored plan.

    Parameters
    ----------
    row : int
        Of `monitoring_plan`.
    bundle : int
        Row of `bundle`.
    plan : MonitoringPlan
    sha256 : str
        Of the stored plan.
    note : str
        Where the bundle is not the one in use; else ''.
    """

    row: int
    bundle: int
    plan: MonitoringPlan
    sha256: str
    note: str = ""


def planned(store: Store, path: Path | None, actor: str) -> Planned:
    """Return the plan of a file, stored if it is not the one that holds, else the stored one.

    Parameters
    ----------
    store : Store
    path : Path, optional
    actor : str

    Raises
    ------
    SpecError
        If the file is missing or breaks a rule, or the stored plan cannot be read.
    UsageError
        If no bundle is in use, it has no plan, or the file is for a bundle that is not known.
    """
    if path is None:
        with store.reading() as session:
            return _stored(session)
    return store_plan(store, load_monitoring_plan(path), str(path), actor)


def store_plan(store: Store, plan: MonitoringPlan, where: str, actor: str) -> Planned:
    """Store a plan, from now on the one that holds for its bundle; the same again changes nothing.

    Raises
    ------
    UsageError
        If the bundle is not known; `where` is what names it.
    """

    def work(session: Session) -> Planned:
        bundle = _bundle(session, plan, where)
        row = set_monitoring_plan(session, bundle.id, plan.content(), actor=actor)
        return Planned(row, bundle.id, plan, plan.sha256(), _note(bundle))

    return store.write(work)


def bundle_in_use(session: Session) -> Bundle:
    """Return the bundle in use.

    Raises
    ------
    UsageError
        If there is none.
    """
    bundle = session.scalar(select(Bundle).where(Bundle.alias == CHAMPION))
    if bundle is None:
        raise UsageError(
            "no system is in use in the case database",
            where="--db",
            hint="Score cases into it with: triage score --db.",
        )
    return bundle


def _stored(session: Session) -> Planned:
    bundle = bundle_in_use(session)
    row = monitoring_plan(session, bundle.id)
    if row is None:
        earlier = session.scalar(select(MonitoringPlanRow.id).limit(1)) is not None
        raise UsageError(
            f"the bundle in use, {bundle.digest[:12]}, has no plan of monitoring"
            + ("; a new bundle needs a new plan" if earlier else ""),
            hint=_MAKE,
        )
    try:
        plan = MonitoringPlan.model_validate(row.plan)
    except ValidationError as error:
        raise SpecError(
            "the stored plan of monitoring is not valid",
            where=f"monitoring_plan {row.id}",
            problems=problems_of(error, MonitoringPlan),
        ) from error
    return Planned(row.id, bundle.id, plan, row.sha256)


def _bundle(session: Session, plan: MonitoringPlan, where: str) -> Bundle:
    bundle = session.scalar(select(Bundle).where(Bundle.digest == plan.bundle))
    if bundle is None:
        raise UsageError(
            f"the case database knows no bundle {plan.bundle[:12]}", where=where, hint=_MAKE
        )
    return bundle


def _note(bundle: Bundle) -> str:
    if bundle.alias == CHAMPION:
        return ""
    return f"the plan is for bundle {bundle.digest[:12]}, which is not the one in use"
