"""The page of one case: its images, and beside them the panel that takes the reader's steps.

Before the first read is locked the AI's opinion is not read from the store, so it cannot be sent
to the browser.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from triage.accounts import Action, Actor, may
from triage.accounts.sessions import Session
from triage.modalities import MODALITIES
from triage.printable import printable
from triage.review import (
    RUBRICS,
    Opinion,
    ReaderView,
    StepRefused,
    adjudication_view,
    open_case,
    open_second_read,
    reveal,
    taken_up,
)
from triage.review.activity import note_activity
from triage.review.drafts import draft_of
from triage.review.policies import site_policy
from triage.store import Store, get_case, known_conditions
from triage.store.records import StoredCase
from triage.vocabulary.reserved_names import is_reserved
from triage.vocabulary.review_policies import ReadingMode
from ui import earlier_cases
from ui.case_layout import case_columns
from ui.case_views import CASE_VIEWS
from ui.components import decision_panel
from ui.frame import name_window
from ui.opening_next import open_next
from ui.opinion_content import opinion_content, without_ai
from ui.page_paths import PagePath
from ui.panel_content import (
    Choices,
    PanelCase,
    adjudication_content,
    reading_content,
    second_read_content,
)
from ui.serving.sessions import account_key
from ui.session import CaseWorkKind, go_to_page, go_to_worklist, open_case_id, open_work
from ui.similar_cases import similar_cases_content
from ui.words import escape, plain_name

_LEFT = {
    "skip": "The case is left to others.",
    "cannot-grade": "The case is reported as one that cannot be graded.",
    "hand-over": "The case is handed over.",
}
"""By the step with which a case is left: what the worklist says then."""


_LISTS = {
    CaseWorkKind.SECOND_READ: PagePath.SECOND_READS,
    CaseWorkKind.ADJUDICATION: PagePath.ADJUDICATION,
}
"""By the kind of work that is no first reading: the page with the cases that wait for it."""


@dataclass(frozen=True, slots=True)
class _Work:
    """What is shown of a case: the content of the panel, and the opinion beside the images."""

    content: Mapping[str, Any]
    opinion: Opinion | None = None


def show(store: Store, session: Session) -> None:
    """Draw a case at the step that this reader has reached."""
    actor = session.actor
    case_id = open_case_id()
    if case_id is None:
        st.title("Case", anchor=False)
        st.info("No case is open.", icon=":material/inbox:")
        st.button("To the worklist", on_click=go_to_worklist)
        return
    with store.reading() as reading:
        case = get_case(reading, case_id)
        choices = _choices(case, known_conditions(reading))
    name_window(f"Case {printable(case.external_id)}")
    header = _header(case)
    kind = open_work()
    panel = PanelCase(
        case.id,
        choices,
        draft_of(store, case_id, actor),
        datetime.now(UTC).date(),
        account=account_key(session),
    )
    try:
        work = _WORKS[kind](store, case, actor, panel)
    except StepRefused as refusal:
        st.warning(escape(str(refusal)), icon=":material/lock_person:")
        if panel.draft is not None:
            st.info(
                "What you have answered is kept, and in the form again when you open the case.",
                icon=":material/draft:",
            )
        st.button("To the worklist", on_click=go_to_worklist)
        return
    with header:
        earlier_cases.show(store, case, actor)
    view = CASE_VIEWS[case.modality]
    images, beside = case_columns(view.columns)
    with beside:
        decision_panel.show(
            work.content,
            key=f"panel-{case_id}-{kind}",
            on_wish=lambda to, step: _follow(store, actor, kind, to, step),
        )
    with images:
        view.show_images(case, work.opinion, view.words)


def _header(case: StoredCase) -> DeltaGenerator:
    facts = [
        f"{escape(plain_name(name))} **{escape(str(value))}**"
        for name, value in case.groups.items()
        if value is not None
    ]
    if not is_reserved(case.patient):
        facts.insert(0, f"Patient **{escape(case.patient)}**")
    facts.append(f"Received **{case.received_at:%d %B %Y, %H:%M} UTC**")
    facts.append(escape(case.source))
    header = st.container(horizontal=True, vertical_alignment="center", key="case-header")
    with header:
        st.title(f"Case {escape(case.external_id)}", anchor=False, width="content")
        st.markdown(" · ".join(facts), width="content")
    return header


def _choices(case: StoredCase, known: tuple[str, ...]) -> Choices:
    """Return what a reader can choose: the diagnoses of the modality, if it has a fixed list.

    Otherwise the conditions that the registered systems know, without such diagnoses.
    """
    if diagnoses := MODALITIES[case.modality].diagnoses:
        return Choices(tuple(diagnoses.values()), several=True)
    fixed = {title for one in MODALITIES.values() for title in one.diagnoses.values()}
    return Choices(tuple(condition for condition in known if condition not in fixed))


def _reading(store: Store, case: StoredCase, actor: Actor, panel: PanelCase) -> _Work:
    review = open_case(store, case.id, actor)
    note_activity(store, case.id, actor)
    opinion, shown = None, None
    view = CASE_VIEWS[case.modality]
    if _is_shown(review):
        opinion = reveal(store, case.id, actor)
        review = taken_up(store, case.id, actor) or review  # the reveal is a step of its own
        shown = opinion_content(
            opinion,
            view.words,
            concurrent=view.concurrent,
            listed_reasons=view.listed_reasons,
        )
    elif review.without_ai and review.first is not None:
        shown = without_ai()
    specialist_by = None
    if opinion is not None and opinion.abstained:
        specialist_by = _specialist_by(store, case, opinion)
    if review.final is not None:
        similar = similar_cases_content(store, case.id, actor, view.words)
        panel = replace(panel, similar=similar)
    content = reading_content(
        panel,
        review,
        shown,
        specialist_by=specialist_by,
        may_sign=may(actor, Action.SIGN),
    )
    return _Work(content, opinion)


def _specialist_by(store: Store, case: StoredCase, opinion: Opinion) -> date:
    """Return the day until which a specialist is to see a case: its deadline, or today if past."""
    with store.reading() as session:
        deadlines = site_policy(session, case.source).deadlines
    due = case.received_at + deadlines.of(opinion.decision.queue_urgency)
    return max(due.date(), datetime.now(UTC).date())


def _is_shown(review: ReaderView) -> bool:
    """Whether this reader may be shown the AI's opinion now."""
    if review.without_ai:
        return False
    return review.first is not None or review.policy.mode is ReadingMode.CONCURRENT


