"""Cases without a name of their own are recognised by the content of their images."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from sqlalchemy import func, inspect, select

from tests.store.make import case
from triage.errors import StoreError
from triage.store import (
    CaseRecord,
    ImageRecord,
    Laterality,
    Store,
    add_case,
    content,
    get_case,
    recognised,
)
from triage.store.tables import Case, Image, Patient


def photo(path: str, *signs: str | None, **changes: Any) -> CaseRecord:
    """A case named by its first image; one sign stands for the content of an image."""
    images = tuple(
        ImageRecord(f"{path}{number or ''}", "/root", None if sign is None else sign * 64)
        for number, sign in enumerate(signs)
    )
    return case(path, **{"images": images, "patient": None, "id_derived": True} | changes)


def put(store: Store, *records: CaseRecord) -> list[str]:
    """Store a batch; return the names under which its cases are stored."""
    with store.transaction() as session:
        found = recognised(session, records, {content(record) for record in records})
        for record in found:
            add_case(session, record)
    return [record.external_id for record in found]


def stored(store: Store) -> dict[str, str]:
    """Name of each case to the path of its first image."""
    with store.reading() as session:
        rows = session.scalars(select(Case))
        return {row.external_id: row.images[0].path for row in rows}


def patients(store: Store) -> int:
    with store.reading() as session:
        return session.scalar(select(func.count()).select_from(Patient)) or 0


def test_moved_and_renamed_files_add_nothing(store: Store) -> None:
    put(store, photo("1.jpg", "a"), photo("2.jpg", "b"))
    assert put(store, photo("in/1.jpg", "a"), photo("x.jpg", "b")) == ["1.jpg", "2.jpg"]
    assert stored(store) == {"1.jpg": "in/1.jpg", "2.jpg": "x.jpg"}
    assert patients(store) == 2


def test_renumbered_files_are_recognised_by_content_before_name(store: Store) -> None:
    put(store, *(photo(f"{sign}.jpg", sign) for sign in "abc"))
    assert put(store, photo("a.jpg", "b"), photo("b.jpg", "c")) == ["b.jpg", "c.jpg"]
    assert stored(store) == {"a.jpg": "a.jpg", "b.jpg": "a.jpg", "c.jpg": "b.jpg"}


def test_two_files_of_one_content_are_two_cases_wherever_they_lie(store: Store) -> None:
    for _ in range(2):
        assert put(store, photo("1.jpg", "a"), photo("2.jpg", "a")) == ["1.jpg", "2.jpg"]
    moved = [photo("in/2.jpg", "a"), photo("in/1.jpg", "a")]
    assert put(store, *moved) == ["2.jpg", "1.jpg"]
    assert stored(store) == {"1.jpg": "in/1.jpg", "2.jpg": "in/2.jpg"}
    # A third file of the content is a third case.
    assert put(store, *moved, photo("in/3.jpg", "a")) == ["2.jpg", "1.jpg", "in/3.jpg"]


def test_a_stored_case_is_given_away_once_a_batch_of_several_calls(store: Store) -> None:
    put(store, photo("1.jpg", "a"))
    records = photo("x.jpg", "a"), photo("y.jpg", "a")
    batch = {content(record) for record in records}
    with store.transaction() as session:
        (first,) = recognised(session, records[:1], batch)
        (second,) = recognised(session, records[1:], batch, {first.external_id})
    assert (first.external_id, second.external_id) == ("1.jpg", "y.jpg")


def test_a_copy_beside_its_original_is_left_to_be_a_case_of_its_own(store: Store) -> None:
    put(store, photo("1.jpg", "a"))
    assert put(store, photo("0.jpg", "a"), photo("1.jpg", "a")) == ["0.jpg", "1.jpg"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (photo("1", "a", id_derived=False), photo("2", "a", id_derived=False)),
        (photo("1", "a", id_derived=False), photo("2", "a")),
        (photo("1", "a"), photo("2", "a", id_derived=False)),
        (photo("1", "a"), photo("2", "a", source="elsewhere")),
        (photo("1", "a"), photo("2", "b")),
        (photo("1", None), photo("2", None)),
        (photo("1", "a", "b"), photo("2", "a")),
        (photo("1", "a", patient="p1"), photo("2", "a", patient="p2")),
        (photo("1", "a", visit=0), photo("2", "a", visit=7)),
        (photo("1", "a", laterality=Laterality.LEFT),
         photo("2", "a", laterality=Laterality.RIGHT)),
    ],
)  # fmt: skip
def test_these_are_two_cases(store: Store, first: CaseRecord, second: CaseRecord) -> None:
    put(store, first)
    assert put(store, second) == ["2"]
    assert set(stored(store)) == {"1", "2"}


def test_a_recognised_case_is_completed(store: Store) -> None:
    put(store, photo("1.jpg", "a"))
    put(store, photo("2.jpg", "a", patient="p1", visit=7))
    with store.transaction() as session:
        found = get_case(session, add_case(session, photo("1.jpg", "a")))
    assert (found.external_id, found.patient, found.visit) == ("1.jpg", "p1", 7)


@pytest.mark.parametrize("derived", [False, True])
def test_a_path_that_is_another_cases_name_supplies_no_image(store: Store, derived: bool) -> None:
    """Although nobody has read the case, whose images may then be replaced."""
    put(store, photo("1.jpg", None, id_derived=derived))
    with pytest.raises(StoreError, match=r"other images.*--source"):
        put(store, photo("1.jpg", "a", id_derived=not derived))
    put(store, photo("1.jpg", "a", id_derived=derived))


def test_two_writers_of_one_file_under_two_paths_add_one_case(store: Store) -> None:
    rounds, begin = 10, threading.Barrier(2)

    def write(folder: str) -> None:
        for number in range(rounds):
            begin.wait(timeout=30)
            put(store, photo(f"{folder}/{number}.jpg", f"{number}"))

    threads = [threading.Thread(target=write, args=(name,)) for name in ("a", "b/a")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    with store.reading() as session:
        assert session.scalar(select(func.count()).select_from(Image)) == rounds


def test_the_hash_of_an_image_is_indexed(store: Store) -> None:
    indexes = inspect(store.engine).get_indexes("image")
    assert ["sha256"] in [index["column_names"] for index in indexes]
