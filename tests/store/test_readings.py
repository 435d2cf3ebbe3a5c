"""Where a volume's reading lies, and the way there from a database of the first version."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from tests.readers import lock, reader
from tests.store.make import abstention, opinion, scored
from tests.store.older import make_older
from triage.decision import Decision
from triage.errors import StoreError, WorkflowError
from triage.review import open_case, reveal
from triage.store import (
    Modality,
    ReadingRecord,
    Store,
    events,
    get_case,
    open_store,
    shown_prediction,
    upgrade_store,
)

READING = ReadingRecord("/srv/readings/c1.safetensors", "e" * 64)


@pytest.mark.parametrize("decision", [opinion(), abstention()])
def test_a_reading_comes_back_as_it_went_in(store: Store, decision: Decision) -> None:
    number = scored(store, prediction=decision, reading=READING, modality=Modality.OCT_VOLUMES)
    with store.reading() as session:
        assert get_case(session, number).modality is Modality.OCT_VOLUMES
        shown = shown_prediction(session, number)
    assert shown is not None
    assert shown.reading == READING


def test_of_a_reading_that_moved_the_new_place_is_kept(store: Store) -> None:
    number = scored(store, reading=READING)
    moved, other = ReadingRecord("/new/c1", READING.sha256), ReadingRecord("/new/c1", "f" * 64)
    for given, kept in ((moved, moved), (None, moved), (READING, READING), (other, READING)):
        scored(store, reading=given)
        with store.reading() as session:
            shown = shown_prediction(session, number)
        assert shown is not None
        assert (shown.decision, shown.reading) == (opinion(), kept)


def test_photographs_have_no_reading(store: Store) -> None:
    number = scored(store)
    with store.reading() as session:
        assert get_case(session, number).modality is Modality.PHOTOGRAPHS
        shown = shown_prediction(session, number)
    assert shown is not None
    assert shown.reading is None


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE \"case\" SET modality = 'sounds'",
        "UPDATE prediction SET reading_path = 'somewhere'",
        "UPDATE prediction SET reading_sha256 = 'e'",
    ],
)
def test_the_database_refuses_another_kind_and_half_a_reading(store: Store, statement: str) -> None:
    scored(store)
    with pytest.raises(StoreError), store.transaction() as session:
        session.execute(text(statement))


def test_the_readings_place_is_told_only_after_the_first_read(store: Store) -> None:
    number = scored(store, reading=READING)
    open_case(store, number, reader())
    with pytest.raises(WorkflowError):
        reveal(store, number, reader())
    lock(store, number)
    for _ in range(2):  # shown again, it is the same
        shown = reveal(store, number, reader())
        assert shown is not None
        assert shown.reading == READING


def test_a_database_of_the_first_version_is_upgraded_with_its_cases(url: str) -> None:
    """Made by the first migration alone and filled by plain SQL, as that version left it."""
    make_older(url, "0001")
    with pytest.raises(StoreError, match="migration 0001, this software needs"):
        open_store(url)
    upgrade_store(url)
    store = open_store(url)
    with store.reading() as session:
        assert get_case(session, 1).modality is Modality.PHOTOGRAPHS
        shown = shown_prediction(session, 1)
        assert [found.kind for found in events(session, 1)] == [
            "case_received",
            "case_carried_over",
        ]
    assert shown is not None
    assert shown.reading is None
    assert (shown.decision.aleatoric, shown.decision.epistemic) == (None, None)
    for statement in ("DELETE FROM event", "UPDATE prediction SET reading_path = 'x'"):
        with pytest.raises(StoreError), store.transaction() as session:
            session.execute(text(statement))
    store.close()
