"""The worklist: the cases in the order in which to read them.

Of the AI's opinion it shows only the urgency class that the order follows from, and not even that
where the site's policy hides it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pandas as pd
import streamlit as st

from triage.accounts import Action, may
from triage.accounts.sessions import Session
from triage.printable import printable
from triage.review import (
    WorklistCounts,
    WorklistFilter,
    WorklistItem,
    WorklistOrder,
    next_case,
    worklist_counts,
    worklist_page,
)
from triage.store import Store
from ui.session import go_to_case, take_notice
from ui.settings import SHORTCUT
from ui.words import HIDDEN, URGENCIES, due, duration

_SHOWN = 100


def show(store: Store, session: Session) -> None:
    """Draw the worklist."""
    actor, now = session.actor, datetime.now(UTC)
    counts = worklist_counts(store, actor, now)
    st.title("Worklist")
    if notice := take_notice():
        st.success(notice, icon=":material/check_circle:")
    if not counts.waiting:
        st.info("No case waits for a review.", icon=":material/inbox:")
        return
    _counts(counts)
    text = st.text_input(
        "Find a case", placeholder="Part of the case number", icon=":material/search:"
    )
    wanted = WorklistFilter(text=text)
    page = worklist_page(store, actor, now, wanted=wanted, size=_SHOWN)
    items = list(page.items)
    if not items:
        st.info("No waiting case fits this search.", icon=":material/search_off:")
        return
    can_read = may(actor, Action.READ_CASE)
    number = next_case(store, actor, now, wanted=wanted) if can_read else None
    st.button(
        "Open the first case found" if text.strip() else "Open the next case",
        type="primary",
        icon=":material/arrow_forward:",
        shortcut=SHORTCUT,
        disabled=number is None,
        on_click=go_to_case,
        args=(number or 0,),
    )
    if can_read and number is None:
        st.info("Other readers have these cases now.", icon=":material/lock_person:")
    _table(items, can_open=can_read)
    if page.next is not None:
        st.caption(f"The first {_SHOWN} cases. Search to see others.")
    st.caption(_ORDERS[page.order])


_ORDERS = {
    WorklistOrder.URGENCY: "Ordered by urgency, then by the time left, then by arrival.",
    WorklistOrder.ARRIVAL: "Ordered by arrival.",
}


def _counts(counts: WorklistCounts) -> None:
    columns = st.columns(4)
    columns[0].metric("Waiting", counts.waiting, border=True)
    columns[1].metric("Overdue", counts.overdue, border=True)
    columns[2].metric("In work by others", counts.in_work_by_others, border=True)
    columns[3].metric("Done today", counts.done_today, border=True)


def _table(items: list[WorklistItem], *, can_open: bool) -> None:
    rows = pd.DataFrame(
        {
            "Case": [printable(item.external_id) for item in items],
            "Priority": [HIDDEN if item.band is None else URGENCIES[item.band] for item in items],
            "Due": [due(item) for item in items],
            "Waiting": [duration(item.waiting) for item in items],
            "Images": [item.images for item in items],
            "In work by": [printable(item.reserved_by or "") for item in items],
            "Source": [printable(item.source) for item in items],
        }
    )
    if rows["Source"].nunique() == 1:
        rows = rows.drop(columns="Source")
    if not any(item.band is not None for item in items):
        rows = rows.drop(columns=["Priority", "Due"])
    if not any(item.reserved_by for item in items):
        rows = rows.drop(columns="In work by")
    options: dict[str, Any] = {"hide_index": True, "alt": "Waiting cases, the next one first"}
    if not can_open:
        st.dataframe(rows, **options)
        return

    def open_chosen() -> None:
        chosen = st.session_state["chosen"].selection.rows
        if chosen:
            go_to_case(items[chosen[0]].case_id)

    st.dataframe(rows, key="chosen", on_select=open_chosen, selection_mode="single-row", **options)
