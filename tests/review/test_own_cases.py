"""What a reader sees of their own work, and histology that came after their decisions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.review.team import (
    ANN,
    BOB,
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
    lock_first_read,
    open_case,
    plant_case,
    report_ungradable,
    sign_off,
    skip_case,
    undo_decision,
)
from triage.review.drafts import save_draft
from triage.review.own_cases import NEW_FOR, Agreement, OwnCases, OwnState, own_cases
from triage.store import LabelSource, Store, add_label
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.review_policies import SignatureMeaning


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = fresh_store(tmp_path)
    never_twice(opened)
    yield opened
    opened.close()


def found_by_histology(store: Store, number: int, *conditions: str, at: object = LATER) -> None:
    with store.transaction() as session:
        for condition in conditions:
            add_label(
                session,
                number,
                condition,
                LabelSource.HISTOLOGY,
                given_by="Lab",
                ai_visible=False,
                at=at,  # type: ignore[arg-type]
            )


def listed(cases: OwnCases) -> tuple[list[int], list[int], list[int]]:
    parts = (cases.in_work, cases.decided, cases.signed)
    return tuple([one.case_id for one in part] for part in parts)  # type: ignore[return-value]


def test_work_is_listed_by_how_far_it_is(store: Store) -> None:
    numbers = [scored(store, f"c{n}") for n in range(4)]
    open_case(store, numbers[0], ANN, at=NOON)
    decided(store, numbers[1])
    decided(store, numbers[2])
    decided(store, numbers[3], BOB)
    sign_off(
        store,
        ANN,
        [numbers[2]],
        SignatureMeaning.AUTHORSHIP,
        printed_name="Ann",
        reauthenticated=True,
    )
    cases = own_cases(store, ANN, at=LATER)
    assert listed(cases) == ([numbers[0]], [numbers[1]], [numbers[2]])
    (open_,), (made,), (signed,) = cases.in_work, cases.decided, cases.signed
    assert (open_.state, made.state, signed.state) == (
        OwnState.IN_WORK,
        OwnState.DECIDED,
        OwnState.SIGNED,
    )
    assert (made.can_undo, signed.can_undo) == (True, False)
    assert made.decision is not None
    assert (made.decision.conditions, made.decision.urgency) == (("melanoma",), Urgency.URGENT)
    assert (cases.decided_in_all, cases.signed_in_all) == (1, 1)
    assert listed(own_cases(store, SUE, at=LATER)) == ([], [], [])


def test_another_spelling_of_the_name_is_the_same_reader(store: Store) -> None:
    decided(store, scored(store))
    same = type(ANN)(" ANN ", ANN.role)
    assert own_cases(store, same).decided == own_cases(store, ANN).decided != ()


def test_cases_left_undecided_and_those_of_others_are_told_apart(store: Store) -> None:
    first, aside, unreadable, over = (scored(store, f"c{n}") for n in range(4))
    for number in (first, aside, unreadable, over):
        open_case(store, number, ANN, at=NOON)
    skip_case(store, aside, ANN, "Tired", at=NOON)
    report_ungradable(store, unreadable, ANN, "Blurred", "Retake", at=NOON)
    open_case(store, over, BOB, at=NOON + timedelta(minutes=20))
    save_draft(store, first, ANN, {"comment": "so far"}, at=LATER)
    cases = own_cases(store, ANN, at=NOON + timedelta(minutes=21))
    assert {one.case_id: one.state for one in cases.in_work} == {
        first: OwnState.IN_WORK,
        aside: OwnState.SET_ASIDE,
        unreadable: OwnState.UNGRADABLE,
        over: OwnState.WITH_ANOTHER,
    }
    assert {one.case_id: one.draft_at for one in cases.in_work if one.draft_at} == {first: LATER}
    decided(store, over, BOB, at=NOON + timedelta(minutes=22))
    assert over not in {one.case_id for one in own_cases(store, ANN).in_work}


def test_an_undone_decision_is_work_again(store: Store) -> None:
    number = scored(store)
    decided(store, number)
    found_by_histology(store, number, "acne")
    undo_decision(store, number, ANN, at=LATER)
    cases = own_cases(store, ANN, at=LATER)
    assert listed(cases) == ([number], [], [])
    assert cases.new_results == ()


def test_histology_that_came_later_is_compared_with_the_decision(store: Store) -> None:
    agrees, differs, partly, before = (scored(store, f"c{n}") for n in range(4))
    found_by_histology(store, before, "acne", at=NOON - timedelta(days=1))
    for number in (agrees, differs, partly, before):
        decided(store, number)
    found_by_histology(store, agrees, "melanoma")
    found_by_histology(store, differs, "acne", at=LATER + timedelta(hours=1))
    found_by_histology(store, partly, "melanoma", "acne", at=LATER + timedelta(hours=2))
    cases = own_cases(store, ANN, at=LATER + timedelta(days=1))
    results = {one.case_id: one.result for one in cases.new_results if one.result}
    assert list(results) == [partly, differs, agrees]
    assert {number: one.agreement for number, one in results.items()} == {
        partly: Agreement.PARTLY,
        differs: Agreement.DIFFERS,
        agrees: Agreement.AGREES,
    }
    assert results[partly].conditions == ("melanoma", "acne")
    assert results[differs].given_by == "Lab"
    assert own_cases(store, BOB, at=LATER).new_results == ()


def test_an_old_result_stays_with_its_case_but_is_not_new(store: Store) -> None:
    number = scored(store)
    decided(store, number)
    found_by_histology(store, number, "acne")
    late = LATER + NEW_FOR + timedelta(seconds=1)
    assert own_cases(store, ANN, at=LATER + NEW_FOR).new_results != ()
    cases = own_cases(store, ANN, at=late)
    assert cases.new_results == ()
    assert cases.decided[0].result is not None


def test_who_adjudicates_is_not_told_the_histology(store: Store) -> None:
    always_twice(store)
    number = scored(store)
    decided(store, number)
    second(store, number, BOB, Urgency.ROUTINE)
    found_by_histology(store, number, "acne", at=LATER + timedelta(minutes=1))
    cases = own_cases(store, ANN, at=LATER + timedelta(minutes=2))
    assert cases.new_results == ()
    (case,) = cases.decided
    assert (case.state, case.result, case.can_undo) == (OwnState.ADJUDICATION, None, False)


def test_a_planted_case_looks_like_any_other(store: Store) -> None:
    plain, planted = scored(store, "c1"), scored(store, "c2", opinion())
    plant_case(store, planted, GOV, conditions=("acne",), urgency=Urgency.ROUTINE)
    for number in (plain, planted):
        decided(store, number)
    cases = {one.case_id: one for one in own_cases(store, ANN, at=LATER).decided}
    told = [(one.state, one.can_undo, one.result) for one in (cases[plain], cases[planted])]
    assert told[0] == told[1]


def test_of_many_the_newest_are_listed_and_all_are_counted(store: Store) -> None:
    numbers = [scored(store, f"c{n}") for n in range(3)]
    for minutes, number in enumerate(numbers):
        decided(store, number, at=NOON + timedelta(minutes=minutes))
    cases = own_cases(store, ANN, limit=2)
    assert [one.case_id for one in cases.decided] == [numbers[2], numbers[1]]
    assert cases.decided_in_all == 3


def test_an_open_second_read_is_no_work_of_the_first_kind(store: Store) -> None:
    always_twice(store)
    number = scored(store)
    decided(store, number)
    second(store, number, BOB)
    assert listed(own_cases(store, BOB)) == ([], [], [])


def test_only_who_reads_cases_has_some(store: Store) -> None:
    with pytest.raises(PermissionDenied):
        own_cases(store, GOV)


def test_a_locked_first_read_is_in_work(store: Store) -> None:
    number = scored(store)
    open_case(store, number, ANN, at=NOON)
    lock_first_read(store, number, ANN, at=NOON, **read())
    assert listed(own_cases(store, ANN, at=NOON)) == ([number], [], [])
