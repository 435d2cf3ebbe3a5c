"""Cases in which a reader's answer is waited for; nothing of what anybody has said of them."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

import streamlit as st

from triage.accounts.sessions import Session
from triage.review import adjudications_waiting
from triage.store import Store
from ui import frame
from ui.components import case_rows
from ui.components.case_rows import CaseRow, Fact, Heading, case_address
from ui.image_address import PictureSize, image_address
from ui.session import CaseWorkKind, go_to_case, go_to_worklist
from ui.words import duration, plural

_SHOWN = 100


def show(store: Store, session: Session) -> None:
    """Draw the page."""
    frame.name_window("Adjudication")
    st.title("Adjudication", anchor=False)
    with st.spinner("Looking up the cases…", show_time=False):
        waiting = adjudications_waiting(store, session.actor)
    if not waiting:
        st.info("No adjudication waits for your answer.", icon=":material/inbox:")
        st.button("To the worklist", type="primary", on_click=go_to_worklist)
        return
    st.caption(
        f"{plural(len(waiting), 'case', 'cases')}, the longest wait first. Readers disagree on "
        "them. Each answers by the features of a short list; answers are shown without names once "
        "all of a round are given."
    )
    now = datetime.now(UTC)
    rows = [
        CaseRow(
            case_id=one.case_id,
            title=one.external_id,
            subtitle=one.source,
            columns=(
                Fact("You decide, as a senior reader" if one.as_senior else f"Round {one.round}"),
                Fact(duration(now - one.received_at)),
            ),
            action="Decide" if one.as_senior else "Answer",
            href=case_address(one.case_id, CaseWorkKind.ADJUDICATION),
            picture=image_address(one.case_id, 0, PictureSize.THUMBNAIL, None),
            picture_text="First image",
        )
        for one in waiting[:_SHOWN]
    ]
    headings = (Heading("Case", 2.0), Heading("Your part"), Heading("Waiting"))
    opening = partial(go_to_case, work=CaseWorkKind.ADJUDICATION)
    case_rows.show(rows, headings, "adjudications", opening, "Adjudications that wait for you")
    if len(waiting) > _SHOWN:
        st.caption(f"The first {_SHOWN} of {len(waiting)} cases.")
