"""The page of one case: images and facts, blind first read, reveal, final read.

Before the first read is locked the AI's opinion is not read from the store, so it cannot be sent
to the browser.
"""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from triage.accounts import Actor
from triage.accounts.sessions import Session
from triage.modalities import MODALITIES
from triage.printable import printable
from triage.review import (
    Certainty,
    Opinion,
    OverrideReason,
    ReaderView,
    StepRefused,
    decide,
    lock_first_read,
    open_case,
    reveal,
    taken_up,
    undo_decision,
)
from triage.review.activity import note_activity
from triage.store import Store, get_case, known_conditions
from triage.store.records import StoredCase
from triage.vocabulary.case_states import CaseState
from triage.vocabulary.review_policies import ReadingMode
from ui import earlier_cases, opinion_card, read_form, set_aside_form, stale_forms
from ui.case_views import CASE_VIEWS
from ui.drafts import keep_draft
from ui.frame import name_window
from ui.session import go_to_worklist, open_case_id
from ui.settings import SHORTCUT
from ui.words import (
    CERTAINTIES,
    READ_WITHOUT_AI,
    URGENCIES,
    condition_name,
    escape,
    plain_name,
)


def show(store: Store, session: Session) -> None:
    """Draw a case at the step that this reader has reached."""
    actor = session.actor
    case_id = open_case_id()
    if case_id is None:
        st.info("No case is open.", icon=":material/inbox:")
        st.button("To the worklist", on_click=go_to_worklist)
        return
    with store.reading() as reading:
        case = get_case(reading, case_id)
        conditions = _conditions(case, known_conditions(reading))
    name_window(f"Case {printable(case.external_id)}")
    st.button("Back to the worklist", icon=":material/arrow_back:", on_click=go_to_worklist)
    st.title(f"Case {escape(case.external_id)}", anchor=False)
    try:
        review = open_case(store, case_id, actor)
    except StepRefused as refusal:
        stale_forms.keep_for_later(store, case_id, actor)
        st.warning(escape(str(refusal)), icon=":material/lock_person:")
        return
    note_activity(store, case_id, actor)
    earlier_cases.show(store, case, actor)
    view = CASE_VIEWS[case.modality]
    opinion = None
    if _is_shown(review):
        opinion = reveal(store, case_id, actor)
        review = taken_up(store, case_id, actor) or review  # the reveal is a step of its own
    left, right = st.columns(view.columns, gap="large")
    with left:
        view.show_images(case, opinion, view.words)
    with right:
        _facts(case)
        stale_forms.say_what_was_not_stored(store, review, actor)
        if review.first is None and review.policy.mode is not ReadingMode.CONCURRENT:
            _first_read(store, review, actor, conditions)
        else:
            _locked_first_read(review)
            _opinion(review, opinion, case)
            _decision(store, review, actor, conditions)
        if review.final is None:
            set_aside_form.show(store, review, actor)
    st.session_state[_version_key(review)] = review.version


def _is_shown(review: ReaderView) -> bool:
    """Whether this reader may be shown the AI's opinion now."""
    if review.without_ai:
        return False
    return review.first is not None or review.policy.mode is ReadingMode.CONCURRENT


def _version_key(review: ReaderView) -> str:
    return f"version-{review.id}"


def _version(review: ReaderView) -> int:
    """The version of the case that was on the page when a form was sent."""
    return int(st.session_state.get(_version_key(review), review.version))


def _conditions(case: StoredCase, known: tuple[str, ...]) -> read_form.Choices:
    """Return what a reader can choose: the diagnoses of the modality, if it has a fixed list.

    Otherwise the conditions that the registered systems know, without such diagnoses.
    """
    if diagnoses := MODALITIES[case.modality].diagnoses:
        return read_form.Choices(tuple(diagnoses.values()), several=True)
    fixed = {title for one in MODALITIES.values() for title in one.diagnoses.values()}
    return read_form.Choices(tuple(condition for condition in known if condition not in fixed))


def _facts(case: StoredCase) -> None:
    facts = [
        f"{escape(plain_name(name))} **{escape(str(value))}**"
        for name, value in case.groups.items()
        if value is not None
    ]
    with st.container(border=True, gap="xsmall"):
        st.markdown(f"Received **{case.received_at:%d %B %Y, %H:%M} UTC**")
        if facts:
            st.markdown(" · ".join(facts))


