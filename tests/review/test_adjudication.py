"""Adjudication: rounds, who sees what, agreement, and the senior reader."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from tests.review.rows import assert_rows_follow
from tests.review.team import (
    ADMIN,
    ANN,
    BOB,
    CAT,
    GOV,
    LATER,
    RUBRIC,
    SUE,
    always_twice,
    decided,
    fresh_store,
    read,
    second,
)
from tests.store.make import NOON, scored
from triage.accounts import Actor, PermissionDenied, Role
from triage.accounts.accounts import add_account
from triage.ledger.events.review_events import (
    CarriedRead,
    CarriedReview,
    CaseCarriedOver,
    CasePolicy,
    ReadFacts,
)
from triage.review import (
    Certainty,
    RefusalCode,
    StepRefused,
    adjudicate,
    adjudication_view,
    adjudications_waiting,
    decide,
    undo_decision,
)
from triage.review.case_work import history_of
from triage.review.figures.review_figures import review_figures
from triage.store import Store, append_event, labels_for_training
from triage.vocabulary.case_states import CaseState
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.label_sources import LabelSource
from triage.vocabulary.read_answers import OverrideReason
from triage.vocabulary.review_policies import ReadingMode, ReadKind

U, S, R = Urgency.URGENT, Urgency.SEMI_URGENT, Urgency.ROUTINE


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = fresh_store(tmp_path)
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def _pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triage.review.viewable._is_viewable", lambda *_: True)


def refused(code: RefusalCode) -> Any:
    return pytest.raises(StepRefused, check=lambda error: error.code is code)


def disputed(store: Store, rounds: int = 5) -> int:
    """A case on which Ann and Bob are one level apart."""
    always_twice(store, rounds)
    number = scored(store)
    decided(store, number)
    second(store, number, urgency=S)
    return number


def answer(store: Store, number: int, actor: Actor, urgency: Urgency, **more: Any) -> Any:
    rubric = more.pop("rubric", RUBRIC)
    condition = more.pop("condition", "melanoma")
    given = read(urgency, condition) | more
    return adjudicate(store, number, actor, rubric=rubric, at=LATER, **given)


def test_agreement_in_the_first_round(store: Store) -> None:
    number = disputed(store)
    answer(store, number, ANN, S)
    view = answer(store, number, BOB, S)
    assert (view.open, len(view.complete)) == (False, 1)
    history = history_of(store, number)
    assert history.state is CaseState.DECIDED
    assert history.counted().urgency is S
    assert history.authors() == ("Ann", "Bob")
    with store.reading() as session:
        labels = [
            one for one in labels_for_training(session) if one.source is LabelSource.ADJUDICATED
        ]
    assert [(one.condition, one.ai_visible) for one in labels] == [("melanoma", True)]
    assert_rows_follow(store)


def test_the_label_says_whether_anybody_had_seen_the_ai(store: Store) -> None:
    always_twice(store, ai_off_share=1.0)
    number = scored(store)
    decided(store, number)
    second(store, number, urgency=S)
    answer(store, number, ANN, U)
    answer(store, number, BOB, U)
    with store.reading() as session:
        last = labels_for_training(session)[-1]
    assert (last.source, last.ai_visible) == (LabelSource.ADJUDICATED, False)


def test_a_round_is_seen_when_it_is_complete(store: Store) -> None:
    number = disputed(store)
    answer(store, number, ANN, U, comment="look at the border")
    mine = adjudication_view(store, number, ANN)
    assert (mine.own.urgency, mine.complete, mine.in_turn) == (U, (), False)
    other = adjudication_view(store, number, BOB)
    assert (other.own, other.complete, other.in_turn) == (None, (), True)
    answer(store, number, BOB, R)
    for actor, own in ((ANN, U), (BOB, R)):
        view = adjudication_view(store, number, actor)
        assert (view.round, view.own, view.in_turn) == (2, None, True)
        (first,) = view.complete
        assert [one.reader for one in first.answers] == ["Reader 1", "Reader 2"]
        assert {one.urgency for one in first.answers} == {U, R}
        assert [one.urgency for one in first.answers if one.own] == [own]
        assert "Ann" not in repr(view)
        assert "Bob" not in repr(view)


def test_one_answer_a_round(store: Store) -> None:
    number = disputed(store)
    view = answer(store, number, ANN, U)
    assert answer(store, number, ANN, U) == view, "the same answer again changes nothing"
    with refused(RefusalCode.ALREADY_GIVEN):
        answer(store, number, ANN, S)
    with refused(RefusalCode.STALE_VERSION):
        answer(store, number, BOB, S, version=view.version - 1)


def test_one_urgency_and_two_conditions_are_no_agreement(store: Store) -> None:
    number = disputed(store)
    answer(store, number, ANN, U)
    assert answer(store, number, BOB, U, condition="acne").round == 2


def test_others_take_no_part(store: Store) -> None:
    number = disputed(store)
    for actor in (CAT, SUE):
        with refused(RefusalCode.NOT_YOURS):
            answer(store, number, actor, U)
        with refused(RefusalCode.NOT_YOURS):
            adjudication_view(store, number, actor)
    with pytest.raises(PermissionDenied):
        adjudication_view(store, number, GOV)
    assert adjudications_waiting(store, SUE) == adjudications_waiting(store, CAT) == []
    assert [one.case_id for one in adjudications_waiting(store, ANN)] == [number]
    answer(store, number, ANN, U)
    assert adjudications_waiting(store, ANN) == []
    assert [one.round for one in adjudications_waiting(store, BOB)] == [1]


def test_the_rubric_is_needed(store: Store) -> None:
    number = disputed(store)
    for rubric in ({}, RUBRIC | {"asymmetry": "perhaps"}, RUBRIC | {"other": "yes"}):
        with refused(RefusalCode.BAD_RUBRIC):
            answer(store, number, ANN, U, rubric=rubric)
    answer(store, number, ANN, U, rubric=RUBRIC | {"asymmetry": "yes"})
    assert history_of(store, number).reads[-1].facts.rubric["asymmetry"] == "yes"


@pytest.mark.parametrize("rounds", [1, 5])
def test_a_senior_reader_decides_after_the_last_round(store: Store, rounds: int) -> None:
    number = disputed(store, rounds)
    for _ in range(rounds):
        for actor, urgency in ((ANN, U), (BOB, S)):
            with refused(RefusalCode.NOT_YOURS):
                answer(store, number, SUE, R)
            answer(store, number, actor, urgency)
    for actor in (ANN, BOB, CAT):
        with refused(RefusalCode.NOT_YOURS):
            answer(store, number, actor, U)
    with refused(RefusalCode.NOT_INDEPENDENT):
        answer(store, number, Actor("ann ", Role.SENIOR_READER), U)
    assert [one.as_senior for one in adjudications_waiting(store, SUE)] == [True]
    assert len(adjudication_view(store, number, SUE).complete) == rounds
    view = answer(store, number, SUE, R)
    assert (view.open, view.complete[-1].answers[0].reader) == (False, "Senior reader")
    history = history_of(store, number)
    assert (history.state, history.counted().reader) == (CaseState.DECIDED, "Sue")
    assert history.authors() == ("Sue",)
    assert_rows_follow(store)


def test_the_decision_is_not_undone_afterwards(store: Store) -> None:
    number = disputed(store)
    with refused(RefusalCode.WRONG_STATE):
        undo_decision(store, number, ANN, at=LATER)
    answer(store, number, ANN, S)
    answer(store, number, BOB, S)
    with refused(RefusalCode.WRONG_STATE):
        undo_decision(store, number, ANN, at=LATER)


def test_where_one_has_no_account_a_senior_reader_decides(store: Store) -> None:
    number = disputed(store)
    system = Actor("system", None)
    password = "correct horse battery staple 7"
    add_account(store, "Admin", Role.ADMINISTRATOR, by=system, password=password)
    add_account(store, "Ann", Role.READER, by=ADMIN, issuer="https://i.example", subject="1")
    with refused(RefusalCode.NOT_YOURS):
        answer(store, number, ANN, U)
    assert [one.as_senior for one in adjudications_waiting(store, SUE)] == [True]
    answer(store, number, SUE, U)
    assert history_of(store, number).state is CaseState.DECIDED
    assert_rows_follow(store)


def carried_over(
    store: Store,
    *names_and_urgencies: tuple[str, Urgency],
    state: CaseState = CaseState.ADJUDICATION,
) -> int:
    """A case that an earlier release left with several decisions, contradictory by default."""
    number = scored(store)
    with store.transaction() as session:
        reviews = []
        for row, (name, urgency) in enumerate(names_and_urgencies, 1):
            at = NOON.strftime("%Y-%m-%d %H:%M:%S.%f")
            session.execute(
                text(
                    "INSERT INTO review (id, case_id, reviewer, opened_at, revealed_at) "
                    "VALUES (:id, :case, :name, :at, :at)"
                ),
                {"id": 100 + row, "case": number, "name": name, "at": at},
            )
            session.execute(
                text(
                    "INSERT INTO read (id, review_id, kind, conditions, urgency, certainty, "
                    "comment, at) VALUES (:id, :review, 'final', '[\"melanoma\"]', :urgency, "
                    "'sure', '', :at)"
                ),
                {"id": 200 + row, "review": 100 + row, "urgency": urgency, "at": at},
            )
            facts = ReadFacts(200 + row, ("melanoma",), urgency, Certainty.SURE)
            carried = CarriedRead(ReadKind.FINAL, NOON.isoformat(), facts)
            reviews.append(
                CarriedReview(100 + row, name, NOON.isoformat(), NOON.isoformat(), None, (carried,))
            )
        policy = CasePolicy(ReadingMode.BLIND, True)
        append_event(
            session,
            CaseCarriedOver(state, CaseState.INFERRED, None, policy, tuple(reviews)),
            case_id=number,
        )
        session.execute(
            text('UPDATE "case" SET state = :s, policy = :p WHERE id = :c'),
            {
                "s": state,
                "c": number,
                "p": '{"mode": "blind", "priority_visible": true, "drawn_ai_off": false}',
            },
        )
    return number


def test_contradictions_of_an_earlier_release_are_adjudicated(store: Store) -> None:
    number = carried_over(store, ("Ann", U), ("Bob", R), ("Cat", U))
    assert_rows_follow(store)
    for actor in (ANN, BOB, CAT):
        assert [one.case_id for one in adjudications_waiting(store, actor)] == [number]
        view = answer(store, number, actor, S)
    assert not view.open
    assert len(view.complete[0].answers) == 3
    assert history_of(store, number).counted().urgency is S
    assert_rows_follow(store)


def test_a_reader_who_contradicted_themselves_under_two_spellings(store: Store) -> None:
    number = carried_over(store, ("Ann", U), ("ann", R))
    with refused(RefusalCode.NOT_YOURS):
        answer(store, number, ANN, U)
    assert [one.as_senior for one in adjudications_waiting(store, SUE)] == [True]
    assert not answer(store, number, SUE, U).open
    assert history_of(store, number).state is CaseState.DECIDED


def test_a_decision_that_contradicts_one_of_an_earlier_release_is_adjudicated(store: Store) -> None:
    number = carried_over(store, ("Ann", U), ("Bob", U), state=CaseState.DECIDED)
    undo_decision(store, number, ANN, at=LATER)
    decide(store, number, ANN, at=LATER, **read(R, reason=OverrideReason.HISTORY))
    history = history_of(store, number)
    assert history.state is CaseState.ADJUDICATION
    assert history.adjudicators == ("Ann", "Bob")
    assert_rows_follow(store)


def test_undoing_a_decision_that_was_stored_under_two_spellings(store: Store) -> None:
    number = carried_over(store, ("Ann", U), ("ann", U), state=CaseState.DECIDED)
    undo_decision(store, number, ANN, at=LATER)
    assert history_of(store, number).standing(ReadKind.FINAL) == ()
    decide(store, number, ANN, at=LATER, **read(R, reason=OverrideReason.HISTORY))
    assert history_of(store, number).state is CaseState.DECIDED
    assert_rows_follow(store)


def test_an_answer_needs_a_picture(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    number = disputed(store)
    monkeypatch.setattr("triage.review.viewable._is_viewable", lambda *_: False)
    with refused(RefusalCode.NOT_VIEWABLE):
        answer(store, number, ANN, U)


def test_one_of_an_earlier_release_that_is_open_counts_as_opened(store: Store) -> None:
    carried_over(store, ("Ann", U), ("Bob", R))
    closed = review_figures(store, GOV).adjudications.closed
    assert (closed.count, closed.n) == (0, 1)
