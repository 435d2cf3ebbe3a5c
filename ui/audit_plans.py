"""The plans of audits: those of the folder, those of the ledger, and the start of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import streamlit as st

from triage.accounts.sessions import Session
from triage.auditing.audit_plan import AuditPlan
from triage.auditing.registered_plans import RegisteredPlan, register_plan, registered_plans
from triage.errors import TriageError
from triage.store import Store
from ui import html_table
from ui.audit_folder import PlanFile, folder_of_run
from ui.audit_runs import RunStatus, audit_runs
from ui.html_table import Cell, Column
from ui.words import date_of, escape, plural

_REFUSED = "plan refused"
_COLUMNS = (
    Column("Plan"),
    Column("Limits set by"),
    Column("Made"),
    Column("Registered in the ledger"),
    Column("Limits", "number"),
    Column("Axes", "number"),
    Column("SHA-256"),
)
_UNUSABLE = (Column("File"), Column("Why it cannot be used"))

Registered = Mapping[str, RegisteredPlan]
"""By the hash of the plan."""


def show(store: Store, session: Session, plans: Sequence[PlanFile]) -> None:
    """Draw the plans, and what starts the audit of one."""
    with store.reading() as reading:
        registered = {one.plan_sha256: one for one in reversed(registered_plans(reading))}
    usable = {one: one.plan for one in plans if one.plan is not None}
    refused = [one for one in plans if one.plan is None]
    if usable:
        _start(store, session, usable, registered)
    else:
        st.info(
            "The folder holds no plan yet. `triage audit plan --out FOLDER/PLAN.yaml` writes one.",
            icon=":material/inbox:",
        )
    rows = [_row(plan, one.path.name, registered) for one, plan in usable.items()]
    here = {plan.sha256() for plan in usable.values()}
    rows += [
        _row(one.plan, "no file in the folder", registered)
        for digest, one in registered.items()
        if one.plan is not None and digest not in here
    ]
    if rows:
        html_table.show_table("Plans of audits", _COLUMNS, rows, stacked=True)
    if refused:
        problem = f"{plural(len(refused), 'file is', 'files are')} no plan that can be used."
        st.warning(problem, icon=":material/warning:")
        unusable = [(one.path.name, one.problem) for one in refused]
        html_table.show_table("Files that cannot be used", _UNUSABLE, unusable, stacked=True)


def _start(
    store: Store, session: Session, plans: Mapping[PlanFile, AuditPlan], registered: Registered
) -> None:
    state = audit_runs().state
    running = state is not None and state.status is RunStatus.RUNNING
    titles = {one.path.name: f"{plan.title} · {one.path.name}" for one, plan in plans.items()}
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    name = left.selectbox("Plan to run", list(titles), format_func=titles.__getitem__)
    chosen, plan = next((one, plan) for one, plan in plans.items() if one.path.name == name)
    right.button(
        "Audit this database",
        type="primary",
        icon=":material/play_arrow:",
        disabled=running,
        help="Another audit is running." if running else None,
        width="stretch",
        on_click=partial(_run, chosen, plan, session),
    )
    if message := st.session_state.pop(_REFUSED, ""):
        st.warning(escape(message), icon=":material/block:")
    out = folder_of_run(chosen.path)
    goes_on = ", where an unfinished run goes on" if out.is_dir() else ""
    st.caption(
        f"The report will be **{escape(out.name)}**{goes_on}. Reports that are there are kept."
    )
    if plan.sha256() not in registered:
        st.warning(
            "This plan is not registered in the ledger, and the report will say so. Registered "
            "before the data are read, it shows that the limits were not chosen to fit.",
            icon=":material/edit_document:",
        )
        st.button(
            "Register this plan",
            icon=":material/verified:",
            on_click=partial(_register, store, plan, session),
        )


def _run(chosen: PlanFile, plan: AuditPlan, session: Session) -> None:
    try:
        audit_runs().start(chosen.path, plan.title, session.actor)
    except TriageError as refused:
        st.session_state[_REFUSED] = str(refused)


def _register(store: Store, plan: AuditPlan, session: Session) -> None:
    try:
        register_plan(store, plan, session.actor)
    except TriageError as refused:
        st.session_state[_REFUSED] = str(refused)


def _row(plan: AuditPlan, file: str, registered: Registered) -> tuple[Cell, ...]:
    digest = plan.sha256()
    found = registered.get(digest)
    return (
        html_table.lines(plan.title, file),
        plan.source,
        date_of(plan.created_at),
        html_table.weak("no")
        if found is None
        else html_table.lines(date_of(found.at), f"event {found.sequence}, by {found.actor}"),
        str(len(plan.limits)),
        str(len(plan.axes)),
        html_table.code(digest[:12]),
    )
