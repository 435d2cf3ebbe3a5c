"""Cases that a reader may read as the second; nothing of the first reader or of the AI."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

import streamlit as st

from triage.accounts.sessions import Session
from triage.review import second_reads_waiting
from triage.store import Store
from ui import frame
from ui.components import case_rows
from ui.components.case_rows import CaseRow, Fact, Heading, case_address
from ui.image_address import PictureSize, image_address
from ui.session import CaseWorkKind, go_to_case, go_to_worklist
from ui.words import date_of, duration, plural

_SHOWN = 100


def show(store: Store, session: Session) -> None:
    """Draw the page."""
    frame.name_window("Second reads")
    st.title("Second reads", anchor=False)
    with st.spinner("Looking up the cases…", show_time=False):
        waiting = second_reads_waiting(store, session.actor)
    if not waiting:
        st.info("No case waits for a second read by you.", icon=":material/inbox:")
        st.button("To the worklist", type="primary", on_click=go_to_worklist)
        return
    st.caption(
        f"{plural(len(waiting), 'case', 'cases')}, the longest wait first. You read on your own: "
        "what the first reader and the AI said is not shown, and your read cannot be changed."
    )
    now = datetime.now(UTC)
    rows = [
        CaseRow(
            case_id=one.case_id,
            title=one.external_id,
            subtitle=one.source,
            columns=(Fact(date_of(one.received_at)), Fact(duration(now - one.received_at))),
            action="Read",
            href=case_address(one.case_id, CaseWorkKind.SECOND_READ),
            picture=image_address(one.case_id, 0, PictureSize.THUMBNAIL, None),
            picture_text="First image",
        )
        for one in waiting[:_SHOWN]
    ]
    headings = (Heading("Case", 2.0), Heading("Received"), Heading("Waiting"))
    opening = partial(go_to_case, work=CaseWorkKind.SECOND_READ)
    case_rows.show(rows, headings, "second-reads", opening, "Cases that wait for a second read")
    if len(waiting) > _SHOWN:
        st.caption(f"The first {_SHOWN} of {len(waiting)} cases.")
