"""Cases whose label is asked for, with the reason; nothing of a label or of the AI."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from triage.accounts.sessions import Session
from triage.review import worklist_counts
from triage.review.labelling import LabellingItem, labelling_list
from triage.store import Store
from ui import frame
from ui.components import case_rows
from ui.components.case_rows import CaseRow, Fact, Heading, case_address
from ui.image_address import PictureSize, image_address
from ui.session import CaseWorkKind, go_to_case, go_to_worklist
from ui.words import duration, plural

_TITLE = "Labelling"
_ABOUT = (
    "Cases that were chosen to be labelled, in the order in which they help most. The worklist and "
    "“Next case” take no notice of this list: urgent cases come first, whatever is asked for here."
)


def show(store: Store, session: Session) -> None:
    """Draw the page."""
    frame.name_window(_TITLE)
    st.title(_TITLE, anchor=False)
    with st.spinner("Looking up the cases…", show_time=False):
        found = labelling_list(store, session.actor)
        overdue = worklist_counts(store, session.actor, datetime.now(UTC)).overdue
    if overdue:
        st.warning(
            f"{plural(overdue, 'case is', 'cases are')} past the deadline on the worklist. Read "
            "these before you label.",
            icon=":material/schedule:",
        )
    if overdue or not found.items:
        st.button("To the worklist", type="primary", on_click=go_to_worklist)
    if found.items:
        st.caption(f"{plural(len(found.items), 'case', 'cases')}. {_ABOUT}")
        _list(found.items)
    else:
        st.info("No label is asked of you now.", icon=":material/inbox:")
    if found.for_others:
        st.caption(
            f"{plural(found.for_others, 'other case is', 'other cases are')} asked for that you "
            "cannot label now: read by you, in work by another reader, signed or adjudicated."
        )


def _list(items: tuple[LabellingItem, ...]) -> None:
    now = datetime.now(UTC)
    rows = [
        CaseRow(
            case_id=one.case_id,
            title=one.external_id,
            subtitle=one.source,
            columns=(Fact(one.reason), Fact(duration(now - one.received_at))),
            action="Read again" if one.again else "Read",
            href=case_address(
                one.case_id, "" if _work(one) is CaseWorkKind.READING else _work(one)
            ),
            picture=image_address(one.case_id, 0, PictureSize.THUMBNAIL, None),
            picture_text="First image",
        )
        for one in items
    ]
    works = {one.case_id: _work(one) for one in items}
    headings = (Heading("Case", 1.6), Heading("Why", 3.0), Heading("Waiting"))
    case_rows.show(
        rows,
        headings,
        "labelling",
        lambda case_id: go_to_case(case_id, works[case_id]),
        "Cases whose label is asked for",
    )


def _work(item: LabellingItem) -> CaseWorkKind:
    return CaseWorkKind.SECOND_READ if item.again else CaseWorkKind.READING
