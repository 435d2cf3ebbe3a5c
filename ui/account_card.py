"""Who is signed in, in the side bar, and the message where nobody is."""

from __future__ import annotations

import streamlit as st

from triage.accounts.sessions import Session, SessionExpired
from ui.words import LOCAL_USER, ROLES, escape


def show(session: Session) -> None:
    """Draw the name, the role and the button that signs out.

    Parameters
    ----------
    session : Session
    """
    account = session.account
    with st.sidebar:
        name = account.printed_name if account is not None else session.actor.name
        st.markdown(f":material/badge: **{escape(name)}**")
        if session.local:
            st.info(LOCAL_USER, icon=":material/no_encryption:")
        elif session.actor.role is not None:
            st.caption(ROLES[session.actor.role])
        st.link_button("Sign out", "/logout", icon=":material/logout:")


def show_ended(ended: SessionExpired) -> None:
    """Draw the refusal of a run without a session, with the way to sign in again.

    Parameters
    ----------
    ended : SessionExpired
    """
    st.error(escape(str(ended)), icon=":material/error:")
    st.link_button("Sign in again", "/login", icon=":material/login:")
