from __future__ import annotations

import dataclasses
import json
from base64 import urlsafe_b64encode
from datetime import UTC, date, datetime, timedelta, timezone
from importlib import import_module
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import event, text

from tests.review.team import (
    ANN,
    BOB,
    GOV,
    LATER,
    decided,
    never_twice,
    read,
    show_priority,
    waiting_items,
)
from tests.store.make import NOON, abstention, case, opinion, scored
from triage.accounts import Actor, PermissionDenied, Role
from triage.errors import UsageError
from triage.review import (
    COUNTED_TO,
    Deadlines,
    OverrideReason,
    Pressure,
    WorklistFilter,
    WorklistItem,
    WorklistOrder,
    WorklistState,
    lock_first_read,
    open_case,
    skip_case,
    worklist_counts,
    worklist_overview,
    worklist_page,
    worklist_sites,
)
from triage.review.drafts import save_draft
from triage.review.policies import SitePolicy, set_site_policy
from triage.review.worklist_cursor import place_of
from triage.store import Laterality, Modality, Store, add_case
from triage.vocabulary.clinical import Urgency

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def names(items: Any) -> list[str]:
    return [item.external_id for item in items]


def mixed(store: Store) -> None:
    """Cases of each class and age, as they are to be ordered."""
    made = [
        ("routine, old", opinion(Urgency.ROUTINE), 90),
        ("urgent, new", opinion(Urgency.URGENT), 1),
        ("abstained, new", abstention(), 2),
        ("semi-urgent, old", opinion(Urgency.SEMI_URGENT), 50),
        ("urgent, old", opinion(Urgency.URGENT), 30),
        ("observation", opinion(Urgency.OBSERVATION), 500),
        ("abstained, urgent", abstention(queue=Urgency.URGENT), 20),
        ("abstained, oldest", abstention(), 60),
    ]
    for name, prediction, hours in made:
        scored(store, name, prediction, received_at=NOON - hours * HOUR)


def test_a_visible_priority_orders_by_class_then_time_left_then_arrival(store: Store) -> None:
    mixed(store)
    show_priority(store)
    page = worklist_page(store, ANN, NOON)
    assert page.order is WorklistOrder.URGENCY
    assert page.next is None
    assert names(page.items) == [
        "urgent, old",
        "abstained, urgent",
        "urgent, new",
        "abstained, oldest",
        "semi-urgent, old",
        "abstained, new",
        "routine, old",
        "observation",
    ]
    assert page.items[0].waiting == 30 * HOUR


def test_the_time_left_is_that_of_the_site(store: Store) -> None:
    scored(store, "usual", received_at=NOON - 2 * HOUR)
    scored(store, "hurried", source="ward", received_at=NOON)
    for site, urgent in (("clinic", DAY), ("ward", HOUR)):
        policy = SitePolicy(priority_visible=True, deadlines=Deadlines(urgent=urgent))
        set_site_policy(store, site, policy, GOV)
    items = waiting_items(store)
    assert names(items) == ["hurried", "usual"]
    assert [item.deadline for item in items] == [NOON + HOUR, NOON + 22 * HOUR]


def test_a_hidden_priority_orders_by_arrival_and_is_in_no_item(store: Store) -> None:
    mixed(store)
    page = worklist_page(store, ANN, NOON)
    assert page.order is WorklistOrder.ARRIVAL
    arrivals = [item.received_at for item in page.items]
    assert arrivals == sorted(arrivals)
    assert {(item.band, item.deadline, item.pressure) for item in page.items} == {(None,) * 3}


def test_one_site_that_hides_the_priority_orders_all_by_arrival(store: Store) -> None:
    hidden = scored(store, "c1", opinion(Urgency.ROUTINE), received_at=NOON - HOUR)
    shown = scored(store, "c2", source="ward")
    show_priority(store, "ward")
    assert [(site.source, site.shows_priority) for site in worklist_sites(store)] == [
        ("clinic", False),
        ("ward", True),
    ]
    page = worklist_page(store, ANN, NOON)
    assert page.order is WorklistOrder.ARRIVAL
    items = {item.case_id: item for item in page.items}
    assert list(items) == [hidden, shown]
    assert (items[hidden].band, items[hidden].deadline, items[hidden].pressure) == (None,) * 3
    assert (items[shown].band, items[shown].pressure) == (Urgency.URGENT, Pressure.IN_TIME)
    ward = worklist_page(store, ANN, NOON, wanted=WorklistFilter(sources=("ward",)))
    assert (ward.order, names(ward.items)) == (WorklistOrder.URGENCY, ["c2"])


