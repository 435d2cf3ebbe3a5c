"""Search and filters of the worklist, kept in its address so that they outlast a reload."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import streamlit as st

from triage.printable import printable
from triage.review import WorklistFilter, WorklistSite
from triage.review.worklist_filter import WorklistState
from triage.vocabulary.modality import Modality
from ui.case_views import CASE_VIEWS, modality_title

_TEXT, _KIND, _SITES, _STATE, _FROM, _TO = "find", "kind", "site", "state", "from", "to"
"""Parameters of the address, and keys of the widgets."""
_AFTER = "after"
"""Parameter of the address with the place at which a later part of the list begins."""
_PAUSE = "150ms"
"""After the last letter that was typed, before the list follows."""
_ALL = "All"
_STATES = {
    WorklistState.NEW: "New",
    WorklistState.STARTED: "Started, not decided",
    WorklistState.SKIPPED: "Skipped",
}
_KINDS = {modality: modality_title(modality) for modality in CASE_VIEWS}


def show_search() -> None:
    """Draw the field for searching."""
    st.text_input(
        "Find a case",
        key=_TEXT,
        bind="query-params",
        placeholder="Find a case, patient or site",
        icon=":material/search:",
        label_visibility="collapsed",
        max_chars=200,
        on_change=to_first_page,
        live=_PAUSE,
    )


def show_filters(sites: Sequence[WorklistSite]) -> None:
    """Draw the filters; those that are not needed at every look behind a button.

    Parameters
    ----------
    sites : sequence of WorklistSite
        Those that can be chosen.
    """
    st.segmented_control(
        "Kind",
        [_ALL, *_KINDS.values()],
        key=_KIND,
        default=_ALL,
        required=True,
        bind="query-params",
        label_visibility="collapsed",
        on_change=to_first_page,
    )
    chosen = _count()
    with st.popover(f"Filters ({chosen})" if chosen else "Filters", icon=":material/tune:"):
        st.multiselect(
            "Sites",
            [site.source for site in sites],
            key=_SITES,
            bind="query-params",
            format_func=printable,
            placeholder="All sites",
            on_change=to_first_page,
        )
        st.selectbox(
            "State",
            list(_STATES.values()),
            index=None,
            key=_STATE,
            bind="query-params",
            placeholder="All states",
            on_change=to_first_page,
        )
        left, right = st.columns(2)
        left.date_input(
            "Received from", value=None, key=_FROM, bind="query-params", on_change=to_first_page
        )
        right.date_input("to", value=None, key=_TO, bind="query-params", on_change=to_first_page)


def wanted_cases() -> WorklistFilter:
    """Return which cases the search and the filters want."""
    kinds = {name: modality for modality, name in _KINDS.items()}
    states = {name: state for state, name in _STATES.items()}
    modality: Modality | None = kinds.get(st.session_state.get(_KIND) or _ALL)
    return WorklistFilter(
        text=st.session_state.get(_TEXT) or "",
        sources=tuple(st.session_state.get(_SITES) or ()),
        modality=modality,
        state=states.get(st.session_state.get(_STATE) or ""),
        received_from=_day(_FROM),
        received_to=_day(_TO),
    )


def clear() -> None:
    """Want every case again; for a callback."""
    st.session_state.update({_TEXT: "", _KIND: _ALL, _SITES: [], _STATE: None})
    st.session_state.update({_FROM: None, _TO: None})
    to_first_page()


def to_first_page() -> None:
    """Show the list from its beginning; for a callback."""
    st.query_params.pop(_AFTER, None)


def to_page(after: str) -> None:
    """Show the part of the list that begins at a place; for a callback."""
    st.query_params[_AFTER] = after


def place() -> str | None:
    """Return the place at which the list begins, None for its beginning."""
    return st.query_params.get(_AFTER) or None


def _count() -> int:
    """Return how many of the filters behind the button are in use."""
    return sum(bool(st.session_state.get(name)) for name in (_SITES, _STATE, _FROM, _TO))


def _day(name: str) -> date | None:
    value = st.session_state.get(name)
    return value if isinstance(value, date) else None
