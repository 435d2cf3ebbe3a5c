"""Which case is handed out next: order, random share, and that no case waits for ever."""

from __future__ import annotations

import random
from collections import Counter
from datetime import datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event, update

from tests.review.team import (
    ANN,
    BOB,
    GOV,
    LATER,
    always_twice,
    decided,
    fresh_store,
    second,
    show_priority,
)
from tests.store.make import NOON, abstention, case, opinion, scored
from triage.accounts import Actor, PermissionDenied, Role
from triage.errors import UsageError
from triage.review import WorklistFilter, next_case, open_case, skip_case, undo_decision
from triage.review.policies import SitePolicy, set_site_policy
from triage.store import Store, add_case
from triage.store.tables import Case
from triage.vocabulary.case_states import CaseState
from triage.vocabulary.clinical import Urgency

MODULE = import_module("triage.review.next_case")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class Fixed(random.Random):
    """A random source whose first choice is known: 0 draws at random, 1 never."""

    def __init__(self, first: float, seed: int = 0) -> None:
        super().__init__(seed)
        self._first = first

    def random(self) -> float:
        return self._first

    def getrandbits(self, k: int) -> int:  # without it all would be drawn from `random`
        return super().getrandbits(k)


def in_order(store: Store, now: datetime = NOON, **wanted: Any) -> int | None:
    """The next case, not drawn at random."""
    return next_case(store, ANN, now, wanted=WorklistFilter(**wanted), rng=Fixed(1.0))


def handed_out(store: Store, now: datetime = NOON) -> list[str]:
    """Names of the cases in the order in which they are handed out; each is taken away."""
    names = []
    while (number := in_order(store, now)) is not None:
        with store.transaction() as session:
            row = session.get(Case, number)
            assert row is not None
            names.append(row.external_id)
            session.execute(update(Case).where(Case.id == number).values(state=CaseState.DECIDED))
    return names


@pytest.mark.parametrize("visible", [False, True])
def test_order_is_class_then_time_left_then_arrival(store: Store, visible: bool) -> None:
    made = [
        ("routine", opinion(Urgency.ROUTINE), 90),
        ("urgent, new", opinion(Urgency.URGENT), 1),
        ("abstained", abstention(), 2),
        ("observation, late", opinion(Urgency.OBSERVATION), 90 * 24 + 1),
        ("urgent, old", opinion(Urgency.URGENT), 20),
        ("semi-urgent, late", opinion(Urgency.SEMI_URGENT), 7 * 24 + 2),
        ("observation", opinion(Urgency.OBSERVATION), 1000),
    ]
    for name, prediction, hours in made:
        scored(store, name, prediction, received_at=NOON - hours * HOUR)
    with store.transaction() as session:
        add_case(session, case("unscored", received_at=NOON - 3 * HOUR))
    if visible:
        show_priority(store)
    assert handed_out(store) == [
        "semi-urgent, late",
        "observation, late",
        "urgent, old",
        "urgent, new",
        "unscored",
        "abstained",
        "routine",
        "observation",
    ]


def test_the_earlier_arrival_comes_first_among_equals(store: Store) -> None:
    scored(store, "b", received_at=NOON)
    scored(store, "a", received_at=NOON)
    scored(store, "longer", source="ward", received_at=NOON - HOUR)
    policy = SitePolicy.model_validate({"deadlines": {"urgent": DAY + HOUR}})
    set_site_policy(store, "ward", policy, GOV)
    assert handed_out(store) == ["longer", "b", "a"]


def test_a_case_of_another_reader_is_passed_over_until_its_reservation_ends(store: Store) -> None:
    first = scored(store, "c1", received_at=NOON - HOUR)
    second_ = scored(store, "c2")
    open_case(store, first, BOB, at=NOON)
    assert in_order(store) == second_
    assert next_case(store, BOB, NOON, rng=Fixed(1.0)) == first
    assert in_order(store, NOON + HOUR) == first


