"""Steps that are sent again because their answer was lost, after others have gone on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.review.team import (
    ADMIN,
    ANN,
    BOB,
    LATER,
    RUBRIC,
    always_twice,
    decided,
    fresh_store,
    read,
    second,
)
from tests.store.make import NOON, scored
from triage.accounts.accounts import add_account
from triage.review import (
    StepRefused,
    adjudicate,
    hand_over,
    open_case,
    report_ungradable,
    skip_case,
    undo_decision,
)
from triage.review.case_work import history_of
from triage.store import Store, events
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.event_types import EventType

U, S, R = Urgency.URGENT, Urgency.SEMI_URGENT, Urgency.ROUTINE


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = fresh_store(tmp_path)
    yield opened
    opened.close()


def counted(store: Store, number: int) -> Counter[str]:
    with store.reading() as session:
        return Counter(one.kind for one in events(session, number))


def test_a_case_that_was_left_is_left_once_though_another_reader_has_it_now(store: Store) -> None:
    number = scored(store)
    version = open_case(store, number, ANN, at=NOON).version
    skip_case(store, number, ANN, "not mine", version=version, at=NOON)
    open_case(store, number, BOB, at=LATER)
    skip_case(store, number, ANN, " not mine ", version=version, at=LATER)
    with pytest.raises(StepRefused):
        skip_case(store, number, ANN, "another reason", version=version, at=LATER)
    with pytest.raises(StepRefused):
        skip_case(store, number, ANN, "not mine", at=LATER)
    assert counted(store, number)[EventType.CASE_SKIPPED] == 1
    assert history_of(store, number).active == "Bob"


def test_a_case_that_cannot_be_graded_is_reported_once(store: Store) -> None:
    number = scored(store)
    version = open_case(store, number, ANN, at=NOON).version
    report_ungradable(store, number, ANN, "dark", "Retake", version=version, at=NOON)
    open_case(store, number, BOB, at=LATER)
    report_ungradable(store, number, ANN, "dark", "Retake", version=version, at=LATER)
    assert counted(store, number)[EventType.CASE_UNGRADABLE] == 1


def test_a_case_that_came_back_is_handed_over_again(store: Store) -> None:
    for actor in (ADMIN, ANN, BOB):
        add_account(store, actor.name, actor.role, by=ADMIN, issuer="https://i.example",
                    subject=actor.name)  # fmt: skip
    number = scored(store)
    version = open_case(store, number, ANN, at=NOON).version
    hand_over(store, number, ANN, "Bob", version=version, at=NOON)
    taken = open_case(store, number, BOB, at=NOON).version
    hand_over(store, number, ANN, "Bob", version=version, at=NOON)
    hand_over(store, number, BOB, "Ann", version=taken, at=NOON)
    hand_over(store, number, ANN, "Bob", version=version, at=NOON)
    assert counted(store, number)[EventType.CASE_HANDED_OVER] == 2, "sent again, nothing new"
    seen = open_case(store, number, ANN, at=NOON).version
    hand_over(store, number, ANN, "Bob", version=seen, at=NOON)
    assert counted(store, number)[EventType.CASE_HANDED_OVER] == 3


def test_a_decision_is_undone_once_though_another_has_taken_its_place(store: Store) -> None:
    number = scored(store)
    decided(store, number)
    version = history_of(store, number).version
    undo_decision(store, number, ANN, version=version, at=LATER)
    decided(store, number, urgency=S, at=LATER)
    undo_decision(store, number, ANN, version=version, at=LATER)
    assert counted(store, number)[EventType.DECISION_UNDONE] == 1
    assert history_of(store, number).state is not None
    undo_decision(store, number, ANN, version=history_of(store, number).version, at=LATER)
    assert counted(store, number)[EventType.DECISION_UNDONE] == 2


def test_an_answer_of_a_round_is_taken_once_though_the_next_has_begun(store: Store) -> None:
    always_twice(store)
    number = scored(store)
    decided(store, number)
    second(store, number, urgency=S)
    version = history_of(store, number).version
    given = read(U, rubric=RUBRIC, comment="as before")
    adjudicate(store, number, ANN, version=version, at=LATER, **given)
    adjudicate(store, number, BOB, at=LATER, **read(R, rubric=RUBRIC))
    assert history_of(store, number).round == 2
    adjudicate(store, number, ANN, version=version, at=LATER, **given)
    assert counted(store, number)[EventType.ADJUDICATION_READ] == 2
    now = history_of(store, number).version
    adjudicate(store, number, ANN, version=now, at=LATER, **given)
    assert counted(store, number)[EventType.ADJUDICATION_READ] == 3
