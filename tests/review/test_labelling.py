"""The labelling list: what is on it, for whom, as what a case is read, and what it never delays."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

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
from tests.store.make import NOON, opinion, scored
from triage.accounts import PermissionDenied
from triage.review import (
    RefusalCode,
    StepRefused,
    give_second_read,
    next_case,
    open_case,
    open_second_read,
    sign_off,
    worklist_page,
)
from triage.review.case_work import history_of
from triage.review.labelling import labelling_list
from triage.store import Store, WantedLabel, open_label_requests, request_labels
from triage.vocabulary.case_states import CaseState
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.learning import RequestKind
from triage.vocabulary.review_policies import SignatureMeaning

REASON = "Chosen at random, as a control."


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = fresh_store(tmp_path)
    never_twice(opened)
    yield opened
    opened.close()


def ask(store: Store, *numbers: int, kind: RequestKind = RequestKind.SELECTED) -> None:
    with store.transaction() as session:
        wanted = [WantedLabel(number, REASON) for number in numbers]
        request_labels(session, wanted, kind, "random", actor="Eve")


def listed(store: Store, actor: object = ANN) -> list[tuple[int, bool]]:
    found = labelling_list(store, actor, at=LATER)
    return [(one.case_id, one.again) for one in found.items]


def test_the_order_is_that_of_the_choice(store: Store) -> None:
    one, two, three = (scored(store, name) for name in ("c1", "c2", "c3"))
    ask(store, three, one, two)
    assert listed(store) == [(three, False), (one, False), (two, False)]
    assert labelling_list(store, ANN, at=LATER).items[0].reason == REASON


def test_a_reserved_case_is_for_who_has_it(store: Store) -> None:
    number = scored(store, "c1")
    ask(store, number)
    open_case(store, number, ANN, at=LATER)
    assert listed(store) == [(number, False)]
    assert listed(store, BOB) == []
    assert labelling_list(store, BOB, at=LATER).for_others == 1


def test_who_may_see_it(store: Store) -> None:
    with pytest.raises(PermissionDenied):
        labelling_list(store, GOV)


def test_no_urgent_case_is_delayed(store: Store) -> None:
    """The worklist and the next case are the same with requests as without.

    The seed is one of which the next case is not drawn from all that wait.
    """
    routine = scored(store, "c1", opinion(Urgency.ROUTINE), received_at=NOON - timedelta(days=1))
    urgent = scored(store, "c2", opinion(Urgency.URGENT))

    def order() -> tuple[object, object]:
        page = worklist_page(store, ANN, LATER)
        return next_case(store, ANN, LATER, rng=random.Random(2)), page.items

    before = order()
    assert before[0] == urgent
    ask(store, routine)
    assert order() == before


def test_a_decided_case_is_read_again_by_another(store: Store) -> None:
    number = scored(store, "c1")
    decided(store, number)
    with pytest.raises(StepRefused, check=lambda error: error.code is RefusalCode.WRONG_STATE):
        open_second_read(store, number, BOB, at=LATER)
    ask(store, number)  # chosen, but not because the label may be wrong
    assert listed(store, BOB) == []
    ask(store, number, kind=RequestKind.LABEL_ERROR)
    assert listed(store, BOB) == [(number, True)]
    assert listed(store, ANN) == []  # who decided does not read it again
    second(store, number, BOB, urgency=Urgency.SEMI_URGENT)
    assert history_of(store, number).state is CaseState.ADJUDICATION
    with store.reading() as session:
        assert open_label_requests(session) == []
    assert_rows_follow(store)


def test_agreement_leaves_a_decided_case_as_it_is(store: Store) -> None:
    number = scored(store, "c1")
    decided(store, number)
    ask(store, number, kind=RequestKind.LABEL_ERROR)
    second(store, number, BOB)
    history = history_of(store, number)
    assert (history.state, history.counted().reader) == (CaseState.DECIDED, "Ann")
    with pytest.raises(StepRefused):
        open_second_read(store, number, CAT, at=LATER)
    assert listed(store, CAT) == []
    assert_rows_follow(store)


def test_a_signed_case_is_not_read_again(store: Store) -> None:
    number = scored(store, "c1")
    decided(store, number)
    ask(store, number, kind=RequestKind.LABEL_ERROR)
    open_second_read(store, number, BOB, at=LATER)
    sign_off(
        store,
        SUE,
        [number],
        SignatureMeaning.APPROVAL,
        printed_name="Sue",
        reauthenticated=True,
        at=LATER + timedelta(hours=1),
    )
    assert history_of(store, number).state is CaseState.SIGNED
    with pytest.raises(StepRefused):
        give_second_read(store, number, BOB, at=LATER, **read())
    assert listed(store, CAT) == []


def test_a_case_that_waits_for_a_second_read_is_read_so(store: Store) -> None:
    always_twice(store)
    number = scored(store, "c1")
    decided(store, number)
    ask(store, number)
    assert listed(store, BOB) == [(number, True)]
    assert listed(store, ANN) == []