def test_many_cases_of_other_readers(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MODULE, "_PART", 2)
    numbers = [scored(store, f"c{n}", received_at=NOON + n * HOUR) for n in range(7)]
    for number in numbers[:5]:
        open_case(store, number, BOB, at=NOON)
    assert in_order(store) == numbers[5]
    for number in numbers[5:]:
        open_case(store, number, BOB, at=NOON)
    assert in_order(store) is None


def test_nobody_gets_a_case_of_which_they_gave_the_second_read(store: Store) -> None:
    always_twice(store)
    number = scored(store)
    decided(store, number, BOB)
    second(store, number, ANN, Urgency.URGENT)
    undo_decision(store, number, BOB, at=LATER)
    assert in_order(store, NOON + DAY) is None
    assert next_case(store, BOB, NOON + DAY, rng=Fixed(1.0)) == number


def test_a_case_that_was_left_to_others_comes_last_to_who_left_it(store: Store) -> None:
    left, other = scored(store, "c1", received_at=NOON - HOUR), scored(store, "c2")
    open_case(store, left, ANN, at=NOON)
    skip_case(store, left, ANN, reason="not mine", at=NOON)
    assert in_order(store) == other
    assert next_case(store, ANN, NOON, rng=Fixed(0.0)) == other
    assert next_case(store, BOB, NOON, rng=Fixed(1.0)) == left
    open_case(store, other, BOB, at=NOON)
    assert in_order(store) == left, "there is no other"


def test_the_filter_narrows_what_is_handed_out(store: Store) -> None:
    scored(store, "c1")
    ward = scored(store, "c2", opinion(Urgency.ROUTINE), source="ward")
    assert in_order(store, sources=("ward",)) == ward
    assert in_order(store, sources=("ward", "clinic"), text="c2") == ward
    assert in_order(store, text="c3") is None
    assert (
        next_case(store, ANN, NOON, wanted=WorklistFilter(sources=("ward",)), rng=Fixed(0.0))
        == ward
    )


@pytest.mark.parametrize("visible", [False, True])
def test_a_search_does_not_tell_a_hidden_priority(store: Store, visible: bool) -> None:
    if visible:
        show_priority(store)
    calm = scored(store, "x-1", opinion(Urgency.OBSERVATION), received_at=NOON - DAY)
    urgent = scored(store, "x-2", opinion(Urgency.URGENT), received_at=NOON - HOUR)
    assert in_order(store, text="x-") == (urgent if visible else calm)
    assert in_order(store, received_to=NOON.date()) == (urgent if visible else calm)
    assert in_order(store) == urgent


def test_who_may_not_read_gets_no_case(store: Store) -> None:
    with pytest.raises(PermissionDenied):
        next_case(store, Actor("Gov", Role.GOVERNANCE), NOON)
    with pytest.raises(UsageError, match="time zone"):
        next_case(store, ANN, NOON.replace(tzinfo=None))
    assert next_case(store, ANN, NOON) is None


def test_the_random_share_is_that_of_the_site_and_is_drawn_from_all(store: Store) -> None:
    numbers = [
        scored(store, f"c{n}", opinion(list(Urgency)[n % 4]), received_at=NOON + n * HOUR)
        for n in range(8)
    ]
    set_site_policy(store, "clinic", SitePolicy(random_next_share=0.5), GOV)
    assert next_case(store, ANN, NOON, rng=Fixed(0.5)) == numbers[0]
    set_site_policy(store, "clinic", SitePolicy(random_next_share=0.0), GOV)
    assert next_case(store, ANN, NOON, rng=Fixed(0.0)) == numbers[0]
    set_site_policy(store, "clinic", SitePolicy(random_next_share=1.0), GOV)
    rng = random.Random(1)
    drawn = Counter(next_case(store, ANN, NOON, rng=rng) for _ in range(400))
    # Binomial: 400 draws at 1/8 are within 5 standard deviations, 33, of 50.
    assert drawn.keys() == set(numbers)
    assert all(abs(count - 50) < 34 for count in drawn.values())


