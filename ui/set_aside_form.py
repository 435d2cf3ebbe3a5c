"""Leaving a case: to others, as one that cannot be graded, or to a named reader."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from triage.accounts import Actor
from triage.review import ReaderView, StepRefused, hand_over, report_ungradable, skip_case
from triage.store import Store
from ui.session import go_to_worklist
from ui.words import escape


def show(store: Store, review: ReaderView, actor: Actor) -> None:
    """Draw the ways to leave a case without a decision."""
    key, case_id = f"aside-{review.id}", review.case_id
    # A form, so that a click right after typing is one request and not two, of which the first
    # could redraw the button under the pointer.
    with (
        st.expander("Leave this case without a decision"),
        st.form(key, border=False, enter_to_submit=False),
    ):
        reason = st.text_input("Why", key=f"{key}-reason")
        action = st.text_input(
            "What is to be done (cannot be graded)", value="Retake", key=f"{key}-action"
        )
        to = st.text_input("Name of the reader (hand over)", key=f"{key}-to")
        skip, ungradable, over = st.columns(3)
        if skip.form_submit_button("Skip", key=f"{key}-skip"):
            _leave(lambda: skip_case(store, case_id, actor, reason), "The case is left to others.")
        if ungradable.form_submit_button("Cannot grade", key=f"{key}-ungradable"):
            _leave(
                lambda: report_ungradable(store, case_id, actor, reason, action),
                "The case is reported as one that cannot be graded.",
            )
        if over.form_submit_button("Hand over", key=f"{key}-over"):
            _leave(lambda: hand_over(store, case_id, actor, to), "The case is handed over.")


def _leave(step: Callable[[], None], notice: str) -> None:
    try:
        step()
    except StepRefused as refusal:
        st.error(escape(str(refusal)), icon=":material/error:")
        return
    go_to_worklist(notice)
    st.rerun()
