"""The worklist: the cases in the order in which to read them.

Of the AI's opinion it shows only the urgency class that the order follows from, and not even that
where the site's policy hides it.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import streamlit as st

from triage.accounts import Action, may
from triage.accounts.sessions import Session
from triage.printable import printable
from triage.review import Deadlines, Pressure, WorklistItem, worklist
from triage.store import Store
from triage.vocabulary.clinical import Urgency
from ui.session import go_to_case, take_notice
from ui.settings import SHORTCUT
from ui.words import HIDDEN, URGENCIES, due, duration

_SHOWN = 100


def show(store: Store, session: Session) -> None:
    """Draw the worklist."""
    actor = session.actor
    deadlines = Deadlines()
    items = worklist(store, datetime.now(UTC), deadlines)
    st.title("Worklist")
    if notice := take_notice():
        st.success(notice, icon=":material/check_circle:")
    if not items:
        st.info("No case waits for a review.", icon=":material/inbox:")
        return
    _counts(items)
    found = _search(items)
    if not found:
        st.info("No waiting case fits this search.", icon=":material/search_off:")
        return
    can_read = may(actor, Action.READ_CASE)
    free = [item for item in found if item.is_free_for(actor.name)]
    st.button(
        "Open the next case" if len(found) == len(items) else "Open the first case found",
        type="primary",
        icon=":material/arrow_forward:",
        shortcut=SHORTCUT,
        disabled=not (can_read and free),
        on_click=go_to_case,
        args=(free[0].case_id if free else 0,),
    )
    if not free:
        st.info("Other readers have these cases now.", icon=":material/lock_person:")
    _table(found[:_SHOWN], can_open=can_read)
    if len(found) > _SHOWN:
        st.caption(f"The first {_SHOWN} of {len(found)} cases. Search to see others.")
    limits = ", ".join(
        f"{name.lower()} {duration(deadlines.of(urgency))}" for urgency, name in URGENCIES.items()
    )
    st.caption(f"Ordered by urgency, then by waiting time. Deadlines (our defaults): {limits}.")


def _counts(waiting: list[WorklistItem]) -> None:
    items = [item for item in waiting if item.band is not None]
    if not items:
        return
    bands = Counter(item.band for item in items)
    overdue = sum(item.pressure is Pressure.OVERDUE for item in items)
    columns = st.columns(len(URGENCIES) + 1)
    for column, (urgency, name) in zip(columns, URGENCIES.items(), strict=False):
        column.metric(name, bands[urgency], border=True)
    columns[-1].metric("Overdue", overdue, border=True)


def _search(items: list[WorklistItem]) -> list[WorklistItem]:
    left, right = st.columns([2, 3], vertical_alignment="bottom")
    text = left.text_input(
        "Find a case", placeholder="Part of the case number", icon=":material/search:"
    )
    band: Urgency | None = None
    if any(item.band is not None for item in items):
        band = right.segmented_control(
            "Priority", list(URGENCIES), format_func=URGENCIES.__getitem__
        )
    wanted = text.strip().casefold()
    return [
        item
        for item in items
        if wanted in item.external_id.casefold() and (band is None or item.band is band)
    ]


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
