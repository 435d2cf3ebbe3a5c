"""Audits: their plans, the one that runs, and what the finished ones found."""

from __future__ import annotations

import streamlit as st

from triage.accounts import Action, require
from triage.accounts.sessions import Session
from triage.errors import UsageError
from triage.store import Store
from ui import audit_plans, audit_results, frame, html_table
from ui.audit_folder import audits_in, plans_in
from ui.audit_runs import RunState, RunStatus, audit_runs
from ui.session import serving_settings
from ui.words import escape, time_of

_EVERY = 1.0
"""Seconds after which the progress of a run is asked for again."""


def show(store: Store, session: Session) -> None:
    """Draw the page."""
    require(session.actor, Action.AUDIT)
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
    with st.container():  # always there, so that the chosen tab stays chosen
        _show_run()
    results, planned = st.tabs([f"Reports ({len(audits)})", f"Plans ({len(plans)})"])
    with results:
        audit_results.show(audits)
    with planned:
        audit_plans.show(store, session, plans)


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
