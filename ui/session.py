"""State of a browser session: the open case, the reader, the revealed cases, a notice."""

from __future__ import annotations

import os
from collections import OrderedDict
from threading import Lock

import streamlit as st

from triage.store import URL_VARIABLE, Store, open_store

_CASE = "case"
_READER = "reader"
_NOTICE = "notice"
_REVEALED = "revealed"
_BROWSER_COOKIE = "_streamlit_xsrf"
_MOST_BROWSERS = 1000


@st.cache_resource(show_spinner=False)
def store_at(url: str | None) -> Store:
    """Return the open case database; one connection pool serves all sessions."""
    return open_store(url)


class RevealedCases:
    """Cases whose opinion each browser has been shown since the server was started.

    A browser is identified by the token that Streamlit sets against forged requests: a cookie of
    the browser session, shared by reloads and further tabs.
    """

    def __init__(self) -> None:
        self._of_browser: OrderedDict[str, set[int]] = OrderedDict()
        self._lock = Lock()  # every page runs in a thread of its own

    def add(self, browser: str, case_id: int) -> None:
        """Remember that a browser has been shown the opinion on a case."""
        with self._lock:
            self._of_browser.setdefault(browser, set()).add(case_id)
            self._of_browser.move_to_end(browser)
            if len(self._of_browser) > _MOST_BROWSERS:
                self._of_browser.popitem(last=False)

    def holds(self, browser: str, case_id: int) -> bool:
        """Whether a browser has been shown the opinion on a case."""
        with self._lock:
            return case_id in self._of_browser.get(browser, ())


@st.cache_resource(show_spinner=False)
def _revealed_cases(url: str | None) -> RevealedCases:
    return RevealedCases()


def remember_revealed(case_id: int) -> None:
    """Remember that this browser session has been shown the AI's opinion on a case."""
    st.session_state.setdefault(_REVEALED, set()).add(case_id)
    if browser := browser_token(st.context.cookies.get(_BROWSER_COOKIE)):
        _revealed_cases(os.environ.get(URL_VARIABLE)).add(browser, case_id)


def was_revealed(case_id: int) -> bool:
    """Whether this browser session has been shown the AI's opinion on a case, under any name."""
    if case_id in st.session_state.get(_REVEALED, ()):
        return True
    browser = browser_token(st.context.cookies.get(_BROWSER_COOKIE))
    return bool(browser) and _revealed_cases(os.environ.get(URL_VARIABLE)).holds(browser, case_id)


def browser_token(cookie: str | None) -> str:
    """Return the unmasked token of Streamlit's cookie in hexadecimal; '' if there is none.

    The cookie is ``2|mask|masked token|time``. The server draws a new mask each time that it writes
    the cookie, so the text of the cookie changes while the token stays the same.
    """
    parts = (cookie or "").strip("\"'").split("|")
    try:
        if len(parts) != 4 or parts[0] != "2":
            return ""
        mask, masked = bytes.fromhex(parts[1]), bytes.fromhex(parts[2])
    except ValueError:
        return ""
    if not mask:
        return ""
    return bytes(byte ^ mask[at % len(mask)] for at, byte in enumerate(masked)).hex()


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


def ask_reader() -> str:
    """Ask for the reader's name in the side bar; it is kept for the browser session."""
    with st.sidebar:
        name = st.text_input(
            "Your name",
            key=_READER,
            placeholder="Dr Example",
            max_chars=80,
            help="Stored with everything you do here. This version asks for no password.",
        )
    return " ".join(name.split())
