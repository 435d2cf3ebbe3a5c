"""What a table states of a case that is stored: patient, visit, laterality and age."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select, text

from tests.readers import lock
from tests.store.make import case, scored
from triage.errors import StoreError
from triage.store import (
    CaseRecord,
    LabelSource,
    Laterality,
    Store,
    add_case,
    add_label,
    events,
    get_case,
)
from triage.store.records import StoredCase
from triage.store.tables import Patient


def _add(store: Store, record: CaseRecord) -> StoredCase:
    with store.transaction() as session:
        return get_case(session, add_case(session, record))


def _patients(store: Store) -> list[str]:
    with store.reading() as session:
        return sorted(session.scalars(select(Patient.external_id)))


def test_visit_laterality_and_age_come_back(store: Store) -> None:
    found = _add(store, case(visit=35, laterality=Laterality.LEFT, age=61.5, id_derived=True))
    assert (found.visit, found.laterality, found.age) == (35, Laterality.LEFT, 61.5)
    assert found.id_derived
    found = _add(store, case("c2"))
    assert (found.visit, found.laterality, found.age) == (None, None, None)
    assert not found.id_derived


def test_what_was_unknown_is_completed_and_what_was_known_stays(store: Store) -> None:
    _add(store, case(age=61.0))
    _add(store, case(visit=0, laterality=Laterality.RIGHT, age=62.0))
    found = _add(store, case())
    assert (found.visit, found.laterality, found.age) == (0, Laterality.RIGHT, 61.0)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("patient", {"patient": "another"}),
        ("visit", {"visit": 36}),
        ("laterality", {"laterality": Laterality.RIGHT}),
    ],
)
def test_what_contradicts_is_refused_and_nothing_changes(
    store: Store, name: str, changes: dict[str, Any]
) -> None:
    before = _add(store, case(visit=35, laterality=Laterality.LEFT))
    with pytest.raises(StoreError, match=f"stored with another {name}.*--source"):
        _add(store, case(**changes))
    with store.reading() as session:
        assert get_case(session, before.id) == before
    assert _patients(store) == ["patient of c1"]


@pytest.mark.parametrize(
    "changes",
    [
        {"visit": -1}, {"age": -0.5}, {"age": float("nan")}, {"laterality": "upper"},
        {"patient": "(case) c1"}, {"patient": "(image) c1"}, {"external_id": "(case) c1"},
    ],
)  # fmt: skip
def test_a_malformed_case_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(StoreError):
        case(**changes)


def test_the_database_refuses_another_laterality(store: Store) -> None:
    scored(store)
    with pytest.raises(StoreError), store.transaction() as session:
        session.execute(text("UPDATE \"case\" SET laterality = 'upper'"))


def test_no_patient_has_the_name_of_one_that_stands_in(store: Store) -> None:
    """A case without a patient was one of a patient `source/case`, which a table could name too."""
    alone = _add(store, case("c1", patient=None))
    named = _add(store, case("c2", patient="clinic/c1"))
    assert alone.patient != named.patient
    assert _patients(store) == ["(case) c1", "clinic/c1"]
    assert _add(store, case("c1", patient=None)) == alone


def test_a_patient_stated_at_last_takes_the_place(store: Store) -> None:
    number = scored(store, "c1", patient=None)
    for _ in range(2):
        assert _add(store, case("c1", patient="p1")).patient == "p1"
    with store.reading() as session:
        stated = [one for one in events(session, number) if one.kind == "patient_stated"]
    assert len(stated) == 1
    assert set(stated[0].payload) == {"patient", "former"}
    assert _patients(store) == ["p1"]
    assert _add(store, case("c1", patient=None)).patient == "p1"


def test_it_joins_a_patient_who_is_there(store: Store) -> None:
    scored(store, "c2", patient="p1")
    scored(store, "c1", patient=None)
    _add(store, case("c1", patient="p1"))
    assert _patients(store) == ["p1"]


@pytest.mark.parametrize("by", ["read", "label"])
def test_a_patient_stated_after_a_person_worked_is_refused(store: Store, by: str) -> None:
    number = scored(store, "c1", patient=None)
    if by == "read":
        lock(store, number)
    else:
        with store.transaction() as session:
            source = LabelSource.HISTOLOGY
            add_label(session, number, "acne", source, given_by="laboratory", ai_visible=False)
    with pytest.raises(StoreError, match="read or labelled"):
        _add(store, case("c1", patient="p1"))
    assert _patients(store) == ["(case) c1"]
    assert _add(store, case("c1", patient=None)).patient == "(case) c1"
