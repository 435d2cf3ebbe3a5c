"""Cases that are added together leave the rows and events of cases added one by one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from tests.store.databases import database_url
from tests.store.make import NOON, abstention, bundle, case, opinion
from triage.errors import StoreError
from triage.intake.new_cases import ScoredCase, add_new_cases
from triage.store import (
    ImageRecord,
    ReadingRecord,
    Store,
    add_case,
    add_prediction,
    open_store,
    register_bundle,
    verify_ledger,
)
from triage.store.base import Base
from triage.store.savepoint import savepoint
from triage.store.tables import Case, Patient
from triage.vocabulary.clinical import Urgency

TWO = (ImageRecord("b/1.png", "/root", "b" * 64, ("srgb",)), ImageRecord("b/2.png", "/root", None))
# In the order of their patients; one who comes again is the last, since PostgreSQL then leaves a
# number out.
CASES = sorted(
    [
        ScoredCase(case("c3", patient="z1"), opinion()),
        ScoredCase(case("c1", patient="z1", images=TWO), abstention()),
        ScoredCase(case("c2", patient=None, groups={}), opinion(Urgency.ROUTINE)),
        ScoredCase(case("c4", images=(), decoded=False), abstention()),
        ScoredCase(
            case("c5", visit=3, age=41.5, id_derived=True),
            opinion(Urgency.OBSERVATION),
            ReadingRecord("/readings/1.safetensors", "e" * 64),
        ),
    ],
    key=lambda one: (one.case.patient_name, one.case.external_id),
)


@contextmanager
def fresh(kind: str, folder: Path, name: str) -> Iterator[tuple[Store, str]]:
    place = folder / name
    place.mkdir()
    with database_url(kind, place) as url:
        store = open_store(url, create=True)
        store.write(lambda session: register_bundle(session, bundle()))
        yield store, url
        store.close()


def together(store: Store, cases: list[ScoredCase] = CASES) -> dict[int, int]:
    return store.write(lambda session: add_new_cases(session, 1, cases, actor="Ann"))


def one_by_one(store: Store) -> None:
    def work(session: Any) -> None:
        for one in CASES:
            number = add_case(session, one.case, actor="Ann")
            add_prediction(session, number, 1, one.decision, one.reading, actor="Ann")

    store.write(work)


def content(store: Store) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table, without times of writing and what is hashed from them."""
    left_out = {"at", "created_at", "registered_at", "hash", "text", "set_at"}
    with store.reading() as session:
        return {
            name: [
                {key: value for key, value in row._mapping.items() if key not in left_out}
                for row in session.execute(select(table).order_by(*table.primary_key))
                if "ledger_begun" not in row
            ]
            for name, table in Base.metadata.tables.items()
        }


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_rows_and_events_are_those_of_cases_added_one_by_one(kind: str, tmp_path: Path) -> None:
    with fresh(kind, tmp_path, "a") as (first, url), fresh(kind, tmp_path, "b") as (second, _):
        assert together(first) == {place: place + 1 for place in range(len(CASES))}
        one_by_one(second)
        found, expected = content(first), content(second)
        assert len(found["case"]) == 5
        assert found == expected
        verified = verify_ledger(url)
        assert verified.intact, verified.chain.findings


def test_stored_cases_are_left_alone(store: Store) -> None:
    store.write(lambda session: register_bundle(session, bundle()))
    assert together(store, CASES[:2]) == {0: 1, 1: 2}
    before = content(store)
    assert together(store, CASES[:2]) == {}
    assert content(store) == before
    again = [CASES[1], CASES[2], CASES[2], CASES[3]]
    added = together(store, again)
    assert sorted(added) == [1, 3]
    assert len(content(store)["case"]) == 4


def test_a_patient_of_another_writers_case_is_not_added(store: Store) -> None:
    """A stored case with another patient is compared by `add_case`; no patient comes of it."""
    store.write(lambda session: register_bundle(session, bundle()))
    together(store, [ScoredCase(case("c1", patient="p1"), opinion())])
    assert together(store, [ScoredCase(case("c1", patient="p2"), opinion())]) == {}
    with store.reading() as session:
        assert list(session.scalars(select(Patient.external_id))) == ["p1"]


def test_a_value_that_the_database_refuses_leaves_nothing(store: Store) -> None:
    store.write(lambda session: register_bundle(session, bundle()))
    wrong = ScoredCase(case("c9", received_at=NOON, modality="painting"), opinion())

    def work(session: Any) -> None:
        with savepoint(session):
            add_new_cases(session, 1, [CASES[0], wrong])

    with pytest.raises((StoreError, DBAPIError)):
        store.write(work)
    with store.reading() as session:
        assert list(session.scalars(select(Case.id))) == []
