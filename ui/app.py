"""Entry of the reviewer's page; Streamlit runs this file at every interaction."""

from __future__ import annotations

import os

import streamlit as st
from PIL import Image

from triage.accounts import Action, require
from triage.accounts.sessions import SessionExpired
from triage.errors import TriageError
from triage.store import URL_VARIABLE
from ui import account_card, case_page, stale_forms, worklist_page
from ui.session import go_to_worklist, open_case_id, signed_in, store_at
from ui.settings import SHORTCUT, THEME
from ui.words import escape


def main() -> None:
    """Draw the page that the query parameters of the URL select."""
    # Drawn here, because a named icon would be fetched from the network.
    icon = Image.new("RGB", (32, 32), THEME["theme.primaryColor"])
    st.set_page_config(page_title="Triage review", page_icon=icon, layout="wide")
    try:
        session = signed_in()
        account_card.show(session)
        with st.sidebar:
            st.caption(
                "You read each case first alone; the AI's opinion follows. Every step is recorded. "
                f"{SHORTCUT} presses the page's main button."
            )
        require(session.actor, Action.VIEW_CASES)
        store = store_at(os.environ.get(URL_VARIABLE))
        case_id = open_case_id()
        if case_id is None:
            worklist_page.show(store, session.actor)
        else:
            case_page.show(store, case_id, session.actor)
    except SessionExpired as ended:
        account_card.show_ended(ended)
    except TriageError as refusal:
        stale_forms.remember_sent()
        st.error(escape(str(refusal)), icon=":material/error:")
        st.button("To the worklist", on_click=go_to_worklist)


main()