def test_the_stated_default_share(store: Store) -> None:
    assert SitePolicy().random_next_share == 0.20
    first = scored(store, "c1")
    scored(store, "c2", received_at=NOON + HOUR)
    assert next_case(store, ANN, NOON, rng=Fixed(0.2)) == first
    rng = random.Random(2)
    share = Counter(next_case(store, ANN, NOON, rng=rng) == first for _ in range(400))
    # A tenth of the calls draws the other one: 40 of 400, within 5 standard deviations, 30.
    assert abs(share[False] - 40) < 31


@pytest.mark.parametrize("filtered", [False, True])
def test_few_waiting_cases_among_many_are_drawn_by_counting(
    store: Store, monkeypatch: pytest.MonkeyPatch, filtered: bool
) -> None:
    monkeypatch.setattr(MODULE, "_TRIES", 0)
    numbers = [scored(store, f"c{n}") for n in range(4)]
    open_case(store, numbers[3], BOB, at=NOON)
    wanted = WorklistFilter(sources=("clinic",)) if filtered else WorklistFilter()
    rng = Fixed(0.0)
    drawn = Counter(next_case(store, ANN, NOON, wanted=wanted, rng=rng) for _ in range(90))
    assert drawn.keys() == set(numbers[:3])
    assert min(drawn.values()) > 10


def test_not_all_cases_are_read(store: Store) -> None:
    for number in range(40):
        scored(store, f"c{number}", received_at=NOON + number * HOUR)
    read: list[str] = []
    event.listen(
        store.engine, "before_cursor_execute", lambda *sent: read.append(" ".join(sent[2].split()))
    )
    in_order(store)
    of_cases = [one for one in read if one.startswith('SELECT "case".due_at')]
    assert of_cases
    assert all("LIMIT" in one for one in of_cases)


ARRIVALS = st.lists(
    st.tuples(
        st.integers(0, 8 * 24),  # hours
        st.sampled_from([Urgency.SEMI_URGENT, Urgency.ROUTINE, Urgency.OBSERVATION]),
    ),
    max_size=10,
)


@settings(max_examples=6, deadline=None)
@given(arrivals=ARRIVALS, seed=st.integers(0, 1000))
def test_no_case_starves_behind_urgent_ones(
    tmp_path_factory: pytest.TempPathFactory, arrivals: list[tuple[int, Urgency]], seed: int
) -> None:
    """Two cases a day are read and one urgent case a day arrives, for ever.

    Until the deadline of a case, at most everything that was there at its arrival or came before it
    was due is handed out before it; then it is due before all that arrive later.
    """
    store = fresh_store(Path(tmp_path_factory.mktemp("db")))
    deadlines = {
        "urgent": 1 * DAY, "semi_urgent": 2 * DAY, "routine": 3 * DAY, "observation": 4 * DAY,
    }  # fmt: skip
    set_site_policy(store, "clinic", SitePolicy.model_validate({"deadlines": deadlines}), GOV)
    rng = random.Random(seed)
    waiting = sorted((hour, f"c{n}", urgency) for n, (hour, urgency) in enumerate(arrivals))
    left = {}
    arrived: dict[int, tuple[str, datetime]] = {}
    most = 4 + len(arrivals) + 4  # days; the last are for what is drawn at random instead
    for day in range(8 + most + 1):
        now = NOON + day * DAY
        while waiting and waiting[0][0] <= 24 * day:
            hour, name, urgency = waiting.pop(0)
            at = NOON + hour * HOUR
            arrived[scored(store, name, opinion(urgency), received_at=at)] = (name, at)
        scored(store, f"urgent {day}", received_at=now)
        for _ in range(2):
            number = next_case(store, ANN, now, rng=rng)
            if number is None:
                break
            left[number] = now
            with store.transaction() as session:
                session.execute(
                    update(Case).where(Case.id == number).values(state=CaseState.DECIDED)
                )
    store.close()
    for number, (name, at) in arrived.items():
        assert number in left, f"{name} was never handed out"
        assert left[number] - at <= (most + 1) * DAY
