"""A database from before visit, laterality, age and derived names were stored."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, select, text

from tests.store.make import case
from tests.store.older import make_older
from tests.store.test_recognition import photo, put, stored
from triage.store import Store, check_store, find_case, get_case, open_store, upgrade_store
from triage.store.tables import Patient

CASES = (
    ("clinic", "photos/1.jpg", 1), ("clinic", "c2", 2), ("clinic", "c3", 3), ("clinic", "4.jpg", 4),
    ("clinic", "5.jpg", 5), ("clinic", "c6", 5), ("clinic", "(image) 7.jpg", 6),
)  # fmt: skip
PATIENTS = ("photos/1.jpg", "clinic/c2", "p3", "(case) 4.jpg", "5.jpg", "clinic/(image) 7.jpg")
PATHS = ("photos/1.jpg", "c2/1.jpg", "c3", "4.jpg", "5.jpg", "c6/1.jpg", "7.jpg")


@pytest.fixture
def upgraded(url: str) -> Store:
    """Of release migrations: images of content a, b, c and so on; `c3` has two."""
    make_older(url, "0004", patients=PATIENTS, cases=CASES)
    engine = create_engine(make_url(url.replace("postgresql:", "postgresql+psycopg:")))
    add = text(
        "INSERT INTO image (case_id, position, path, root, sha256) VALUES (:case, :n, :p, '/r', :h)"
    )
    with engine.begin() as connection:
        for number, path in enumerate(PATHS, start=1):
            values = {"case": number, "n": 0, "p": path, "h": "abcdefg"[number - 1] * 64}
            connection.execute(add, values)
        connection.execute(add, {"case": 3, "n": 1, "p": "other", "h": "0" * 64})
    engine.dispose()
    upgrade_store(url)
    assert check_store(url).problems == ()
    return open_store(url)


def _patients(store: Store) -> list[str]:
    with store.reading() as session:
        return list(session.scalars(select(Patient.external_id).order_by(Patient.id)))


def test_derived_names_and_patients_are_told_apart(upgraded: Store) -> None:
    with upgraded.reading() as session:
        found = [get_case(session, number) for number in range(1, 8)]
    assert [one.id_derived for one in found] == [True, False, False, True, True, False, True]
    assert [one.patient for one in found] == [
        "(case) photos/1.jpg", "(case) c2", "p3", "(case) 4.jpg", "5.jpg", "5.jpg",
        "(case) (image) 7.jpg",
    ]  # fmt: skip
    assert {(one.visit, one.laterality, one.age) for one in found} == {(None, None, None)}
    upgraded.close()


def test_its_cases_are_recognised_and_add_no_patient(upgraded: Store) -> None:
    before = _patients(upgraded)
    again = put(
        upgraded,
        photo("1.jpg", "a"),
        photo("c2", "b", id_derived=False),
        photo("in/4.jpg", "d"),
        photo("5.jpg", "e"),
        photo("in/7.jpg", "g"),
    )
    assert again == ["photos/1.jpg", "c2", "4.jpg", "5.jpg", "(image) 7.jpg"]
    assert _patients(upgraded) == before
    assert stored(upgraded)["photos/1.jpg"] == "1.jpg"
    # A patient whose id is what another case's patient was named has no case of that.
    put(upgraded, case("new", patient="clinic/c2"))
    with upgraded.reading() as session:
        number = find_case(session, "clinic", "new")
        assert number is not None
        assert get_case(session, number).patient == "clinic/c2"
    assert len(_patients(upgraded)) == len(before) + 1
    upgraded.close()


def test_a_missing_index_is_found(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    store = open_store(url, create=True)
    with store.transaction() as session:
        session.execute(text("DROP INDEX ix_image_sha256"))
    store.close()
    (problem,) = check_store(url).problems
    assert "index ix_image_sha256 of image is missing" in problem