def _second_read(store: Store, case: StoredCase, actor: Actor, panel: PanelCase) -> _Work:
    view = open_second_read(store, case.id, actor)
    note_activity(store, case.id, actor)
    return _Work(second_read_content(panel, view))


def _adjudication(store: Store, case: StoredCase, actor: Actor, panel: PanelCase) -> _Work:
    view = adjudication_view(store, case.id, actor)
    note_activity(store, case.id, actor)
    return _Work(adjudication_content(panel, view, RUBRICS[case.modality]))


_WORKS: Mapping[CaseWorkKind, Callable[[Store, StoredCase, Actor, PanelCase], _Work]] = {
    CaseWorkKind.READING: _reading,
    CaseWorkKind.SECOND_READ: _second_read,
    CaseWorkKind.ADJUDICATION: _adjudication,
}


def _follow(store: Store, actor: Actor, kind: CaseWorkKind, to: str, step: str) -> None:
    """Go where the reader wants to; after a step the page of the case is only drawn anew."""
    if to == "left":
        go_to_worklist(_LEFT.get(step, ""))
    elif to == "worklist":
        go_to_worklist()
    elif to == "next" and (path := _LISTS.get(kind)) is not None:
        go_to_page(path)
    elif to == "next":
        _go_to_next(store, actor)


def _go_to_next(store: Store, actor: Actor) -> None:
    if open_next(store, actor):
        go_to_worklist("No other case is free for you now.")
