"""State of a browser session: who is signed in, the open case, a notice."""

from __future__ import annotations

import os
from functools import cache

import streamlit as st

from triage.accounts.sessions import Session, session_of
from triage.store import URL_VARIABLE, Store, open_store
from ui.launch import SETTINGS_VARIABLE
from ui.serving.cookies import session_cookie
from ui.serving.settings import ServingSettings

_CASE = "case"
_NOTICE = "notice"
_ACCOUNT = "account"


@st.cache_resource(show_spinner=False)
def store_at(url: str | None) -> Store:
    """Return the open case database; one connection pool serves all sessions."""
    return open_store(url)


def session_token() -> str:
    """Return the token of the browser's cookie; '' if it sent none."""
    return st.context.cookies.get(session_cookie(secure=_is_secure()), "")


def signed_in() -> Session:
    """Return the session in which this run of a page acts, and count it as a use of the session.

    Called at the beginning of every run. What another account left in the state of the page, where
    somebody else signs in in the same browser, is dropped.

    Raises
    ------
    SessionExpired
        If nobody is signed in, or no longer.
    """
    session = session_of(store_at(os.environ.get(URL_VARIABLE)), session_token())
    account = session.account.id if session.account is not None else 0
    if st.session_state.get(_ACCOUNT, account) != account:
        st.session_state.clear()
    st.session_state[_ACCOUNT] = account
    return session


@cache
def _is_secure() -> bool:
    text = os.environ.get(SETTINGS_VARIABLE)
    return text is not None and ServingSettings.from_json(text).secure


def open_case_id() -> int | None:
    """Return the number of the case in the URL, or None for the worklist."""
    text = st.query_params.get(_CASE, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def go_to_case(case_id: int) -> None:
    """Open a case on the next run."""
    st.query_params[_CASE] = str(case_id)


def go_to_worklist(notice: str = "") -> None:
    """Open the worklist on the next run, with a notice."""
    st.query_params.clear()
    st.session_state[_NOTICE] = notice


def take_notice() -> str:
    """Return the notice and clear it, so that it is shown once."""
    return str(st.session_state.pop(_NOTICE, ""))
