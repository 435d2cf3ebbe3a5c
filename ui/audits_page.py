"""Audits: their plans, the one that runs, and what the finished ones found."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import streamlit as st

from triage.accounts import Action, require
from triage.accounts.sessions import Session
from triage.errors import UsageError
from triage.store import Store
from ui import audit_results, frame, html_table
from ui.audit_folder import PlanFile, audits_in, folder_of_run, plans_in
from ui.audit_runs import RunState, RunStatus, audit_runs
from ui.html_table import Cell, Column
from ui.session import serving_settings
from ui.words import date_of, escape, plural, time_of

_EVERY = 1.0
"""Seconds after which the progress of a run is asked for again."""
_REFUSED = "audit refused"
_PLAN_COLUMNS = (
    Column("Plan"),
    Column("Limits set by"),
    Column("Date"),
    Column("Limits", "number"),
    Column("Axes", "number"),
    Column("Content, SHA-256"),
)
_UNUSABLE_COLUMNS = (Column("File"), Column("Why it cannot be used"))


def show(store: Store, session: Session) -> None:
    """Draw the page."""
    require(session.actor, Action.VIEW_REVIEW_FIGURES)
    frame.name_window("Audits")
    html_table.show_style()
    audit_results.show_style()
    st.title("Audits", anchor=False)
    st.caption(
        "For whom the system works, for whom it does not, and for whom nobody knows: each limit of "
        "a plan, judged in each group by its whole interval."
    )
    folder = serving_settings().audits
    if folder is None:
        st.info(
            "This server was started without a folder of audits. Start it with "
            "`triage ui --audits FOLDER`; the folder holds the plans (`*.yaml`, written by "
            "`triage audit plan`), and each report gets a folder of its own in it.",
            icon=":material/folder_off:",
        )
        return
    try:
        plans, audits = plans_in(folder), audits_in(folder)
    except UsageError as refused:
        st.error(escape(str(refused)), icon=":material/folder_off:")
        return
    _show_run()
    results, planned = st.tabs([f"Reports ({len(audits)})", f"Plans ({len(plans)})"])
    with results:
        audit_results.show(audits)
    with planned:
        _show_plans(plans, session)


def _show_run() -> None:
    """Draw the run that goes on or was the last; one that goes on is asked for again and again."""
    state = audit_runs().state
    if state is None:
        return
    if state.status is RunStatus.RUNNING:
        st.fragment(_show_running, run_every=_EVERY)()
    elif state.status is RunStatus.FAILED:
        st.error(
            f"The audit **{escape(state.title)}** has failed: {escape(state.problem)}",
            icon=":material/error:",
        )
    else:
        st.success(
            f"The audit **{escape(state.title)}** is finished. Its report is "
            f"**{escape(state.name)}**, {_when(state)}.",
            icon=":material/task_alt:",
        )


def _when(state: RunState) -> str:
    return time_of(state.ended_at or state.started_at)


def _show_running() -> None:
    state = audit_runs().state
    if state is None or state.status is not RunStatus.RUNNING:
        st.rerun()  # the whole page, which has another report now
    with st.container(border=True):
        stage = escape(state.stage) or "beginning"
        of = f", {state.done} of {state.total}" if state.total else ""
        share = min(state.done / state.total, 1.0) if state.total else 0.0
        st.progress(share, text=f"**{escape(state.title)}**: {stage}{of}")
        st.caption(
            f"Started by {escape(state.started_by)}, {time_of(state.started_at)}. It goes on "
            "without this page. If the server is stopped, start the plan again: it goes on from "
            "the parts that are finished."
        )


def _show_plans(plans: list[PlanFile], session: Session) -> None:
    usable = [one for one in plans if one.plan is not None]
    refused = [one for one in plans if one.plan is None]
    if not plans:
        st.info(
            "The folder holds no plan yet. `triage audit plan` writes one (`*.yaml`).",
            icon=":material/inbox:",
        )
    if usable:
        _show_start(usable, session)
        rows = [_plan_row(one) for one in usable]
        html_table.show_table("Plans of audits", _PLAN_COLUMNS, rows, stacked=True)
    if refused:
        st.warning(
            f"{plural(len(refused), 'plan', 'plans')} cannot be used.", icon=":material/warning:"
        )
        rows = [(one.path.name, one.problem) for one in refused]
        html_table.show_table("Plans that cannot be used", _UNUSABLE_COLUMNS, rows, stacked=True)


def _show_start(plans: list[PlanFile], session: Session) -> None:
    state = audit_runs().state
    running = state is not None and state.status is RunStatus.RUNNING
    titles = {one.path: f"{one.plan.title} · {one.path.name}" for one in plans if one.plan}
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    chosen = left.selectbox("Plan to run", list(titles), format_func=titles.__getitem__)
    right.button(
        "Audit this database",
        type="primary",
        icon=":material/play_arrow:",
        disabled=running,
        help="Another audit is running." if running else None,
        width="stretch",
        on_click=partial(_start, chosen, session),
    )
    if message := st.session_state.pop(_REFUSED, ""):
        st.warning(escape(message), icon=":material/hourglass:")
    out = folder_of_run(chosen)
    goes_on = "an unfinished run is there and goes on" if out.is_dir() else "a new folder"
    st.caption(
        f"The report will be in **{escape(out.name)}** ({goes_on}). Reports that are there stay."
    )


def _start(path: Path, session: Session) -> None:
    name = session.account.printed_name if session.account else session.actor.name
    title = next(one.plan.title for one in plans_in(path.parent) if one.path == path and one.plan)
    try:
        audit_runs().start(path, title, name)
    except UsageError as refused:
        st.session_state[_REFUSED] = str(refused)


def _plan_row(one: PlanFile) -> tuple[Cell, ...]:
    plan = one.plan
    assert plan is not None
    return (
        html_table.lines(plan.title, one.path.name),
        plan.source,
        date_of(plan.created_at),
        str(len(plan.limits)),
        str(len(plan.axes)),
        html_table.code(plan.sha256()[:12]),
    )
