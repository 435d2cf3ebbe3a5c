"""The worklist: the cases that wait, and the next one to read.

Of the AI's opinion it shows only the urgency class that the order follows from, and not even that
where the site's policy hides it.
"""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st
from markupsafe import Markup

from triage.accounts import Action, Actor, may
from triage.accounts.sessions import Session
from triage.errors import UsageError
from triage.review import (
    WorklistCounts,
    WorklistFilter,
    WorklistPage,
    worklist_overview,
    worklist_sites,
)
from triage.store import Store
from ui import html_table, worklist_filters, worklist_notes, worklist_rows
from ui.components import case_rows
from ui.opening_next import open_next
from ui.page_paths import PagePath
from ui.session import go_to_case, go_to_page, take_notice
from ui.settings import SHORTCUT
from ui.words import LOCAL_USER, escape

_REFUSED = "worklist refused"
_STYLE = """
<style>
  .counts { margin: 0; color: #47545f; font-size: 0.9rem; display: flex; flex-wrap: wrap;
            gap: 0 1.4rem; align-items: baseline; }
  .counts b { color: #0f1923; font-size: 1.25rem; font-weight: 650; margin-right: 0.15rem;
              font-variant-numeric: tabular-nums; }
  :has(> .st-key-worklist-search) { flex: 1 1 15rem; min-width: 13rem; }
  .counts .late, .counts .late b { color: #9b1c22; }
</style>
"""


def show(store: Store, session: Session) -> None:
    """Draw the worklist."""
    actor = session.actor
    now = datetime.now(UTC)
    can_read = may(actor, Action.READ_CASE)
    st.html(_STYLE)
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.title("Worklist", anchor=False, width="content")
        numbers = st.container(width="stretch")
    if notice := take_notice():
        st.success(notice, icon=":material/check_circle:")
    refused = st.container()
    sites = worklist_sites(store)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        main = st.container(width="content")
        with st.container(key="worklist-search", width="stretch"):
            worklist_filters.show_search()
        worklist_filters.show_filters(sites)
        if may(actor, Action.UPLOAD_CASE):
            st.button(
                "Add a case",
                icon=":material/add_photo_alternate:",
                on_click=go_to_page,
                args=(PagePath.ADD_CASE,),
            )
    wanted = worklist_filters.wanted_cases()
    part, counts = _part(store, actor, now, wanted)
    html_table.show_markup(numbers, _numbers(counts))
    if can_read:
        _next_button(main, store, actor, wanted, counts)
    if message := st.session_state.pop(_REFUSED, ""):
        refused.warning(escape(message), icon=":material/lock_person:")
    if not part.items:
        _nothing(wanted, actor)
        return
    case_rows.show(
        worklist_rows.rows(part.items, actor.name, can_read=can_read),
        worklist_rows.headings(part.items),
        "worklist rows",
        go_to_case,
        label="Waiting cases",
    )
    _pages(part)
    st.caption(worklist_notes.on_order(store, part.order, sites, wanted, can_read=can_read))
    if session.local:
        st.caption(LOCAL_USER)


def _part(
    store: Store, actor: Actor, now: datetime, wanted: WorklistFilter
) -> tuple[WorklistPage, WorklistCounts]:
    after = worklist_filters.place()
    try:
        return worklist_overview(store, actor, now, wanted=wanted, after=after)
    except UsageError:  # an address of another order, or one that somebody wrote
        if after is None:
            raise
        worklist_filters.to_first_page()
        return worklist_overview(store, actor, now, wanted=wanted)


def _numbers(counts: WorklistCounts) -> Markup:
    """Return the numbers above the list."""
    number = Markup("<span{}><b>{}</b> {}</span>").format
    late = Markup(' class="late"') if counts.overdue else ""
    sign = "▲ " if counts.overdue else ""
    more = "+" if counts.capped else ""
    return Markup('<p class="counts" role="status">{}</p>').format(
        Markup("").join(
            (
                number("", f"{counts.waiting:,}{more}", "waiting"),
                number(late, f"{sign}{counts.overdue:,}", "overdue in all"),
                number("", f"{counts.done_today:,}", "done today"),
                number("", f"{counts.in_work_by_others:,}", "in work by others"),
            )
        )
    )


def _next_button(
    place: st.delta_generator.DeltaGenerator,
    store: Store,
    actor: Actor,
    wanted: WorklistFilter,
    counts: WorklistCounts,
) -> None:
    place.button(
        "Next case" if wanted == WorklistFilter() else "Next case found",
        type="primary",
        icon=":material/arrow_forward:",
        shortcut=SHORTCUT,
        disabled=not counts.waiting,
        on_click=_open_next,
        args=(store, actor, wanted),
    )


def _open_next(store: Store, actor: Actor, wanted: WorklistFilter) -> None:
    """Reserve the next case and open it, or say on the page why there is none."""
    if refused := open_next(store, actor, wanted):
        st.session_state[_REFUSED] = refused
    else:
        st.session_state.pop(_REFUSED, None)


def _nothing(wanted: WorklistFilter, actor: Actor) -> None:
    """Say that there is no case, and what to do next."""
    if wanted != WorklistFilter():
        st.info("No waiting case fits this search.", icon=":material/search_off:")
        st.button("Show every waiting case", on_click=worklist_filters.clear)
        return
    further = (
        " Add one with the button above, or wait for the next."
        if may(actor, Action.UPLOAD_CASE)
        else " New cases appear here when they arrive; load the page again to look."
    )
    st.info(f"No case waits for a review.{further}", icon=":material/inbox:")


def _pages(part: WorklistPage) -> None:
    at_beginning = worklist_filters.place() is None
    if at_beginning and part.next is None:
        return
    with st.container(horizontal=True, gap="small"):
        if not at_beginning:
            st.button(
                "Back to the first cases",
                icon=":material/first_page:",
                on_click=worklist_filters.to_first_page,
            )
        if part.next is not None:
            st.button(
                "Show the next cases",
                icon=":material/chevron_right:",
                on_click=worklist_filters.to_page,
                args=(part.next,),
            )