def _first_read(
    store: Store, review: ReaderView, actor: Actor, conditions: read_form.Choices
) -> None:
    st.subheader("Your first read", anchor=False)
    st.caption("Before the AI's opinion. It is stored and cannot be changed afterwards.")
    key = read_form.first_key(review)
    start = stale_forms.start_of(store, review, actor, key)
    with st.form(key, border=True):
        answers = read_form.ask(conditions, key, start=start)
        submitted = st.form_submit_button(
            "Lock my first read"
            if review.without_ai
            else "Lock my first read and show the AI's opinion",
            type="primary",
            icon=":material/lock:",
            shortcut=SHORTCUT,
            key=read_form.submit_key(key),
        )
    if not submitted:
        return
    given = answers.complete()
    if given is None:
        return
    try:
        lock_first_read(
            store,
            review.case_id,
            actor,
            conditions=given.conditions,
            urgency=given.urgency,
            certainty=given.certainty,
            version=_version(review),
        )
    except StepRefused as refusal:
        keep_draft(store, review.case_id, actor, key, answers)
        st.error(escape(str(refusal)), icon=":material/error:")
        return
    st.rerun()


def _locked_first_read(review: ReaderView) -> None:
    if review.first is None:
        return
    first = review.first
    named = ", ".join(escape(condition_name(one)) for one in first.conditions)
    st.markdown(
        f":material/lock: Your first read: **{named}**, "
        f"{URGENCIES[first.urgency].lower()}, {CERTAINTIES[Certainty(first.certainty)].lower()}."
    )


def _opinion(review: ReaderView, opinion: Opinion | None, case: StoredCase) -> None:
    if review.without_ai:
        with st.container(border=True):
            st.subheader("AI opinion", anchor=False)
            st.info(READ_WITHOUT_AI, icon=":material/visibility_off:")
        return
    view = CASE_VIEWS[case.modality]
    opinion_card.show(opinion, view.words, view.show_opinion, view.listed_reasons)


def _decision(
    store: Store, review: ReaderView, actor: Actor, conditions: read_form.Choices
) -> None:
    if review.final is not None:
        _decided(store, review, actor)
        return
    st.subheader("Your decision", anchor=False)
    key = read_form.final_key(review)
    start = stale_forms.start_of(store, review, actor, key) or read_form.of_read(review.first)
    with st.form(key, border=True):
        answers = read_form.ask(conditions, key, start=start)
        reasons = list(OverrideReason)
        reason: OverrideReason | None = st.selectbox(
            "Reason, if this differs from your first read"
            if review.without_ai
            else "Reason, if this differs from the AI's opinion or from your first read",
            reasons,
            index=reasons.index(start.reason) if start and start.reason else None,
            format_func=lambda code: f"{code.value}  {code.sentence}",
            placeholder="Choose, or type to search",
            key=f"{key}-reason",
        )
        comment = st.text_area(
            "Comment (optional)", value=start.comment if start else "", key=f"{key}-comment"
        )
        submitted = st.form_submit_button(
            "Store my decision",
            type="primary",
            icon=":material/check:",
            shortcut=SHORTCUT,
            key=read_form.submit_key(key),
        )
    if not submitted:
        return
    given = answers.complete()
    if given is None:
        return
    try:
        decide(
            store,
            review.case_id,
            actor,
            conditions=given.conditions,
            urgency=given.urgency,
            certainty=given.certainty,
            reason=reason,
            comment=comment,
            version=_version(review),
        )
    except StepRefused as refusal:
        answers = replace(answers, reason=reason, comment=comment)
        keep_draft(store, review.case_id, actor, key, answers)
        st.error(escape(str(refusal)), icon=":material/error:")
        return
    go_to_worklist("Your decision is stored.")
    st.rerun()


def _decided(store: Store, review: ReaderView, actor: Actor) -> None:
    assert review.final is not None, "the reader has decided"
    final = review.final.read
    named = ", ".join(escape(condition_name(one)) for one in final.conditions)
    st.success(
        f"You decided: **{named}**, {URGENCIES[final.urgency].lower()}.",
        icon=":material/check_circle:",
    )
    if review.state not in (CaseState.DECIDED, CaseState.SECOND_READ):
        return
    if st.button("Undo my decision", icon=":material/undo:", key=f"undo-{review.id}"):
        try:
            undo_decision(store, review.case_id, actor)
        except StepRefused as refusal:
            st.error(escape(str(refusal)), icon=":material/error:")
            return
        stale_forms.keep_undone(store, review, actor)
        st.rerun()
