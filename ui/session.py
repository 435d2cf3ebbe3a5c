"""State of a browser session: who is signed in, the open case, a notice."""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from threading import BoundedSemaphore

import streamlit as st

from triage.accounts.sessions import (
    Session,
    mark_reauthenticated,
    reauthenticate,
    session_of,
)
from triage.store import URL_VARIABLE, Store, open_store
from ui.launch import SETTINGS_VARIABLE
from ui.page_paths import PagePath
from ui.serving.cookies import session_cookie
from ui.serving.settings import ServingSettings

_CASE = "case"
_WORK = "as"
_WANTED = "wanted page"
_NOTICE = "notice"
_ACCOUNT = "account"
_PASSWORD_CHECKS = BoundedSemaphore(2)
"""So many at once: a check of a password takes 64 MiB of memory."""


class CaseWorkKind(StrEnum):
    """As what a case is opened."""

    READING = "reading"
    SECOND_READ = "second_read"
    ADJUDICATION = "adjudication"


@st.cache_resource(show_spinner=False)
def store_at(url: str | None) -> Store:
    """Return the open case database; one connection pool serves all sessions."""
    return open_store(url)


def session_token() -> str:
    """Return the token of the browser's cookie; '' if it sent none."""
    return st.context.cookies.get(session_cookie(secure=serving_settings().secure), "")


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


def prove_again(store: Store, session: Session, password: str) -> Session:
    """Return the session once its person has proved again who they are, for a signature.

    The local user has nothing to prove it with.

    Raises
    ------
    SignInRefused
        If the password is wrong.
    SessionExpired
        If the session is over.
    """
    if session.local:
        return mark_reauthenticated(store, session_token())
    with _PASSWORD_CHECKS:
        return reauthenticate(store, session_token(), password)


@cache
def serving_settings() -> ServingSettings:
    """Return the settings of this server's process."""
    text = os.environ.get(SETTINGS_VARIABLE)
    return ServingSettings() if text is None else ServingSettings.from_json(text)


def open_case_id() -> int | None:
    """Return the number of the case in the URL, or None if it names none."""
    text = st.query_params.get(_CASE, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def open_work() -> CaseWorkKind:
    """Return as what the case in the URL is opened; to be read first if the URL does not say."""
    text = st.query_params.get(_WORK, "")
    return CaseWorkKind(text) if text in tuple(CaseWorkKind) else CaseWorkKind.READING


@dataclass(frozen=True, slots=True)
class WantedPage:
    """A page that an interaction asks for, with the parameters of its URL."""

    path: PagePath
    parameters: dict[str, str]


def go_to_case(case_id: int, work: CaseWorkKind = CaseWorkKind.READING) -> None:
    """Open a case at the beginning of the next run, whatever page is shown now."""
    named = {_CASE: str(case_id)}
    if work is not CaseWorkKind.READING:
        named[_WORK] = work.value
    st.session_state[_WANTED] = WantedPage(PagePath.CASE, named)


def go_to_worklist(notice: str = "") -> None:
    """Open the worklist at the beginning of the next run, with a notice."""
    st.session_state[_WANTED] = WantedPage(PagePath.WORKLIST, {})
    st.session_state[_NOTICE] = notice


def go_to_page(path: PagePath) -> None:
    """Open a page at the beginning of the next run."""
    st.session_state[_WANTED] = WantedPage(path, {})


def wanted_page(*, at_root: bool) -> WantedPage | None:
    """Return the page that was asked for, once; also that of a case in an address of before.

    Parameters
    ----------
    at_root : bool
        Whether the page at the root is open: earlier releases showed cases there.
    """
    wanted: WantedPage | None = st.session_state.pop(_WANTED, None)
    if wanted is None and at_root and (case_id := open_case_id()) is not None:
        return WantedPage(PagePath.CASE, {_CASE: str(case_id)})
    return wanted


def take_notice() -> str:
    """Return the notice and clear it, so that it is shown once."""
    return str(st.session_state.pop(_NOTICE, ""))


def address_of_case(case_id: int, work: CaseWorkKind = CaseWorkKind.READING) -> str:
    """Return the address of a case's page, for links."""
    named = f"/{PagePath.CASE}?{_CASE}={case_id}"
    return named if work is CaseWorkKind.READING else f"{named}&{_WORK}={work.value}"
