"""What one browser session knows: which case is open, who reads, what to say next."""

from __future__ import annotations

import streamlit as st

from triage.store import Store, open_store

_CASE = "case"
_READER = "reader"
_NOTICE = "notice"


@st.cache_resource(show_spinner=False)
def store_at(url: str | None) -> Store:
    """Return the open case database; one connection pool serves all sessions."""
    return open_store(url)


def open_case_id() -> int | None:
    """Return the case that the address names, or None for the worklist."""
    text = st.query_params.get(_CASE, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def go_to_case(case_id: int) -> None:
    """Open a case on the next run."""
    st.query_params[_CASE] = str(case_id)


def go_to_worklist(notice: str = "") -> None:
    """Open the worklist on the next run, with something to say."""
    st.query_params.clear()
    st.session_state[_NOTICE] = notice


def take_notice() -> str:
    """Return what to say once."""
    return str(st.session_state.pop(_NOTICE, ""))


def ask_reader() -> str:
    """Ask who reads, in the side bar; the name lasts as long as the browser session."""
    with st.sidebar:
        name = st.text_input(
            "Your name",
            key=_READER,
            placeholder="Dr Example",
            max_chars=80,
            help="Stored with everything you do here. This version asks for no password.",
        )
    return " ".join(name.split())
