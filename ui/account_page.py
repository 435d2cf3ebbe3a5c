"""Who is signed in, what they may do, the way to sign out, and the end of a session."""

from __future__ import annotations

import streamlit as st

from triage.accounts import Action, may
from triage.accounts.session import DEFAULT_LIMITS
from triage.accounts.sessions import Session, SessionExpired
from triage.store import Store
from triage.store.base import utc_now
from ui import frame
from ui.words import LOCAL_USER, ROLES, duration, escape, time_of

PERMITTED = {
    Action.VIEW_CASES: "see the worklist and the pictures",
    Action.READ_CASE: "read cases and decide",
    Action.GIVE_SECOND_READ: "give second reads",
    Action.ADJUDICATE: "answer in adjudications",
    Action.ADJUDICATE_AS_SENIOR: "end an adjudication without agreement",
    Action.SIGN: "sign decided cases and addenda",
    Action.ADD_LABEL: "give a case a label outside of a review",
    Action.EXPORT_CASE: "give signed cases to other systems",
    Action.VIEW_REVIEW_FIGURES: "see the figures of reviews",
    Action.AUDIT: "plan, run and read audits of subgroups",
    Action.SET_POLICY: "set the review policy of a site",
    Action.PLANT_CASE: "put cases with a known answer among the others",
    Action.UPLOAD_CASE: "add a case from files in the browser",
    Action.ADD_CASES: "add cases and have them scored",
    Action.CHANGE_MODELS: "register systems, propose them, put one in shadow, go back to one",
    Action.APPROVE_MODELS: "approve or reject the system that another account proposes",
    Action.SELECT_CASES: "choose the cases that are to be labelled next",
    Action.WITHDRAW_DATA: "withdraw the consent of a patient, or delete what is stored of one",
    Action.MONITOR: "plan and run monitoring, and see its charts",
    Action.HANDLE_ALARMS: "assign and close alarms of monitoring",
    Action.MANAGE_DATABASE: "upgrade and restore the database",
    Action.MANAGE_ACCOUNTS: "add accounts and change them",
}


def show(store: Store, session: Session) -> None:
    """Draw the name, the role and what it allows, the session, and the link that signs out."""
    frame.name_window("Account")
    account, actor = session.account, session.actor
    name = account.printed_name if account is not None else actor.name
    st.title("Account", anchor=False)
    with st.container(border=True):
        st.markdown(f":material/badge: **{escape(name)}**")
        if account is not None and account.name != name:
            st.caption(f"Signed in as {escape(account.name)}")
        if session.local:
            st.info(LOCAL_USER, icon=":material/no_encryption:")
        elif actor.role is not None:
            st.markdown(f"Role: **{ROLES[actor.role]}**")
        st.link_button("Sign out", "/logout", icon=":material/logout:")
    st.header("Your session", anchor=False)
    left = duration(session.expires_at - utc_now())
    st.markdown(
        f"- Without a step it ends after **{duration(DEFAULT_LIMITS.idle)}**.\n"
        f"- In any case it ends on **{time_of(session.expires_at)}**, in {left}.\n"
        "- It ends at once if you sign out, or if your account gets another role or password."
    )
    st.caption("What is stored is kept; what you have typed is kept where the page can.")
    _permissions(session)
    _password(session)


def _permissions(session: Session) -> None:
    st.header("What you may do", anchor=False)
    allowed = [words for action, words in PERMITTED.items() if may(session.actor, action)]
    st.markdown("\n".join(f"- {one[:1].upper()}{one[1:]}" for one in allowed))


def _password(session: Session) -> None:
    if session.account is None:
        return
    st.header("Password", anchor=False)
    if session.account.has_password:
        st.markdown(
            "Change it on the command line, `triage user passwd`, or ask an administrator for "
            "another one."
        )
    else:
        st.markdown("You sign in through your institution's provider, which has your password.")


def show_ended(ended: SessionExpired) -> None:
    """Draw the refusal of a run without a session, with the way to sign in again."""
    st.error(escape(str(ended)), icon=":material/error:")
    st.link_button("Sign in again", "/login", icon=":material/login:")
