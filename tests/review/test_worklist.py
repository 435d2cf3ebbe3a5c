from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest
from pydantic import ValidationError

from tests.review.team import GOV
from tests.review.test_reading import AGREE, ANN, LATER, to_reveal
from tests.store.make import NOON, abstention, opinion, scored
from triage.accounts import Actor, Role
from triage.review import Deadlines, Pressure, WorklistItem, decide, open_case, worklist
from triage.review.policies import SitePolicy, set_site_policy
from triage.store import Store
from triage.vocabulary.clinical import Urgency

HOUR = timedelta(hours=1)


def test_order_is_urgency_then_waiting_time(store: Store) -> None:
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
    items = worklist(store, NOON)
    assert [item.external_id for item in items] == [
        "urgent, old",
        "abstained, urgent",
        "urgent, new",
        "abstained, oldest",
        "semi-urgent, old",
        "abstained, new",
        "routine, old",
        "observation",
    ]
    assert items[0].waiting == 30 * HOUR


def test_nothing_of_the_ai_but_its_class_is_in_an_item() -> None:
    names = {field.name for field in dataclasses.fields(WorklistItem)}
    assert names == {
        "case_id",
        "external_id",
        "source",
        "band",
        "received_at",
        "waiting",
        "deadline",
        "pressure",
        "images",
        "reserved_by",
    }


def test_who_has_a_case_and_whether_its_priority_is_shown(store: Store) -> None:
    first = scored(store, "first", opinion(Urgency.URGENT))
    scored(store, "second", opinion(Urgency.ROUTINE), source="quiet")
    policy = SitePolicy(priority_visible=False)
    set_site_policy(store, "quiet", policy, Actor("Gus", Role.GOVERNANCE))
    open_case(store, first, ANN, at=NOON)
    items = worklist(store, NOON)
    assert [(item.external_id, item.band, item.reserved_by) for item in items] == [
        ("first", Urgency.URGENT, "Ann"),
        ("second", None, None),
    ]
    assert [item.is_free_for("Ben") for item in items] == [False, True]
    assert all(item.is_free_for(" ann") for item in items)
    assert worklist(store, NOON + HOUR)[0].reserved_by is None


def test_an_abstained_case_looks_like_any_other_of_its_class(store: Store) -> None:
    scored(store, "same", abstention(), source="a")
    scored(store, "same", opinion(Urgency.SEMI_URGENT), source="a2")
    first, second = worklist(store, NOON + HOUR)
    assert dataclasses.replace(second, case_id=first.case_id, source="a") == first


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
    (item,) = worklist(store, NOON + hours * HOUR)
    assert item.deadline == NOON + 24 * HOUR
    assert item.pressure is pressure


def test_a_clinic_sets_its_own_deadlines(store: Store) -> None:
    scored(store)
    (item,) = worklist(store, NOON, Deadlines(urgent=2 * HOUR))
    assert item.deadline == NOON + 2 * HOUR
    with pytest.raises(ValidationError):
        Deadlines(urgent=timedelta())
    with pytest.raises(ValidationError):
        Deadlines(soon=HOUR)  # type: ignore[call-arg]


def test_an_open_case_stays_until_someone_decides(store: Store) -> None:
    number = scored(store)
    to_reveal(store, number)
    assert len(worklist(store, NOON)) == 1
    decide(store, number, ANN, **AGREE, at=LATER)
    assert worklist(store, NOON) == []


def test_a_site_that_hides_the_priority(store: Store) -> None:
    set_site_policy(store, "clinic", SitePolicy(priority_visible=False), GOV)
    hidden = scored(store, "c1")
    shown = scored(store, "c2", source="ward")
    items = {item.case_id: item for item in worklist(store, NOON)}
    assert (items[hidden].band, items[hidden].deadline, items[hidden].pressure) == (None,) * 3
    assert items[shown].band is Urgency.URGENT
