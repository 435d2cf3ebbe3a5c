"""Second reads: by whom, blind to what, and what follows from them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.review.rows import assert_rows_follow
from tests.review.team import (
    ANN,
    BOB,
    CAT,
    GOV,
    LATER,
    SUE,
    always_twice,
    decided,
    fresh_store,
    never_twice,
    read,
    second,
)
from tests.store.make import NOON, scored
from triage.accounts import PermissionDenied
from triage.review import (
    RefusalCode,
    SecondReadView,
    StepRefused,
    decide,
    give_second_read,
    lock_first_read,
    open_case,
    open_second_read,
    reveal,
    second_reads_waiting,
    skip_case,
    taken_up,
    undo_decision,
)
from triage.review.case_work import history_of
from triage.store import Store, events
from triage.store.labels import labels_for_training
from triage.vocabulary.case_states import CaseState
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.read_answers import OverrideReason
from triage.vocabulary.review_policies import ReadKind

DAY = timedelta(days=1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = fresh_store(tmp_path)
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def _pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triage.review.viewable._is_viewable", lambda image, volume: True)


@pytest.fixture
def waiting(store: Store) -> int:
    """A case that Ann has decided and that waits for a second reader."""
    always_twice(store)
    number = scored(store, "c1")
    decided(store, number)
    return number


def refused(code: RefusalCode) -> Any:
    return pytest.raises(StepRefused, check=lambda error: error.code is code)


def test_agreement_leaves_the_decision(store: Store, waiting: int) -> None:
    second(store, waiting)
    history = history_of(store, waiting)
    assert history.state is CaseState.DECIDED
    assert history.counted().reader == "Ann"
    assert_rows_follow(store)


def test_one_level_begins_an_adjudication(store: Store, waiting: int) -> None:
    second(store, waiting, urgency=Urgency.SEMI_URGENT)
    history = history_of(store, waiting)
    assert history.state is CaseState.ADJUDICATION
    assert history.adjudicators == ("Ann", "Bob")
    with store.reading() as session:
        assert [one.kind for one in events(session, waiting)][-2:] == [
            "second_read_given",
            "adjudication_opened",
        ]


def test_the_list_is_of_those_who_have_not_read(store: Store, waiting: int) -> None:
    later = scored(store, "c0", received_at=NOON + DAY)
    earlier = scored(store, "c2", received_at=NOON - DAY)
    for number in (later, earlier):
        decided(store, number, BOB)
    assert [one.case_id for one in second_reads_waiting(store, CAT, at=LATER)] == [
        earlier,
        waiting,
        later,
    ]
    assert [one.case_id for one in second_reads_waiting(store, ANN, at=LATER)] == [earlier, later]
    assert [one.case_id for one in second_reads_waiting(store, BOB, at=LATER)] == [waiting]
    open_second_read(store, waiting, BOB, at=LATER)
    listed = [one.case_id for one in second_reads_waiting(store, CAT, at=LATER)]
    assert listed == [earlier, later]
    assert waiting in [one.case_id for one in second_reads_waiting(store, CAT, at=LATER + DAY)]


def test_governance_gives_no_second_read(store: Store, waiting: int) -> None:
    for step in (second_reads_waiting, lambda s, a: open_second_read(s, waiting, a)):
        with pytest.raises(PermissionDenied):
            step(store, GOV)


def test_who_has_read_it_is_not_independent(store: Store, waiting: int) -> None:
    with refused(RefusalCode.NOT_INDEPENDENT):
        open_second_read(store, waiting, ANN, at=LATER)
    spelled = type(ANN)("  ANN", ANN.role)
    with refused(RefusalCode.NOT_INDEPENDENT):
        give_second_read(store, waiting, spelled, at=LATER, **read())


def test_who_locked_a_first_read_and_left_is_not_independent(store: Store) -> None:
    always_twice(store)
    number = scored(store)
    open_case(store, number, BOB, at=NOON)
    lock_first_read(store, number, BOB, at=NOON, **read())
    skip_case(store, number, BOB, "tired", at=NOON)
    decided(store, number, ANN)
    assert second_reads_waiting(store, BOB, at=LATER) == []
    with refused(RefusalCode.NOT_INDEPENDENT):
        open_second_read(store, number, BOB, at=LATER)


def test_nothing_of_others_is_returned_before(store: Store, waiting: int) -> None:
    view = open_second_read(store, waiting, BOB, at=LATER)
    assert view == SecondReadView(waiting, "Bob", history_of(store, waiting).version)
    assert {field.name for field in fields(view)} == {
        "case_id", "reviewer", "version", "given", "comment",
    }  # fmt: skip
    part = taken_up(store, waiting, BOB)
    assert (part.first, part.final, part.prediction_id, part.revealed_at) == (None,) * 4
    for step in (reveal, open_case):
        with refused(RefusalCode.WRONG_STATE):
            step(store, waiting, BOB, at=LATER)
    with refused(RefusalCode.WRONG_STATE):
        decide(store, waiting, BOB, at=LATER, **read())


def test_it_must_be_opened_and_not_reserved_for_another(store: Store, waiting: int) -> None:
    with refused(RefusalCode.NOT_OPEN):
        give_second_read(store, waiting, BOB, at=LATER, **read())
    open_second_read(store, waiting, BOB, at=LATER)
    with refused(RefusalCode.IN_WORK):
        open_second_read(store, waiting, CAT, at=LATER)
    open_second_read(store, waiting, CAT, at=LATER + DAY)
    with refused(RefusalCode.IN_WORK):
        give_second_read(store, waiting, BOB, at=LATER + DAY, **read())


def test_once_only_and_the_same_again_changes_nothing(store: Store, waiting: int) -> None:
    first = second(store, waiting)
    assert second(store, waiting) == first
    with refused(RefusalCode.ALREADY_GIVEN):
        give_second_read(store, waiting, BOB, at=LATER, **read(Urgency.ROUTINE))
    assert len(history_of(store, waiting).standing(ReadKind.SECOND)) == 1


def test_a_stale_page_is_refused(store: Store, waiting: int) -> None:
    view = open_second_read(store, waiting, BOB, at=LATER)
    undo_decision(store, waiting, ANN, at=LATER + DAY)
    decide(store, waiting, ANN, at=LATER + 2 * DAY, **read())
    with refused(RefusalCode.STALE_VERSION):
        give_second_read(store, waiting, BOB, at=LATER + 3 * DAY, version=view.version, **read())


def test_a_second_read_needs_a_picture_and_a_condition(
    store: Store, waiting: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_second_read(store, waiting, BOB, at=LATER)
    with refused(RefusalCode.NEEDS_CONDITION):
        give_second_read(store, waiting, BOB, at=LATER, **read(conditions=()))
    monkeypatch.setattr("triage.review.viewable.has_viewable_image", lambda case: False)
    with refused(RefusalCode.NOT_VIEWABLE):
        give_second_read(store, waiting, BOB, at=LATER, **read())


def test_it_is_a_blind_label(store: Store, waiting: int) -> None:
    second(store, waiting, urgency=Urgency.URGENT, condition="acne")
    with store.reading() as session:
        labels = labels_for_training(session)
    assert [(one.condition, one.source, one.given_by) for one in labels][-1] == (
        "acne",
        "blind",
        "Bob",
    )


def test_a_decision_made_again_meets_the_second_read(store: Store, waiting: int) -> None:
    second(store, waiting)
    undo_decision(store, waiting, ANN, at=LATER)
    decide(
        store, waiting, ANN, at=LATER + DAY, **read(Urgency.ROUTINE, reason=OverrideReason.HISTORY)
    )
    history = history_of(store, waiting)
    assert (history.state, history.adjudicators) == (CaseState.ADJUDICATION, ("Ann", "Bob"))
    assert_rows_follow(store)


def test_a_second_reader_does_not_become_the_first(store: Store, waiting: int) -> None:
    second(store, waiting)
    undo_decision(store, waiting, ANN, at=LATER)
    skip_case(store, waiting, ANN, "doubt", at=LATER)
    with refused(RefusalCode.NOT_INDEPENDENT):
        open_case(store, waiting, BOB, at=LATER)
    decided(store, waiting, CAT, at=LATER)
    assert history_of(store, waiting).state is CaseState.DECIDED
    with refused(RefusalCode.WRONG_STATE):
        open_second_read(store, waiting, SUE, at=LATER)


def test_no_second_read_where_no_rule_asks_for_one(store: Store) -> None:
    never_twice(store)
    number = scored(store)
    decided(store, number)
    assert history_of(store, number).state is CaseState.DECIDED
    with refused(RefusalCode.WRONG_STATE):
        open_second_read(store, number, BOB, at=LATER)