def test_nothing_of_the_ai_but_its_class_is_in_an_item() -> None:
    fields = {field.name for field in dataclasses.fields(WorklistItem)}
    assert fields == {
        *("case_id", "external_id", "patient", "source", "modality", "groups", "laterality"),
        *("age", "images", "state", "has_draft", "received_at", "waiting", "reserved_by"),
        *("band", "deadline", "pressure"),
    }


def test_an_abstained_case_looks_like_any_other_of_its_class(store: Store) -> None:
    scored(store, "same", abstention(), source="a")
    scored(store, "same", opinion(Urgency.SEMI_URGENT), source="a2")
    for site in ("a", "a2"):
        show_priority(store, site)
    first, second = waiting_items(store, NOON + HOUR)
    assert dataclasses.replace(second, case_id=first.case_id, source="a") == first


def test_what_an_item_says_of_a_case(store: Store) -> None:
    number = scored(
        store, "c1", modality=Modality.OCT_VOLUMES, laterality=Laterality.LEFT, age=61.5
    )
    with store.transaction() as session:
        add_case(session, case("c2", patient=None, images=(), received_at=NOON + HOUR))
    save_draft(store, number, ANN, {"text": "typed"})
    first, second = waiting_items(store, NOON + DAY)
    assert (first.patient, first.images, first.has_draft) == ("patient of c1", 1, True)
    assert (first.modality, first.laterality, first.age) == ("oct_volumes", "left", 61.5)
    assert first.groups == {"skin_type": "III", "age": 41, "sex": None}
    assert (second.patient, second.images, second.has_draft) == (None, 0, False)
    assert (first.state, second.state) == ("inferred", "received")
    assert not worklist_page(store, BOB, NOON).items[0].has_draft


def test_who_has_a_case(store: Store) -> None:
    first = scored(store, "first")
    scored(store, "second", received_at=NOON + HOUR)
    open_case(store, first, ANN, at=NOON)
    items = waiting_items(store)
    assert [item.reserved_by for item in items] == ["Ann", None]
    assert [item.is_free_for("Ben") for item in items] == [False, True]
    assert all(item.is_free_for(" ann") for item in items)
    assert waiting_items(store, NOON + HOUR)[0].reserved_by is None


@pytest.mark.parametrize(
    ("hours", "pressure"),
    [
        (0, Pressure.IN_TIME),
        (17, Pressure.IN_TIME),
        (18, Pressure.NEAR),
        (24, Pressure.NEAR),
        (25, Pressure.OVERDUE),
    ],
)
def test_pressure_follows_the_deadline(store: Store, hours: int, pressure: Pressure) -> None:
    scored(store)
    show_priority(store)
    (item,) = waiting_items(store, NOON + hours * HOUR)
    assert item.deadline == NOON + 24 * HOUR
    assert item.pressure is pressure


