"""Signing decided cases, one or many, with the password again; and the letters of signed ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import streamlit as st

from triage.accounts.sessions import Session, SignInRefused, recently_reauthenticated
from triage.errors import TriageError
from triage.review import CaseToSign, SignOffResult, decided_cases, sign_off
from triage.review.referral_letter import signed_cases
from triage.store import Store
from triage.store.base import utc_now
from triage.vocabulary.case_states import CaseState
from triage.vocabulary.reader_names import reader_key
from triage.vocabulary.review_policies import SignatureMeaning
from ui import frame, html_table
from ui.html_table import Column
from ui.page_paths import PagePath
from ui.session import go_to_worklist, prove_again
from ui.settings import SHORTCUT
from ui.words import (
    CERTAINTIES,
    MEANINGS,
    URGENCIES,
    condition_name,
    date_of,
    escape,
    escape_label,
    follow_up_words,
    plural,
    time_of,
)

_SHOWN = 50
_READ = 500
"""Decided cases that are looked up for the list, those received first."""
_OUTCOME_SHOWN = timedelta(minutes=10)
"""So long it says what became of the cases that were signed."""
_VERSIONS = "versions of cases to sign"
_OUTCOME = "outcome of signing"
_NEW = "outcome not said yet"
_TRIES = "tries of signing"
_ALL = "choose all to sign"
_OWN, _EVERY = "Decided by you", "All"
_MEANING_HELP = {
    SignatureMeaning.AUTHORSHIP: "You decided it, or wrote its addendum.",
    SignatureMeaning.REVIEW: "You have checked it.",
    SignatureMeaning.APPROVAL: "You approve of it.",
}
_STYLE = """
<style>
  .st-key-to-sign [data-testid="stCheckbox"] p { font-weight: 600; }
  .st-key-to-sign [data-testid="stCaptionContainer"] { margin: 0 0 0.6rem;
    padding-left: 1.5rem; }
  .st-key-to-sign [data-testid="stCaptionContainer"] p { margin: 0; }
</style>
"""
_NOTHING_SIGNED = "Nothing was signed; your choice is kept."


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of the cases that were signed last, by name."""

    signed: Mapping[int, str]
    refused: Mapping[str, str]
    meaning: SignatureMeaning
    at: datetime


def show(store: Store, session: Session) -> None:
    """Draw the page."""
    frame.name_window("Sign-off")
    html_table.show_style()
    st.html(_STYLE)
    st.title("Sign-off", anchor=False)
    with st.spinner("Looking up decided cases…", show_time=False):
        cases = decided_cases(store, session.actor, most=_READ)
    if (outcome := st.session_state.get(_OUTCOME)) is not None:
        _show_outcome(outcome)
    if cases:
        _list(store, session, cases)
    else:
        st.info("No decided case waits for a signature.", icon=":material/task_alt:")
        st.button("To the worklist", type="primary", on_click=go_to_worklist)
    _letters(store, session)


def _list(store: Store, session: Session, cases: Sequence[CaseToSign]) -> None:
    own = [case for case in cases if _is_author(case, session)]
    which = st.segmented_control(
        "Cases",
        (_OWN, _EVERY),
        default=_OWN if own else _EVERY,
        required=True,
        format_func=lambda one: f"{one} ({len(own) if one == _OWN else len(cases)})",
        key="which-to-sign",
    )
    listed = (own if which == _OWN else cases)[:_SHOWN]
    if not listed:
        st.info("None of your decisions waits for a signature.", icon=":material/task_alt:")
        return
    st.checkbox(
        f"Choose all {plural(len(listed), 'case', 'cases')} below",
        key=_ALL,
        on_change=_choose_all,
        args=([case.case_id for case in listed],),
    )
    _form(store, session, listed)
    if len(listed) == _SHOWN or len(cases) == _READ:
        st.caption("Those received first. Others follow once these are signed.")
    st.session_state[_VERSIONS] = {case.case_id: case.version for case in listed}


def _form(store: Store, session: Session, listed: Sequence[CaseToSign]) -> None:
    tries = st.session_state.get(_TRIES, 0)
    with st.form("sign-off", enter_to_submit=False):
        with st.container(gap=None, key="to-sign"):
            chosen = [case for case in listed if _is_chosen(case, session)]
        st.header("Your signature", anchor=False)
        meaning: SignatureMeaning | None = st.radio(
            "What it means",
            list(SignatureMeaning),
            index=None,
            format_func=MEANINGS.__getitem__,
            captions=[_MEANING_HELP[one] for one in SignatureMeaning],
            horizontal=True,
            key="meaning",
        )
        left, right = st.columns(2, vertical_alignment="top")
        account = session.account
        name = left.text_input(
            "Name on the signature",
            value=account.printed_name if account else session.actor.name,
            max_chars=200,
            key="printed-name",
        )
        with right:
            # Another key after each try, so that no password stays in the page.
            password = _proof(session, f"password-{tries}")
        refusal = st.empty()
        submitted = st.form_submit_button(
            "Sign the chosen cases",
            type="primary",
            icon=":material/signature:",
            shortcut=SHORTCUT,
        )
    if not submitted:
        return
    problem = _missing(chosen, meaning, name)
    if problem is None and meaning is not None:
        problem = _sign(store, session, chosen, meaning, name, password)
    if problem is not None:
        refusal.error(escape(problem), icon=":material/error:")


def _is_chosen(case: CaseToSign, session: Session) -> bool:
    """Draw a case with the box that chooses it."""
    named = ", ".join(map(condition_name, case.conditions))
    decision = f"{named}, {URGENCIES[case.urgency].lower()}"
    chosen = st.checkbox(escape_label(f"{case.external_id} · {decision}"), key=_key(case))
    st.caption(_details(case, session))
    return chosen


