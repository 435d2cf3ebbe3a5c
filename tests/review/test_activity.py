from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.store.databases import database_url
from tests.store.make import NOON, case, scored
from triage.accounts import Actor, PermissionDenied, Role
from triage.errors import StoreError
from triage.ledger.events.review_events import DecisionMade
from triage.review import Certainty, decide, lock_first_read, open_case, reveal
from triage.review.activity import active_seconds, count_activity, note_activity
from triage.store import Store, add_case, events, open_store
from triage.vocabulary.clinical import Urgency

ANN = Actor("Ann", Role.READER)
READ: dict[str, Any] = {
    "conditions": ("melanoma",),
    "urgency": Urgency.URGENT,
    "certainty": Certainty.SURE,
}


@pytest.fixture(autouse=True)
def without_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triage.review.viewable.has_viewable_image", lambda case: True)


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def noted(store: Store, number: int, *seconds: float, actor: Actor = ANN) -> tuple[int, int]:
    for moment in seconds:
        note_activity(store, number, actor, at=after(moment))
    with store.reading() as session:
        return active_seconds(session, number, actor.name)


@pytest.fixture
def number(store: Store) -> int:
    with store.transaction() as session:
        return add_case(session, case())


def test_nothing_before_the_second_activity(store: Store, number: int) -> None:
    assert noted(store, number) == (0, 0)
    assert noted(store, number, 0) == (0, 0)
    assert noted(store, number, 30) == (30, 0)


def test_idle_gaps_do_not_count(store: Store, number: int) -> None:
    """The default is 60 s: a gap of as much counts, a longer one not at all."""
    assert noted(store, number, 0, 60, 60 + 61, 60 + 61 + 10) == (70, 0)


def test_a_clock_set_back(store: Store, number: int) -> None:
    """By an hour: counting goes on from there; by a little: it waits until the time is reached."""
    assert noted(store, number, 0, 20, -3600, -3590) == (30, 0)
    assert noted(store, number, -3595, -3592, -3580) == (40, 0)


def test_two_pages_at_once_are_one_reader(store: Store, number: int) -> None:
    assert noted(store, number, 0, 0, 10, 9, 20, 19.5, 30, 30) == (30, 0)
    other = noted(store, number, 0, 7, actor=Actor("Ben", Role.READER))
    assert other == (7, 0)
    assert noted(store, number, 40, actor=Actor("ANN ", Role.READER)) == (40, 0)


def test_pages_that_note_in_the_same_moment(store: Store, number: int) -> None:
    """Threads of their own; the sum is the time that has passed, whatever the order."""
    note_activity(store, number, ANN, at=NOON)
    failed: list[BaseException] = []

    def page(first: int) -> None:
        try:
            for moment in range(first, 41, 4):
                note_activity(store, number, ANN, at=after(moment))
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=page, args=(first,)) for first in (1, 2, 3, 4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    with store.reading() as session:
        assert active_seconds(session, number, "Ann") == (40, 0)


def test_first_activities_in_the_same_moment(store: Store, number: int) -> None:
    failed: list[BaseException] = []

    def page() -> None:
        try:
            note_activity(store, number, ANN, at=NOON)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=page) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert noted(store, number, 5) == (5, 0)


def test_who_may_not_read_has_no_active_time(store: Store, number: int) -> None:
    with pytest.raises(PermissionDenied):
        note_activity(store, number, Actor("Gov", Role.GOVERNANCE))
    with pytest.raises(StoreError):
        note_activity(store, 99, ANN)


def test_steps_are_activities_and_the_reveal_divides_the_time(store: Store) -> None:
    number = scored(store)
    open_case(store, number, ANN, at=after(0))
    note_activity(store, number, ANN, at=after(40))
    lock_first_read(store, number, ANN, at=after(50), **READ)
    reveal(store, number, ANN, at=after(55))
    note_activity(store, number, ANN, at=after(65))
    decide(store, number, ANN, at=after(80), **READ)
    with store.reading() as session:
        made = [one for one in events(session, number) if one.kind == DecisionMade.kind]
    decision = DecisionMade.from_payload(dict(made[0].payload))
    assert (decision.seconds_before, decision.seconds_after) == (55, 25)


@pytest.fixture(scope="module")
def one_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    folder = tmp_path_factory.mktemp("activity")
    with database_url("sqlite", folder) as address:
        opened = open_store(address, create=True)
        yield opened
        opened.close()


NAMES = count()


@settings(max_examples=40, deadline=None)
@given(
    steps=st.lists(st.integers(-200, 200), max_size=30),
    revealed=st.none() | st.integers(-400, 400),
)
def test_the_sum_is_that_of_the_gaps(
    one_store: Store, steps: list[int], revealed: int | None
) -> None:
    """Computed again from the times alone, second by second."""
    start = datetime(2025, 1, 1, tzinfo=UTC)
    shown = None if revealed is None else start + timedelta(seconds=revealed)
    moment, last = 0, 0
    counted: list[int] = []
    with one_store.transaction() as session:
        number = add_case(session, case(f"c{next(NAMES)}"))
        count_activity(session, number, "Ann", start, timedelta(seconds=60), shown)
        for step in steps:
            moment += step
            at = start + timedelta(seconds=moment)
            count_activity(session, number, "Ann", at, timedelta(seconds=60), shown)
            if 0 < moment - last <= 60:
                counted += range(last, moment)
            if moment > last or last - moment > 60:
                last = moment
        found = active_seconds(session, number, "Ann")
    late = sum(1 for second in counted if revealed is not None and second >= revealed)
    assert found == (len(counted) - late, late)