@pytest.mark.parametrize(
    "wrong",
    [
        {"urgent": timedelta()},
        {"urgent": timedelta(microseconds=1)},
        {"observation": timedelta(days=4000)},
        {"urgent": 8 * DAY},
        {"soon": HOUR},
    ],
)
def test_what_are_no_deadlines(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Deadlines(**wrong)


def test_an_open_case_stays_until_someone_decides(store: Store) -> None:
    never_twice(store)
    number = scored(store)
    open_case(store, number, ANN, at=NOON)
    assert len(waiting_items(store)) == 1
    decided(store, number)
    assert waiting_items(store) == []
    assert worklist_sites(store) == ()


@pytest.mark.parametrize("visible", [False, True])
def test_pages_have_no_gaps_and_no_doubles_while_cases_arrive_and_leave(
    store: Store, visible: bool
) -> None:
    never_twice(store)
    if visible:
        show_priority(store)
    urgencies = list(Urgency)
    numbers = [
        scored(store, f"c{n}", opinion(urgencies[n % 4]), received_at=NOON + n % 5 * HOUR)
        for n in range(20)
    ]
    seen: list[int] = []
    after, turn = None, 0
    while True:
        page = worklist_page(store, ANN, NOON, after=after, size=3)
        seen += [item.case_id for item in page.items]
        # One that was shown leaves, others arrive before and behind the place.
        decided(store, page.items[0].case_id, reason=OverrideReason.MISSED_FINDING)
        scored(store, f"early {turn}", received_at=NOON - DAY)
        if turn < 3:
            scored(store, f"late {turn}", received_at=NOON + DAY)
        turn, after = turn + 1, page.next
        if after is None:
            break
    assert len(seen) == len(set(seen))

    def place(number: int) -> tuple[int, ...]:
        n = numbers.index(number)
        return (n % 4, n % 5, number) if visible else (n % 5, number)

    assert [number for number in seen if number in numbers] == sorted(numbers, key=place)


def _written(*values: Any) -> str:
    return urlsafe_b64encode(json.dumps(values).encode()).decode()


@pytest.mark.parametrize(
    "broken",
    [
        "",
        "x",
        "ä",
        "====",
        "A" * 1000,
        _written(),
        _written("arrival"),
        _written("arrival", NOON.isoformat(), "1"),
        _written("arrival", NOON.isoformat(), True),
        _written("arrival", NOON.isoformat(), 2**64),
        _written("arrival", "2025-06-02T12:00:00", 1),
        _written("arrival", "0001-01-01T00:00:00+05:00", 1),
        _written("arrival", 5, 1),
        _written("arrival", NOON.isoformat(), 1, 2),
        _written("urgency", 0, NOON.isoformat(), NOON.isoformat(), 1),
        _written("size", NOON.isoformat(), 1),
        _written([], NOON.isoformat(), 1),
        urlsafe_b64encode(b"[" * 200).decode(),
    ],
)
def test_a_broken_place_is_refused(broken: str) -> None:
    with pytest.raises(UsageError, match="first page"):
        place_of(broken, WorklistOrder.ARRIVAL)


def test_a_place_in_another_order_is_refused(store: Store) -> None:
    for number in range(2):
        scored(store, f"c{number}")
    after = worklist_page(store, ANN, NOON, size=1).next
    assert after is not None
    assert len(worklist_page(store, ANN, NOON, after=after).items) == 1
    show_priority(store)
    with pytest.raises(UsageError, match="another order"):
        worklist_page(store, ANN, NOON, after=after)


@pytest.mark.parametrize("size", [0, -1, 201])
def test_no_size_of_a_page(store: Store, size: int) -> None:
    with pytest.raises(UsageError, match="size"):
        worklist_page(store, ANN, NOON, size=size)


def test_only_who_may_see_cases_sees_the_worklist(store: Store) -> None:
    engineer = Actor("Eve", Role.ENGINEER)
    for look in (worklist_page, worklist_counts):
        with pytest.raises(PermissionDenied):
            look(store, engineer, NOON)
        with pytest.raises(UsageError, match="time zone"):
            look(store, ANN, NOON.replace(tzinfo=None))


@pytest.fixture
def various(store: Store) -> Store:
    """Four cases that differ in everything that a filter asks for."""
    scored(store, "A-100%", source="Köln", patient="Straße_1")
    scored(store, "B-100", source="ward", patient="p2", received_at=NOON + DAY)
    scored(store, "C-200", source="ward", modality=Modality.OCT_VOLUMES, received_at=NOON + 2 * DAY)
    with store.transaction() as session:
        add_case(session, case("D-300", patient=None, received_at=NOON + 3 * DAY))
    return store


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, "ABCD"),
        ({"text": "  a-1 "}, "A"),
        ({"text": "100%"}, "A"),
        ({"text": "%"}, "A"),
        ({"text": "STRASSE_"}, ""),
        ({"text": "straße_"}, "A"),
        ({"text": "STRAßE"}, "A"),
        ({"text": "_"}, "A"),
        ({"text": "\\"}, ""),
        ({"text": "KÖLN"}, "A"),
        ({"text": "of c-2"}, "C"),
        ({"text": "(case)"}, ""),
        ({"text": "'; DROP TABLE review; --"}, ""),
        ({"text": "x" * 100_000}, ""),
        ({"text": "\0"}, ""),
        ({"text": "\ud800"}, ""),
        ({"text": "ward"}, "BC"),
        ({"sources": ("ward",)}, "BC"),
        ({"sources": ("ward", "Köln", "nowhere")}, "ABC"),
        ({"sources": ("nowhere",)}, ""),
        ({"sources": ("\0", "\ud800")}, ""),
        ({"sources": (*(f"s{n}" for n in range(30)), "ward")}, "BC"),
        ({"modality": Modality.OCT_VOLUMES}, "C"),
        ({"state": WorklistState.NEW}, "ABCD"),
        ({"state": WorklistState.STARTED}, ""),
        ({"received_from": date(2025, 6, 3)}, "BCD"),
        ({"received_to": date(2025, 6, 3)}, "AB"),
        ({"received_from": date(2025, 6, 3), "received_to": date(2025, 6, 3)}, "B"),
        ({"received_from": date.min, "received_to": date.max}, "ABCD"),
        ({"received_from": date(2025, 6, 5), "received_to": date(2025, 6, 1)}, ""),
        ({"text": "0", "sources": ("ward",), "modality": Modality.PHOTOGRAPHS}, "B"),
    ],
)
def test_filters(various: Store, wanted: dict[str, Any], found: str) -> None:
    items = waiting_items(various, NOON, **wanted)
    assert "".join(item.external_id[0] for item in items) == found
    counts = worklist_counts(various, ANN, NOON, WorklistFilter(**wanted))
    assert counts.waiting == len(found)


