"""Who is signed in, the way to sign out, and the message where the session has ended."""

from __future__ import annotations

import streamlit as st

from triage.accounts.sessions import Session, SessionExpired
from triage.store import Store
from ui.words import LOCAL_USER, ROLES, escape


def show(store: Store, session: Session) -> None:
    """Draw the name, the role and the link that signs out."""
    account = session.account
    name = account.printed_name if account is not None else session.actor.name
    st.title("Account", anchor=False)
    st.markdown(f":material/badge: **{escape(name)}**")
    if session.local:
        st.info(LOCAL_USER, icon=":material/no_encryption:")
    elif session.actor.role is not None:
        st.markdown(f"Role: {ROLES[session.actor.role]}")
    st.link_button("Sign out", "/logout", icon=":material/logout:")


def show_ended(ended: SessionExpired) -> None:
    """Draw the refusal of a run without a session, with the way to sign in again."""
    st.error(escape(str(ended)), icon=":material/error:")
    st.link_button("Sign in again", "/login", icon=":material/login:")
