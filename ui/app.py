"""Entry of the reviewer's pages; Streamlit runs this file at every interaction."""

from __future__ import annotations

import os

import streamlit as st

from triage.accounts.sessions import SessionExpired
from triage.errors import TriageError
from triage.store import URL_VARIABLE
from ui import account_page, frame, navigation
from ui.session import go_to_worklist, signed_in, store_at
from ui.words import escape


def main() -> None:
    """Draw the page of the address."""
    frame.begin()
    try:
        session = signed_in()
        store = store_at(os.environ.get(URL_VARIABLE))
        page = navigation.current_page(store, session)
        page.run()
    except SessionExpired as ended:
        account_page.show_ended(ended)
    except TriageError as refusal:
        st.error(escape(str(refusal)), icon=":material/error:")
        st.button("To the worklist", on_click=go_to_worklist)


main()
