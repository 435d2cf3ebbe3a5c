"""The page of one case: images and facts, blind first read, reveal, final read.

Before the first read is locked the AI's opinion is not read from the store, so it cannot be sent
to the browser.
"""

from __future__ import annotations

import streamlit as st

from triage.accounts import Actor
from triage.errors import WorkflowError
from triage.modalities import MODALITIES
from triage.review import (
    Certainty,
    OverrideReason,
    decide,
    lock_first_read,
    open_case,
    reveal,
)
from triage.store import Store, get_case, known_conditions
from triage.store.records import ReviewRecord, StoredCase
from ui import opinion_card, read_form
from ui.case_views import CASE_VIEWS
from ui.session import go_to_worklist
from ui.settings import SHORTCUT
from ui.words import (
    CERTAINTIES,
    URGENCIES,
    condition_name,
    escape,
    plain_name,
)


def show(store: Store, case_id: int, actor: Actor) -> None:
    """Draw a case at the step that this reader has reached."""
    with store.reading() as session:
        case = get_case(session, case_id)
        conditions = _conditions(case, known_conditions(session))
    st.button("Back to the worklist", icon=":material/arrow_back:", on_click=go_to_worklist)
    st.title(f"Case {escape(case.external_id)}", anchor=False)
    review = open_case(store, case_id, actor.name)
    view = CASE_VIEWS[case.modality]
    opinion = reveal(store, case_id, actor.name) if review.first is not None else None
    left, right = st.columns(view.columns, gap="large")
    with left:
        view.show_images(case, opinion, view.words)
    with right:
        _facts(case)
        if review.first is None:
            _first_read(store, review, conditions)
        else:
            _locked_first_read(review)
            opinion_card.show(opinion, view.words, view.show_opinion, view.listed_reasons)
            _decision(store, review, conditions)


def _conditions(case: StoredCase, known: tuple[str, ...]) -> tuple[str, ...]:
    """Return what a reader can choose: the diagnoses of the modality, if it has a fixed list.

    Otherwise the conditions that the registered systems know, without such diagnoses.
    """
    if diagnoses := MODALITIES[case.modality].diagnoses:
        return tuple(diagnoses.values())
    fixed = {title for one in MODALITIES.values() for title in one.diagnoses.values()}
    return tuple(condition for condition in known if condition not in fixed)


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


def _first_read(store: Store, review: ReviewRecord, conditions: tuple[str, ...]) -> None:
    st.subheader("Your first read", anchor=False)
    st.caption("Before the AI's opinion. It is stored and cannot be changed afterwards.")
    key = f"first-{review.id}"
    with st.form(key, border=True):
        answers = read_form.ask(conditions, key)
        submitted = st.form_submit_button(
            "Lock my first read and show the AI's opinion",
            type="primary",
            icon=":material/lock:",
            shortcut=SHORTCUT,
        )
    if not submitted:
        return
    given = answers.complete()
    if given is None:
        return
    condition, urgency, certainty = given
    lock_first_read(
        store,
        review.case_id,
        review.reviewer,
        condition=condition,
        urgency=urgency,
        certainty=certainty,
    )
    st.rerun()


def _locked_first_read(review: ReviewRecord) -> None:
    assert review.first is not None, "the first read is locked"
    first = review.first
    st.markdown(
        f":material/lock: Your first read: **{escape(condition_name(first.condition))}**, "
        f"{URGENCIES[first.urgency].lower()}, {CERTAINTIES[Certainty(first.certainty)].lower()}."
    )


def _decision(store: Store, review: ReviewRecord, conditions: tuple[str, ...]) -> None:
    if review.final is not None:
        final = review.final.read
        st.success(
            f"You decided: **{escape(condition_name(final.condition))}**, "
            f"{URGENCIES[final.urgency].lower()}.",
            icon=":material/check_circle:",
        )
        return
    st.subheader("Your decision", anchor=False)
    key = f"final-{review.id}"
    with st.form(key, border=True):
        answers = read_form.ask(conditions, key, start=review.first)
        reason: OverrideReason | None = st.selectbox(
            "Reason, if this differs from the AI's opinion or from your first read",
            list(OverrideReason),
            index=None,
            format_func=lambda code: f"{code.value}  {code.sentence}",
            placeholder="Choose, or type to search",
            key=f"{key}-reason",
        )
        comment = st.text_input("Comment (optional)", max_chars=2000, key=f"{key}-comment")
        submitted = st.form_submit_button(
            "Store my decision", type="primary", icon=":material/check:", shortcut=SHORTCUT
        )
    if not submitted:
        return
    given = answers.complete()
    if given is None:
        return
    condition, urgency, certainty = given
    try:
        decide(
            store,
            review.case_id,
            review.reviewer,
            condition=condition,
            urgency=urgency,
            certainty=certainty,
            reason=reason,
            comment=comment,
        )
    except WorkflowError as refusal:
        st.error(escape(str(refusal)), icon=":material/error:")
        return
    go_to_worklist("Your decision is stored.")
    st.rerun()