def _details(case: CaseToSign, session: Session) -> str:
    """What is known of a case to sign besides its name and decision."""
    by = ", ".join(
        f"{one} (you)" if reader_key(one) == reader_key(session.actor.name) else one
        for one in case.authors
    )
    facts = " · ".join(
        (
            CERTAINTIES[case.certainty],
            f"decided by {escape(by)}",
            escape(case.source),
            f"received {date_of(case.received_at)}",
        )
    )
    if case.state is CaseState.AMENDED:
        facts = f"**Addendum not signed** · {facts}"
    texts = (
        [] if case.follow_up is None else [f"To follow: {escape(follow_up_words(case.follow_up))}"]
    )
    texts += [f"Comment: {escape(case.comment)}"] if case.comment else []
    texts += [f"Addendum by {escape(one.author)}: {escape(one.text)}" for one in case.addenda]
    return "\n\n".join((facts, *texts))


def _proof(session: Session, key: str) -> str:
    """Ask for what proves who signs, and return what was typed."""
    account = session.account
    if account is None:
        st.caption(
            "No password is asked: this database has no account, so you sign as the local user."
        )
        return ""
    if account.has_password:
        return st.text_input(
            "Your password again", type="password", autocomplete="current-password", key=key
        )
    st.link_button(
        "Sign in again with your provider",
        f"/oidc/reauthenticate?next=/{PagePath.ACCOUNT}",
        icon=":material/open_in_new:",
    )
    st.caption("It opens a tab of its own. Then come back here and sign within two minutes.")
    return ""


def _missing(
    chosen: Sequence[CaseToSign], meaning: SignatureMeaning | None, name: str
) -> str | None:
    if not chosen:
        return "No case is chosen. Tick the cases that you sign."
    if meaning is None:
        return "Choose what your signature means."
    return None if name.strip() else "Give the name that stands on the signature."


def _sign(
    store: Store,
    session: Session,
    chosen: Sequence[CaseToSign],
    meaning: SignatureMeaning,
    name: str,
    password: str,
) -> str | None:
    """Sign, and return why nothing was signed; None if the cases were gone through."""
    account = session.account
    if account is None or account.has_password:
        if account is not None and not password:
            return f"A signature needs your password again. {_NOTHING_SIGNED}"
        try:
            session = prove_again(store, session, password)
        except SignInRefused:
            return (
                f"The password is not right, or signing in is refused for some minutes after "
                f"several wrong ones. {_NOTHING_SIGNED}"
            )
    if not recently_reauthenticated(session, utc_now()):
        return f"Sign in again with your provider first. {_NOTHING_SIGNED}"
    seen: Mapping[int, int] = st.session_state.get(_VERSIONS, {})
    try:
        result = sign_off(
            store,
            session.actor,
            [case.case_id for case in chosen],
            meaning,
            printed_name=name,
            reauthenticated=True,
            versions={case.case_id: seen.get(case.case_id, case.version) for case in chosen},
        )
    except TriageError as refused:
        return f"{refused} {_NOTHING_SIGNED}"
    _remember(result, chosen, meaning)
    st.rerun()


def _remember(
    result: SignOffResult, chosen: Sequence[CaseToSign], meaning: SignatureMeaning
) -> None:
    names = {case.case_id: case.external_id for case in chosen}
    st.session_state[_OUTCOME] = _Outcome(
        {case_id: names[case_id] for case_id in result.signed},
        {names[case_id]: str(refusal) for case_id, refusal in result.refused.items()},
        meaning,
        utc_now(),
    )
    st.session_state[_NEW] = True
    st.session_state[_TRIES] = st.session_state.get(_TRIES, 0) + 1


def _show_outcome(outcome: _Outcome) -> None:
    if utc_now() - outcome.at > _OUTCOME_SHOWN:
        return
    if outcome.signed:
        many = plural(len(outcome.signed), "case is", "cases are")
        said = f"{many} signed as {MEANINGS[outcome.meaning].lower()}."
        st.success(said, icon=":material/check_circle:")
        if st.session_state.pop(_NEW, False):
            st.toast(said, icon=":material/check_circle:")  # in view wherever the page is scrolled
        html_table.show_table(
            "Cases signed just now",
            (Column("Case"), Column("Referral letter")),
            [
                (name, html_table.link("Open the letter", f"/letter/{case_id}"))
                for case_id, name in outcome.signed.items()
            ],
        )
    for name, why in outcome.refused.items():
        st.error(f"**{escape(name)}** is not signed. {escape(why)}", icon=":material/error:")


def _letters(store: Store, session: Session) -> None:
    signed = signed_cases(store, session.actor)
    if not signed:
        return
    st.header("Letters of signed cases", anchor=False)
    html_table.show_table(
        "Cases signed last",
        (Column("Case"), Column("Site"), Column("Signed by"), Column("Signed"), Column("Letter")),
        [
            (
                one.external_id,
                one.site,
                one.printed_name,
                time_of(one.at),
                html_table.link(f"Letter of {one.external_id}", f"/letter/{one.case_id}"),
            )
            for one in signed
        ],
        stacked=True,
    )


def _is_author(case: CaseToSign, session: Session) -> bool:
    """Whether the person may sign a case as the author."""
    authors = (*case.authors, *(one.author for one in case.addenda))
    return reader_key(session.actor.name) in map(reader_key, authors)


def _key(case: CaseToSign) -> str:
    return f"sign-{case.case_id}"


def _choose_all(numbers: Sequence[int]) -> None:
    for number in numbers:
        st.session_state[f"sign-{number}"] = st.session_state[_ALL]
