"""Class and due time of waiting cases stay what follows from the tables, whatever changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text

from tests.review.team import ANN, GOV, LATER, decided, never_twice
from tests.store.databases import database_url
from tests.store.make import NOON, abstention, bundle, case, opinion, scored
from tests.store.older import make_older
from triage.review import plant_case, undo_decision
from triage.review.policies import SitePolicy, set_site_policy, site_policy
from triage.store import (
    ImageRecord,
    Store,
    add_case,
    add_prediction,
    check_store,
    open_store,
    register_bundle,
    set_champion,
    upgrade_store,
    verify_ledger,
)
from triage.store.bundles import withdraw_bundle
from triage.store.fact_checks.worklist_order import order_findings
from triage.store.tables import Case
from triage.vocabulary.clinical import Urgency

DAY = timedelta(days=1)


def order(store: Store, number: int = 1) -> tuple[Urgency, datetime]:
    """Class and due time of a case as they are stored; all of them are what follows."""
    with store.reading() as session:
        assert order_findings(session) == []
        rank, due = session.execute(
            select(Case.queue_rank, Case.due_at).where(Case.id == number)
        ).one()
    return list(Urgency)[rank], due


def test_a_case_waits_as_an_abstained_one_until_it_is_scored(store: Store) -> None:
    with store.transaction() as session:
        number = add_case(session, case())
    assert order(store, number) == (Urgency.SEMI_URGENT, NOON + 7 * DAY)
    scored(store, prediction=opinion(Urgency.OBSERVATION))
    assert order(store, number) == (Urgency.OBSERVATION, NOON + 90 * DAY)


def test_bundles_that_come_into_use_and_are_withdrawn(store: Store) -> None:
    number = scored(store, prediction=opinion(Urgency.ROUTINE))
    with store.transaction() as session:
        first = register_bundle(session, bundle())
        second = register_bundle(session, bundle("e" * 64))
        add_prediction(session, number, second, opinion(Urgency.URGENT))
    assert order(store)[0] is Urgency.URGENT, "the newest"
    with store.transaction() as session:
        set_champion(session, first)
    assert order(store)[0] is Urgency.ROUTINE, "the one in use"
    with store.transaction() as session:
        set_champion(session, second)
    assert order(store)[0] is Urgency.URGENT
    with store.transaction() as session:
        withdraw_bundle(session, "e" * 64, "a fault")
    assert order(store)[0] is Urgency.ROUTINE
    with store.transaction() as session:
        withdraw_bundle(session, "d" * 64, "a fault")
    assert order(store) == (Urgency.SEMI_URGENT, NOON + 7 * DAY)


def test_an_opinion_that_fills_in_for_one_that_could_not_be_read(store: Store) -> None:
    number = scored(store, prediction=abstention(condition=None, p_condition=None))
    assert order(store)[0] is Urgency.SEMI_URGENT
    with store.transaction() as session:
        add_prediction(session, number, 1, opinion(Urgency.OBSERVATION))
    assert order(store)[0] is Urgency.OBSERVATION


def test_a_planted_opinion(store: Store) -> None:
    never_twice(store)
    number = scored(store)
    wrong = opinion(Urgency.OBSERVATION, condition="acne")
    right = {"conditions": ("melanoma",), "urgency": Urgency.URGENT}
    plant_case(store, number, GOV, wrong_opinion=wrong, **right)
    assert order(store)[0] is Urgency.OBSERVATION


def test_deadlines_of_sites(store: Store) -> None:
    scored(store, "c1")
    ward = scored(store, "c2", source="ward")
    policy = SitePolicy.model_validate({"deadlines": {"urgent": "PT2H30M"}})
    set_site_policy(store, "ward", policy, GOV)
    assert order(store, ward)[1] == NOON + timedelta(hours=2, minutes=30)
    assert order(store, 1)[1] == NOON + DAY
    later = scored(store, "c3", source="ward")
    assert order(store, later)[1] == NOON + timedelta(hours=2, minutes=30)
    with store.reading() as session:
        assert site_policy(session, "ward") == policy
    set_site_policy(store, "ward", SitePolicy(), GOV)
    assert order(store, ward)[1] == NOON + DAY


def test_a_case_that_comes_back_to_the_worklist(store: Store) -> None:
    never_twice(store)
    number = scored(store)
    decided(store, number)
    with store.reading() as session:
        policy = site_policy(session, "clinic")
    short = policy.model_validate(policy.model_dump() | {"deadlines": {"urgent": "PT1H"}})
    set_site_policy(store, "clinic", short, GOV)
    assert order(store)[1] == NOON + DAY, "it does not wait now"
    undo_decision(store, number, ANN, at=LATER)
    assert order(store)[1] == NOON + timedelta(hours=1)


def test_images_that_are_supplied(store: Store) -> None:
    missing = case(images=(ImageRecord("c1/a.png", "/root", None),))
    with store.transaction() as session:
        number = add_case(session, missing)
    with store.transaction() as session:
        assert add_case(session, case()) == number
    assert order(store) == (Urgency.SEMI_URGENT, NOON + 7 * DAY)


def test_every_fraction_of_a_second_is_kept(store: Store) -> None:
    moments = [
        datetime(2024, 2, 28, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(2024, 2, 28, 23, 59, 59, tzinfo=UTC),
        datetime(2024, 12, 31, 12, 0, 0, 1, tzinfo=UTC),
    ]
    for place, moment in enumerate(moments):
        number = scored(store, f"c{place}", received_at=moment)
        assert order(store, number)[1] == moment + DAY


@pytest.mark.parametrize(
    ("statement", "column"),
    [
        ('UPDATE "case" SET queue_rank = 3 WHERE id = 2', "queue_rank"),
        ("UPDATE \"case\" SET due_at = '2030-01-01 00:00:00.000000' WHERE id = 2", "due_at"),
    ],
)
def test_columns_that_were_altered_are_found(store: Store, statement: str, column: str) -> None:
    for name in ("c1", "c2"):
        scored(store, name)
    with store.transaction() as session:
        session.execute(text(statement))
    url = store.engine.url.render_as_string(hide_password=False)
    found = [one.what for one in verify_ledger(url).chain.findings]
    assert found
    assert all(one.startswith("case 2: ") for one in found)
    assert any(column in one for one in found)
    assert check_store(url).problems == ()


def test_a_table_that_was_altered_as_a_whole_is_told_shortly(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("triage.store.fact_checks.worklist_order._MOST", 1)
    for name in ("c1", "c2"):
        scored(store, name)
    with store.transaction() as session:
        session.execute(text("UPDATE \"case\" SET due_at = '2030-01-01 00:00:00.000000'"))
    with store.reading() as session:
        first, rest = order_findings(session)
    assert first.startswith("case 1: due_at")
    assert "more cases" in rest


def test_cases_of_an_earlier_release(url: str) -> None:
    make_older(url, "0004", cases=(("clinic", "c1", 1), ("clinic", "c2", 1)))
    upgrade_store(url)
    store = open_store(url)
    for number in (1, 2):
        assert order(store, number) == (Urgency.URGENT, NOON + DAY)
    store.close()
    assert check_store(url).problems == ()


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_writers_of_one_case_agree_on_its_class(kind: str, tmp_path: Path) -> None:
    """Two bundles score a case at once, while a third comes into use."""
    from concurrent.futures import ThreadPoolExecutor

    with database_url(kind, tmp_path) as url:
        store = open_store(url, create=True)
        with store.transaction() as session:
            bundles = [register_bundle(session, bundle(digit * 64)) for digit in "abc"]
            numbers = [add_case(session, case(f"c{n}")) for n in range(6)]

        def score(place: int) -> None:
            urgency = list(Urgency)[place]
            for number in numbers:
                store.write(
                    lambda session, number=number: add_prediction(
                        session, number, bundles[place], opinion(urgency)
                    )
                )

        def use(place: int) -> None:
            store.write(lambda session: set_champion(session, bundles[place]))

        with ThreadPoolExecutor(5) as pool:
            jobs = [pool.submit(score, place) for place in (0, 1, 2)]
            jobs += [pool.submit(use, place) for place in (2, 0)]
            for job in jobs:
                job.result()
        for number in numbers:
            assert order(store, number)[0] in Urgency
        store.close()