def test_many_cases_with_a_text_are_found_as_few_are(
    various: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = [names(waiting_items(various, text=text)) for text in ("0", "p2", "straße", "-")]
    monkeypatch.setattr("triage.review.worklist_query._MANY", 1)
    many = [names(waiting_items(various, text=text)) for text in ("0", "p2", "straße", "-")]
    assert (
        few
        == many
        == [
            ["A-100%", "B-100", "C-200", "D-300"],
            ["B-100"],
            ["A-100%"],
            ["A-100%", "B-100", "C-200", "D-300"],
        ]
    )


def test_states_of_waiting_cases(store: Store) -> None:
    numbers = [scored(store, f"c{n}", received_at=NOON + n * HOUR) for n in range(3)]
    for number in numbers[1:]:
        open_case(store, number, ANN, at=NOON)
    lock_first_read(store, numbers[1], ANN, at=NOON, **read())
    skip_case(store, numbers[2], ANN, reason="not mine", at=NOON)
    found = {state: names(waiting_items(store, state=state)) for state in WorklistState}
    assert list(found.values()) == [["c0"], ["c1"], ["c2"]]


def test_counts(store: Store) -> None:
    never_twice(store)
    first, second, third = (scored(store, f"c{n}") for n in range(3))
    set_site_policy(store, "ward", SitePolicy(priority_visible=True), GOV)
    scored(store, "late", opinion(Urgency.ROUTINE), source="ward", received_at=NOON - 28 * DAY)
    scored(store, "soon", opinion(Urgency.ROUTINE), received_at=NOON - 27 * DAY)
    decided(store, first, at=NOON)
    decided(store, second, BOB, at=NOON)
    open_case(store, third, BOB, at=LATER)
    counts = worklist_counts(store, ANN, LATER)
    assert (counts.waiting, counts.overdue, counts.in_work_by_others) == (3, 1, 1)
    assert (counts.done_today, counts.capped) == (1, False)
    assert worklist_counts(store, BOB, LATER).in_work_by_others == 0
    tomorrow = worklist_counts(store, ANN, NOON + DAY)
    assert (tomorrow.done_today, tomorrow.in_work_by_others) == (0, 0)
    east = timezone(timedelta(hours=13))  # where it is past midnight
    assert worklist_counts(store, ANN, LATER.astimezone(east)).done_today == 1
    assert worklist_counts(store, ANN, (LATER + DAY).astimezone(east)).done_today == 0


def test_the_number_of_overdue_cases_does_not_tell_a_class_that_is_hidden(store: Store) -> None:
    for name, given in (("a", opinion(Urgency.URGENT)), ("b", opinion(Urgency.OBSERVATION))):
        scored(store, name, given, source=f"site {name}", received_at=NOON)
    each = [worklist_counts(store, ANN, NOON + days * DAY).overdue for days in (2, 89, 91)]
    assert each == [0, 0, 2], "both count from the deadline of the least urgent class on"
    policy = SitePolicy(priority_visible=True)
    for name in ("a", "b"):
        set_site_policy(store, f"site {name}", policy, GOV)
    each = [worklist_counts(store, ANN, NOON + days * DAY).overdue for days in (0, 2, 89, 91)]
    assert each == [0, 1, 1, 2]


def test_overdue_cases_are_counted_over_all_sites_whatever_the_filter(store: Store) -> None:
    set_site_policy(store, "clinic", SitePolicy(priority_visible=True), GOV)
    scored(store, "late", received_at=NOON - 2 * DAY)
    scored(store, "calm", opinion(Urgency.ROUTINE), received_at=NOON - 2 * DAY)
    each = [
        worklist_counts(store, ANN, NOON, WorklistFilter(text=text)).overdue
        for text in ("late", "calm", "none")
    ]
    assert each == [1, 1, 1], "or the number would tell the class of a case"


def test_more_cases_than_are_counted(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("triage.review.worklist_counts"), "COUNTED_TO", 2)
    for number in range(3):
        scored(store, f"c{number}", source=f"s{number}")
    counts = worklist_counts(store, ANN, NOON)
    assert (counts.waiting, counts.capped) == (2, True)
    three = WorklistFilter(sources=("s0", "s1", "s2"))
    assert worklist_counts(store, ANN, NOON, three).waiting == 2
    one = worklist_counts(store, ANN, NOON, WorklistFilter(sources=("s1",)))
    assert (one.waiting, one.capped) == (1, False)
    assert COUNTED_TO == 10_000


def _plan(store: Store, statement: str, parameters: Any) -> str:
    with store.engine.connect() as connection:
        on_sqlite = connection.dialect.name == "sqlite"
        if not on_sqlite:  # which reads so few rows without an index otherwise
            connection.execute(text("SET enable_seqscan = off"))
            connection.execute(text("SET enable_bitmapscan = off"))
        explain = "EXPLAIN QUERY PLAN " if on_sqlite else "EXPLAIN "
        rows = connection.exec_driver_sql(explain + statement, parameters).all()
    return "\n".join(str(row[-1]) for row in rows)


@pytest.mark.parametrize(
    ("visible", "sources", "index"),
    [
        (False, (), "ix_case_waiting_by_arrival"),
        (True, (), "ix_case_waiting_by_urgency"),
        (False, ("clinic",), "ix_case_waiting_of_source_by_arrival"),
        (True, ("clinic",), "ix_case_waiting_of_source_by_urgency"),
    ],
)
def test_a_page_is_read_in_the_order_of_an_index(
    store: Store, visible: bool, sources: tuple[str, ...], index: str
) -> None:
    scored(store)
    if visible:
        show_priority(store)
    sent: list[tuple[str, Any]] = []
    event.listen(
        store.engine, "before_cursor_execute", lambda *given: sent.append((given[2], given[3]))
    )
    worklist_page(store, ANN, NOON, wanted=WorklistFilter(sources=sources))
    ordered = [each for each in sent if 'ORDER BY "case".' in each[0] and "WITH" not in each[0]]
    (statement, parameters), *_ = ordered
    plan = _plan(store, statement, parameters)
    assert f"{index}\n" in plan + "\n" or f"{index} " in plan
    assert "Sort" not in plan
    assert "TEMP B-TREE" not in plan


def test_times_are_kept_to_the_microsecond(store: Store) -> None:
    moment = datetime(2025, 6, 2, 12, 59, 59, 999_999, tzinfo=UTC)
    scored(store, received_at=moment)
    show_priority(store)
    (item,) = waiting_items(store, moment)
    assert item.deadline == moment + DAY


def test_an_overview_is_a_page_and_its_numbers(store: Store) -> None:
    for number in range(3):
        scored(store, f"c{number}", source=f"s{number}")
    wanted = WorklistFilter(text="c1")
    page, counts = worklist_overview(store, ANN, NOON, wanted=wanted)
    assert page == worklist_page(store, ANN, NOON, wanted=wanted)
    assert counts == worklist_counts(store, ANN, NOON, wanted)
    assert ([one.external_id for one in page.items], counts.waiting) == (["c1"], 1)
    with pytest.raises(PermissionDenied):
        worklist_overview(store, Actor("Eve", Role.ENGINEER), NOON)
