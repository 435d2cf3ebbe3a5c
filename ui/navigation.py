"""The pages of the site: their titles, addresses, and who may open them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import streamlit as st

from triage.accounts import Action, Actor, may
from triage.accounts.sessions import Session
from triage.store import Store
from ui import (
    account_page,
    add_case_page,
    adjudication_page,
    audit_cases_page,
    audits_page,
    case_page,
    governance_page,
    help_page,
    labelling_page,
    model_card_page,
    models_page,
    monitoring_page,
    my_cases_page,
    second_reads_page,
    sign_off_page,
    worklist_page,
)
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
    actions : tuple of Action
        Permissions of which one opens the page; without any everybody who is signed in may open it.
    listed : bool
        Whether the navigation at the top lists it.
    """

    path: PagePath
    title: str
    show: ShowPage
    actions: tuple[Action, ...] = ()
    listed: bool = True

    def is_open_to(self, actor: Actor) -> bool:
        """Whether a person's role opens the page."""
        return not self.actions or any(may(actor, action) for action in self.actions)


PAGES = (
    PageEntry(PagePath.WORKLIST, "Worklist", worklist_page.show, (Action.VIEW_CASES,)),
    PageEntry(PagePath.CASE, "Case", case_page.show, (Action.VIEW_CASES,), listed=False),
    PageEntry(
        PagePath.ADD_CASE, "Add a case", add_case_page.show, (Action.UPLOAD_CASE,), listed=False
    ),
    PageEntry(PagePath.MY_CASES, "My cases", my_cases_page.show, (Action.READ_CASE,)),
    PageEntry(
        PagePath.SECOND_READS, "Second reads", second_reads_page.show, (Action.GIVE_SECOND_READ,)
    ),
    PageEntry(PagePath.LABELLING, "Labelling", labelling_page.show, (Action.READ_CASE,)),
    PageEntry(PagePath.ADJUDICATION, "Adjudication", adjudication_page.show, (Action.ADJUDICATE,)),
    PageEntry(PagePath.SIGN_OFF, "Sign-off", sign_off_page.show, (Action.SIGN,)),
    PageEntry(
        PagePath.GOVERNANCE, "Governance", governance_page.show, (Action.VIEW_REVIEW_FIGURES,)
    ),
    PageEntry(PagePath.MONITORING, "Monitoring", monitoring_page.show, (Action.MONITOR,)),
    PageEntry(PagePath.AUDITS, "Audits", audits_page.show, (Action.AUDIT,)),
    PageEntry(
        PagePath.AUDIT_CASES,
        "Cases of an audit",
        audit_cases_page.show,
        (Action.AUDIT,),
        listed=False,
    ),
    PageEntry(
        PagePath.MODELS, "Models", models_page.show, (Action.VIEW_CASES, Action.CHANGE_MODELS)
    ),
    PageEntry(
        PagePath.MODEL_CARD, "Model card", model_card_page.show, (Action.AUDIT,), listed=False
    ),
    PageEntry(PagePath.HELP, "Help", help_page.show),
)
"""In the order of the navigation."""
ACCOUNT = PageEntry(PagePath.ACCOUNT, "Account and sign out", account_page.show)
"""Listed under the name of the person who is signed in."""


def current_page(store: Store, session: Session) -> Any:
    """Draw the navigation of a person and return the page to draw.

    A page that the person's role does not open is not there for them. Where an interaction asked
    for another page, that one is opened instead.
    """
    entries = [one for one in PAGES if one.is_open_to(session.actor)]
    # The root needs a page: of a role that sees no cases it is the first of those it opens.
    made = {one.path: _page(one, store, session, first=at == 0) for at, one in enumerate(entries)}
    account = _page(ACCOUNT, store, session, first=False)
    name = session.account.printed_name if session.account else session.actor.name
    page = st.navigation({"": list(made.values()), escape(name): [account]}, position="top")
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
