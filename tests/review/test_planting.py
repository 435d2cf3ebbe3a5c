"""Planted cases: what readers see of them, and what they must not influence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.review.rows import assert_rows_follow
from tests.review.team import (
    ANN,
    BOB,
    GOV,
    LATER,
    always_twice,
    decided,
    fresh_store,
    never_twice,
    read,
    second,
    show_priority,
    waiting_items,
)
from tests.store.make import NOON, abstention, bundle, opinion, scored
from triage.accounts import PermissionDenied
from triage.decision import Decision
from triage.errors import UsageError
from triage.review import (
    RefusalCode,
    StepRefused,
    decide,
    lock_first_read,
    open_case,
    plant_case,
    planted_results,
    reveal,
)
from triage.review.case_work import history_of
from triage.review.planting import PlantedResult
from triage.store import (
    ReadingRecord,
    Store,
    known_conditions,
    labels_for_training,
    register_bundle,
    set_champion,
    shown_prediction,
)
from triage.store.bundles import withdraw_bundle
from triage.store.planted import planted_prediction
from triage.vocabulary.case_states import CaseState
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.read_answers import OverrideReason

WRONG = opinion(Urgency.OBSERVATION, condition="acne")
RIGHT: dict[str, Any] = {"conditions": ("melanoma",), "urgency": Urgency.SEMI_URGENT}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = fresh_store(tmp_path)
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def _pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triage.review.viewable._is_viewable", lambda *_: True)


@pytest.fixture
def number(store: Store) -> int:
    never_twice(store)
    show_priority(store)
    first = scored(store)
    with store.transaction() as session:
        set_champion(session, register_bundle(session, bundle()))
    return first


def refused(code: RefusalCode) -> Any:
    return pytest.raises(StepRefused, check=lambda error: error.code is code)


def shown_to_ann(store: Store, case_id: int) -> Any:
    open_case(store, case_id, ANN, at=NOON)
    lock_first_read(store, case_id, ANN, at=NOON, **read())
    return reveal(store, case_id, ANN, at=NOON)


def test_the_wrong_opinion_is_shown_under_the_name_of_the_system(store: Store, number: int) -> None:
    plant_case(store, number, GOV, wrong_opinion=WRONG, **RIGHT)
    other = scored(store, "c2")
    planted, real = shown_to_ann(store, number), shown_to_ann(store, other)
    assert planted.decision == WRONG.for_reader()
    assert real.decision == opinion().for_reader()
    assert planted.bundle == real.bundle
    assert reveal(store, number, ANN, at=LATER) == planted, "the same one again"
    assert_rows_follow(store)


def test_what_is_kept_of_a_volume_is_shown_too(store: Store) -> None:
    reading = ReadingRecord("/a/b.npz", "e" * 64)
    never_twice(store)
    number = scored(store, reading=reading)
    plant_case(store, number, GOV, wrong_opinion=WRONG, **RIGHT)
    assert shown_to_ann(store, number).reading == reading


def test_it_influences_nothing_else(store: Store, number: int) -> None:
    other = scored(store, "c2")
    before = {one.case_id: one for one in waiting_items(store, LATER)}
    with store.reading() as session:
        shown, conditions = shown_prediction(session, number), known_conditions(session)
    plant_case(store, number, GOV, wrong_opinion=WRONG, **RIGHT)
    after = {one.case_id: one for one in waiting_items(store, LATER)}
    assert after.keys() == before.keys() == {number, other}
    assert after[other] == before[other]
    with store.reading() as session:
        assert shown_prediction(session, number) == shown
        assert known_conditions(session) == conditions
        assert planted_prediction(session, number).decision == WRONG
    assert history_of(store, number).state is CaseState.INFERRED
    decided(store, number, reason=OverrideReason.FALSE_FINDING)
    with store.reading() as session:
        assert labels_for_training(session, include_ai_visible=True) == []


def test_it_waits_in_the_class_of_the_opinion_that_is_shown(store: Store, number: int) -> None:
    other = scored(store, "c2", opinion(WRONG.queue_urgency))
    plant_case(store, number, GOV, wrong_opinion=WRONG, **RIGHT)
    bands = {one.case_id: one.band for one in waiting_items(store, LATER)}
    shown = {case_id: shown_to_ann(store, case_id).decision for case_id in (number, other)}
    assert bands == {case_id: decision.urgency for case_id, decision in shown.items()}


def test_an_opinion_of_a_withdrawn_system_is_shown_of_no_case(store: Store, number: int) -> None:
    plant_case(store, number, GOV, wrong_opinion=WRONG, **RIGHT)
    other = scored(store, "c2")
    with store.transaction() as session:
        withdraw_bundle(session, "d" * 64, "a fault")
    assert (shown_to_ann(store, number), shown_to_ann(store, other)) == (None, None)
    assert {one.band for one in waiting_items(store, LATER)} == {Urgency.SEMI_URGENT}
    assert_rows_follow(store)


def test_a_planted_case_is_read_twice(store: Store, number: int) -> None:
    plant_case(store, number, GOV, **RIGHT)
    decided(store, number)
    history = history_of(store, number)
    assert history.state is CaseState.SECOND_READ
    assert history.second_read_rules == ("planted",)


def test_by_governance_before_anybody_opened_it_and_once(store: Store, number: int) -> None:
    with pytest.raises(PermissionDenied):
        plant_case(store, number, ANN, **RIGHT)
    plant_case(store, number, GOV, **RIGHT)
    with refused(RefusalCode.ALREADY_GIVEN):
        plant_case(store, number, GOV, **RIGHT)
    other = scored(store, "c2")
    open_case(store, other, ANN, at=NOON)
    with refused(RefusalCode.ALREADY_OPENED):
        plant_case(store, other, GOV, **RIGHT)


@pytest.mark.parametrize(
    "wrong",
    [
        opinion(Urgency.URGENT),
        opinion(Urgency.SEMI_URGENT),
        abstention(),
        opinion(Urgency.OBSERVATION, condition="unheard of"),
    ],
)
def test_what_is_no_wrong_opinion(store: Store, number: int, wrong: Decision) -> None:
    with pytest.raises(UsageError):
        plant_case(store, number, GOV, wrong_opinion=wrong, **RIGHT)
    with store.reading() as session:
        assert planted_prediction(session, number) is None
    assert_rows_follow(store)


def test_no_wrong_opinion_where_none_would_be_shown(store: Store, number: int) -> None:
    always_twice(store, ai_off_share=1.0)
    with pytest.raises(UsageError):
        plant_case(store, number, GOV, wrong_opinion=WRONG, **RIGHT)
    with pytest.raises(UsageError):
        plant_case(store, number, GOV, conditions=(), urgency=Urgency.URGENT)


def test_results_by_reader(store: Store, number: int) -> None:
    plain = scored(store, "c2")
    ordinary = scored(store, "c3")
    plant_case(store, number, GOV, wrong_opinion=WRONG, **RIGHT)
    plant_case(store, plain, GOV, **RIGHT)
    shown_to_ann(store, number)
    decide(  # misled
        store,
        number,
        ANN,
        at=LATER,
        **read(Urgency.OBSERVATION, "acne", reason=OverrideReason.MISSED_FINDING),
    )
    decided(store, plain, ANN)
    decided(store, ordinary, ANN)
    second(store, number, BOB, Urgency.SEMI_URGENT)
    second(store, plain, BOB, Urgency.ROUTINE)
    assert planted_results(store, GOV) == [
        PlantedResult("Ann", 1, 1, 0, 1),
        PlantedResult("Bob", 1, 1, 0, 0),
    ]
    with pytest.raises(PermissionDenied):
        planted_results(store, ANN)
