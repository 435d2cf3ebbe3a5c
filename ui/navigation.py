"""The pages of the site: their titles, addresses, and who may open them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import streamlit as st

from triage.accounts import Action, may
from triage.accounts.sessions import Session
from triage.store import Store
from ui import account_page, add_case_page, case_page, worklist_page
from ui.page_paths import PagePath
from ui.session import wanted_page
from ui.words import escape

ShowPage = Callable[[Store, Session], None]


@dataclass(frozen=True, slots=True)
class PageEntry:
    """One page.

    Parameters
    ----------
    path : PagePath
    title : str
        In the navigation, and of the browser's window unless the page gives another.
    show : callable
        Draws the page. Called with the store and the session of the person who looks at it.
    action : Action, optional
        Permission that the page needs; without one everybody who is signed in may open it.
    listed : bool
        Whether the navigation at the top lists it.
    """

    path: PagePath
    title: str
    show: ShowPage
    action: Action | None = None
    listed: bool = True


PAGES = (
    PageEntry(PagePath.WORKLIST, "Worklist", worklist_page.show, Action.VIEW_CASES),
    PageEntry(PagePath.CASE, "Case", case_page.show, Action.VIEW_CASES, listed=False),
    PageEntry(
        PagePath.ADD_CASE, "Add a case", add_case_page.show, Action.UPLOAD_CASE, listed=False
    ),
)
"""In the order of the navigation."""
ACCOUNT = PageEntry(PagePath.ACCOUNT, "Account and sign out", account_page.show)
"""Listed under the name of the person who is signed in."""


def current_page(store: Store, session: Session) -> Any:
    """Draw the navigation of a person and return the page to draw.

    A page that the person's role does not open is not there for them. Where an interaction asked
    for another page, that one is opened instead.
    """
    entries = [one for one in PAGES if one.action is None or may(session.actor, one.action)]
    # The account's page comes first where the role opens no other: the root needs a page.
    made = {one.path: _page(one, store, session, first=at == 0) for at, one in enumerate(entries)}
    account = _page(ACCOUNT, store, session, first=not made)
    name = session.account.printed_name if session.account else session.actor.name
    listed = list(made.values())
    sections = {"": listed, escape(name): [account]} if listed else [account]
    page = st.navigation(sections, position="top")
    wanted = wanted_page(at_root=page is made.get(PagePath.WORKLIST))
    if wanted is not None and (found := made.get(wanted.path)) is not None:
        st.switch_page(found, query_params=wanted.parameters)
    return page


def _page(entry: PageEntry, store: Store, session: Session, *, first: bool) -> Any:
    def run() -> None:
        entry.show(store, session)

    return st.Page(
        run,
        title=entry.title,
        # The page at the root has no path of its own, but Streamlit wants a name for it.
        url_path=entry.path or "worklist",
        default=first,
        visibility="visible" if entry.listed else "hidden",
    )
