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
    with st.expander("Leave this case without a decision"):
        reason = st.text_input("Why", key=f"{key}-reason")
        action = st.text_input(
            "What is to be done (cannot be graded)", value="Retake", key=f"{key}-action"
        )
        to = st.text_input("Name of the reader (hand over)", key=f"{key}-to")
        skip, ungradable, over = st.columns(3)
        if skip.button("Skip", key=f"{key}-skip"):
            _leave(lambda: skip_case(store, case_id, actor, reason), "The case is left to others.")
        if ungradable.button("Cannot grade", key=f"{key}-ungradable"):
            _leave(
                lambda: report_ungradable(store, case_id, actor, reason, action),
                "The case is reported as one that cannot be graded.",
            )
        if over.button("Hand over", key=f"{key}-over"):
            _leave(lambda: hand_over(store, case_id, actor, to), "The case is handed over.")


def _leave(step: Callable[[], None], notice: str) -> None:
    try:
        step()
    except StepRefused as refusal:
        st.error(escape(str(refusal)), icon=":material/error:")
        return
    go_to_worklist(notice)
    st.rerun()
