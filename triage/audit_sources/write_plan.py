"""Write the plan of an audit to a file, and register it in a ledger or lock it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from triage.accounts import SYSTEM_ACTOR, Actor
from triage.atomic_write import whole_file
from triage.audit_sources.make_plan import PlanRequest, make_plan
from triage.auditing.audit_plan import AuditPlan
from triage.auditing.plan_file import load_plan, plan_text
from triage.auditing.plan_lock import lock_path, write_lock
from triage.auditing.registered_plans import register_plan
from triage.errors import UsageError
from triage.ledger.keys import SigningKey, load_key
from triage.store import Store
from triage.store.bundles import champion

SOURCE = "source"
"""Axis of the place that a case of a case database comes from."""


@dataclass(frozen=True)
class WrittenPlan:
    """A plan on disk, and how it was registered, in words."""

    plan: AuditPlan
    sentence: str
    notes: tuple[str, ...]


def write_plan(
    request: PlanRequest,
    out: Path,
    *,
    predictions: Path | None = None,
    store: Store | None = None,
    actor: Actor = SYSTEM_ACTOR,
    key: Path | None = None,
) -> WrittenPlan:
    """Make a plan, write it, and register it in the ledger of a store, else lock it in a file.

    Parameters
    ----------
    request : PlanRequest
    out : Path
        File of the plan (YAML); the lock lies beside it.
    predictions : Path, optional
        See `make_plan`.
    store : Store, optional
        With no table of predictions the plan is for its cases and the system in use.
    actor : Actor
        Who registers it.
    key : Path, optional
        Private key that signs the lock.

    Raises
    ------
    TriageError
        If the request, a file or the permission does not allow it; nothing is written then.
    """
    if out == lock_path(out):
        raise UsageError("is the name of a lock", where=str(out), hint="Name the plan plan.yaml.")
    signing = _signing_key(key, store)
    if store is not None and predictions is None:
        request = _for_cases_of(store, request)
    plan = make_plan(request, predictions)
    try:
        with whole_file(out) as partial:
            partial.write_text(plan_text(plan), encoding="utf-8")
            # Without the permission to register it there is no file either.
            sentence = _registered(plan, out, store, actor, signing, plan.created_at)
    except OSError as error:
        raise _not_written(out, error) from error
    return WrittenPlan(plan, sentence, _notes(request))


def register_written_plan(
    path: Path,
    at: datetime,
    *,
    store: Store | None = None,
    actor: Actor = SYSTEM_ACTOR,
    key: Path | None = None,
) -> WrittenPlan:
    """Register a plan that was changed by hand, or lock it anew.

    Parameters
    ----------
    path : Path
        File of the plan.
    at : datetime
        With a time zone: when it is locked.
    store, actor, key
        See `write_plan`.

    Raises
    ------
    TriageError
        If the plan, the key, the folder or the permission does not allow it.
    """
    plan = load_plan(path)
    signing = _signing_key(key, store)
    try:
        return WrittenPlan(plan, _registered(plan, path, store, actor, signing, at), ())
    except OSError as error:
        raise _not_written(path, error) from error


def _signing_key(key: Path | None, store: Store | None) -> SigningKey | None:
    if key is not None and store is not None:
        raise UsageError(
            "a plan in a ledger has no lock to sign", where="--key", hint="Leave out --key."
        )
    return None if key is None else load_key(key)


def _registered(
    plan: AuditPlan,
    path: Path,
    store: Store | None,
    actor: Actor,
    signing: SigningKey | None,
    at: datetime,
) -> str:
    """Register a plan in the ledger of a store, else lock it in a file; say which."""
    if store is not None:
        found = register_plan(store, plan, actor)
        return f"registered in the ledger as event {found.sequence}"
    write_lock(plan, path, signing, at)
    return f"not registered in a ledger; locked in {lock_path(path).name}"


def _not_written(path: Path, error: OSError) -> UsageError:
    return UsageError(
        f"the plan cannot be written ({error.strerror})",
        where=str(path),
        hint="Choose a folder you may write to.",
    )


def _for_cases_of(store: Store, request: PlanRequest) -> PlanRequest:
    """The request with what a case database adds: the system in use, its sources, unlabelled."""
    with store.reading() as session:
        used = champion(session)
    groups = list(request.groups)
    if not groups and request.spec is not None:
        groups = [axis.column for axis in request.spec.subgroups]
    if SOURCE not in groups:
        groups.append(SOURCE)
    return replace(
        request,
        groups=groups,
        unlabelled=request.unlabelled or "exclude",
        bundle=request.bundle or (None if used is None else used.digest),
        system=request.system or ("" if used is None else used.name),
    )


def _notes(request: PlanRequest) -> tuple[str, ...]:
    costs = None if request.spec is None else request.spec.costs
    if costs is not None and costs.multipliers is not None and costs.multipliers.subgroups:
        return (
            "The spec's factors of subgroups (costs.multipliers.subgroups) are not part of a "
            "plan: mean costs are without them.",
        )
    return ()
