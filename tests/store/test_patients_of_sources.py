"""Patients are unique within a source, also in a database from before they were."""

from __future__ import annotations

import pytest
from sqlalchemy import func, inspect, select, text

from tests.store.make import bundle, case, opinion, scored
from tests.store.older import make_older
from triage.errors import StoreError
from triage.store import (
    CaseRecord,
    Store,
    add_case,
    add_prediction,
    find_case,
    get_case,
    open_store,
    register_bundle,
    upgrade_store,
)
from triage.store.tables import Case, Patient


def _patient(store: Store, number: int) -> tuple[int, str]:
    with store.reading() as session:
        row = session.get(Case, number)
        assert row is not None
        return row.patient_id, row.patient.source


def _patients(store: Store) -> int:
    with store.reading() as session:
        return session.scalar(select(func.count()).select_from(Patient)) or 0


def test_one_name_in_two_sources_is_two_patients(store: Store) -> None:
    first = scored(store, "c1", source="a", patient="p1")
    second = scored(store, "c1", source="b", patient="p1")
    third = scored(store, "c2", source="a", patient="p1")
    assert _patient(store, first)[0] != _patient(store, second)[0]
    assert _patient(store, first) == _patient(store, third)
    assert _patient(store, second)[1] == "b"


def test_a_stored_case_adds_no_patient(store: Store) -> None:
    number = scored(store, "c1", patient="p1")
    assert scored(store, "c1", patient=None) == number
    with pytest.raises(StoreError, match="stored with another patient"):
        scored(store, "c1", patient="p1 renamed")
    assert _patients(store) == 1


def _older(url: str) -> None:
    make_older(
        url,
        "0004",
        patients=("shared", "of a", "no case", "of b"),
        cases=(("b", "1", 1), ("a", "1", 1), ("a", "2", 2), ("a", "3", 1), ("c", "1", 1),
               ("b", "2", 4)),
    )  # fmt: skip


def test_a_patient_of_several_sources_is_divided(url: str) -> None:
    _older(url)
    with pytest.raises(StoreError, match="migration 0004, this software needs"):
        open_store(url)
    upgrade_store(url)
    store = open_store(url)
    of = {number: _patient(store, number) for number in range(1, 7)}
    assert [source for _, source in of.values()] == ["b", "a", "a", "a", "c", "b"]
    assert of[1] == (1, "b")  # the source of the first case keeps the number
    assert of[2] == of[4]
    assert of[3] == (2, "a")
    assert of[6] == (4, "b")
    assert len({of[1], of[2], of[5]}) == 3
    assert _patients(store) == 4 + 2
    with store.reading() as session:
        assert [get_case(session, number).patient for number in of] == [
            "shared", "shared", "of a", "shared", "shared", "of b",
        ]  # fmt: skip
    store.close()


def test_an_upgraded_database_goes_on(url: str) -> None:
    """New rows get new numbers, the old cases are found, and every reference still holds."""
    _older(url)
    upgrade_store(url)
    store = open_store(url)
    with store.transaction() as session:
        assert find_case(session, "a", "3") == 4
        number = add_case(session, case("4", source="a", patient="shared"))
        add_prediction(session, number, register_bundle(session, bundle()), opinion())
        another = add_case(session, case("1", source="d", patient="shared"))
    assert _patient(store, number) == _patient(store, 2)
    assert _patient(store, another)[1] == "d"
    keys = inspect(store.engine).get_foreign_keys("case")
    assert [key["referred_table"] for key in keys] == ["patient"]
    for statement in ("DELETE FROM patient", "DELETE FROM event", "UPDATE event SET actor = 'E'"):
        with pytest.raises(StoreError), store.transaction() as session:
            session.execute(text(statement))
    store.close()


def test_foreign_keys_are_checked_before_an_upgrade_is_kept(url: str) -> None:
    if not url.startswith("sqlite"):
        pytest.skip("PostgreSQL never stops checking them")
    import sqlite3

    _older(url)
    path = url.removeprefix("sqlite:///")
    connection = sqlite3.connect(path)  # a plain tool, which checks no foreign key
    connection.execute('UPDATE "case" SET patient_id = 99 WHERE id = 6')
    connection.commit()
    with pytest.raises(StoreError, match="refer to rows that do not exist"):
        upgrade_store(url)
    found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    columns = [row[1] for row in connection.execute("PRAGMA table_info(patient)")]
    connection.close()
    assert (found, columns) == (("0004",), ["id", "external_id"])


def test_a_case_without_a_patient_is_one_of_its_source(store: Store) -> None:
    record: CaseRecord = case("c1", patient=None, source="a")
    with store.transaction() as session:
        number = add_case(session, record)
    assert _patient(store, number)[1] == "a"
