"""The way of a case from a planted answer to its export, on SQLite and PostgreSQL."""

from __future__ import annotations

import pytest

from tests.review.rows import assert_rows_follow
from tests.review.team import (
    ANN,
    BOB,
    GOV,
    LATER,
    RUBRIC,
    SUE,
    decided,
    read,
    second,
    waiting_items,
)
from tests.store.make import opinion, scored
from triage.review import (
    add_addendum,
    adjudicate,
    adjudication_view,
    adjudications_waiting,
    decided_cases,
    mark_exported,
    plant_case,
    planted_results,
    second_reads_waiting,
    sign_off,
    verify_signature,
)
from triage.review.case_work import history_of
from triage.review.policies import SecondReadPolicy, SitePolicy, set_site_policy
from triage.store import Store
from triage.vocabulary.case_states import CaseState
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.read_answers import OverrideReason
from triage.vocabulary.review_policies import SignatureMeaning


def test_the_whole_way(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triage.review.viewable._is_viewable", lambda *_: True)
    never = SitePolicy(
        priority_visible=True, second_reads=SecondReadPolicy(random_share=0.0, rounds=1)
    )
    set_site_policy(store, "clinic", never, GOV)
    number = scored(store)
    wrong = opinion(Urgency.OBSERVATION, condition="acne")
    plant_case(
        store, number, GOV, conditions=("melanoma",), urgency=Urgency.URGENT, wrong_opinion=wrong
    )
    assert [one.band for one in waiting_items(store, LATER)] == [wrong.queue_urgency]
    decided(store, number, ANN, reason=OverrideReason.MISSED_FINDING)
    assert [one.case_id for one in second_reads_waiting(store, BOB)] == [number]
    assert second_reads_waiting(store, ANN) == []
    second(store, number, BOB, Urgency.ROUTINE)
    assert [one.case_id for one in adjudications_waiting(store, ANN)] == [number]
    for actor, urgency in (
        (ANN, Urgency.URGENT),
        (BOB, Urgency.ROUTINE),
        (SUE, Urgency.SEMI_URGENT),
    ):
        adjudicate(store, number, actor, rubric=RUBRIC, at=LATER, **read(urgency))
    assert len(adjudication_view(store, number, BOB).complete) == 2
    assert [one.authors for one in decided_cases(store, SUE)] == [("Sue",)]
    meaning = SignatureMeaning.AUTHORSHIP
    for text in ("first", "second", None):
        sign_off(
            store, SUE, [number], meaning, printed_name="Sue S.", reauthenticated=True, at=LATER
        )
        if text is not None:
            add_addendum(store, number, SUE, text, at=LATER)
    mark_exported(store, number, GOV, "archive", "a" * 64, at=LATER)
    checks = verify_signature(store, number)
    assert [(one.holds, one.current) for one in checks] == [(True, False)] * 2 + [(True, True)]
    assert history_of(store, number).state is CaseState.EXPORTED
    assert [(one.reader, one.right, one.wrong) for one in planted_results(store, GOV)] == [
        ("Ann", 1, 0),
        ("Bob", 0, 1),
    ]
    assert_rows_follow(store)
