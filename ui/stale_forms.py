"""Forms that were sent after the case had changed: what they held is not lost.

The page that such a form was on is out of date: another tab of the same reader has taken the step,
or another reader has the case now. The form is not drawn any more, so it is not stored either. The
same holds where the database cannot be reached.
"""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from triage.accounts import Actor
from triage.review import ReaderView, taken_up
from triage.store import Store
from ui import read_form
from ui.drafts import draft_answers, keep_draft
from ui.read_form import Answers

_REMEMBERED = "sent but not stored"


def remember_sent() -> None:
    """Remember what was sent in a run that failed, such as while the database is away.

    It is kept with the state of the browser's page, as nothing can be written elsewhere.
    """
    for key in [str(one) for one in st.session_state]:
        prefix = key.removesuffix(read_form.submit_key(""))
        if prefix != key and (answers := read_form.sent(prefix)) is not None:
            st.session_state.setdefault(_REMEMBERED, {})[prefix] = answers


def start_of(store: Store, review: ReaderView, actor: Actor, key: str) -> Answers | None:
    """Return what a form begins with: what was sent and could not be stored, if anything."""
    remembered: dict[str, Answers] = st.session_state.get(_REMEMBERED, {})
    return remembered.pop(key, None) or draft_answers(store, review.case_id, actor, key)


def keep_for_later(store: Store, case_id: int, actor: Actor) -> None:
    """Keep what was sent of a case that is not open for the reader any more."""
    review = taken_up(store, case_id, actor)
    if review is None:
        return
    for key in (read_form.first_key(review), read_form.final_key(review)):
        answers = read_form.sent(key)
        if answers is not None and keep_draft(store, case_id, actor, key, answers):
            st.info(
                "What you have sent was not stored. It is kept, and in the form again when you "
                "open the case the next time.",
                icon=":material/draft:",
            )


def say_what_was_not_stored(store: Store, review: ReaderView, actor: Actor) -> None:
    """Say so where a step was sent that the reader has already taken, with other answers."""
    first = read_form.sent(read_form.first_key(review))
    locked = read_form.of_read(review.first)
    if first is not None and locked is not None and first != locked:
        st.warning(
            "Your first read was locked before, such as in another tab. What you have sent now was "
            "not stored.",
            icon=":material/tab_unselected:",
        )
    final = read_form.sent(read_form.final_key(review))
    if final is None or review.final is None:
        return
    if replace(final, comment=final.comment.strip()) != read_form.of_decision(review.final):
        kept = keep_draft(store, review.case_id, actor, read_form.final_key(review), final)
        st.warning(
            "Your decision was stored before, such as in another tab. What you have sent now was "
            f"not stored{'; it is in the form again if you undo the decision' if kept else ''}.",
            icon=":material/tab_unselected:",
        )


def keep_undone(store: Store, review: ReaderView, actor: Actor) -> None:
    """Let the form begin with the decision that was undone, unless other answers are kept."""
    assert review.final is not None, "there was a decision"
    key = read_form.final_key(review)
    if draft_answers(store, review.case_id, actor, key) is None:
        keep_draft(store, review.case_id, actor, key, read_form.of_decision(review.final))
