"""The matrix of labelled vectors: its order, its limit, what it reads again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import event

from tests.review.labelled import histology, label, labelled, scored_with, unit
from tests.review.team import fresh_store
from triage.review.labelled_vectors import MOST_BUNDLES, LabelledVectors, labelled_vectors
from triage.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = fresh_store(tmp_path)
    yield opened
    opened.close()


def updated(store: Store, vectors: LabelledVectors) -> LabelledVectors:
    with store.reading() as session:
        vectors.update(session)
    return vectors


def test_every_case_once_in_order_of_distance_equal_ones_too(store: Store) -> None:
    """More cases than are ordered at once, of which most are equally far."""
    numbers = [
        labelled(store, f"a{n}", (1, n % 3, 0), histology("acne"), patient=f"p{n}")
        for n in range(600)
    ]
    vectors = updated(store, LabelledVectors(1))
    found = [(case.case_id, distance) for case, distance in vectors.nearest(unit(1, 0, 0), ())]
    assert sorted(number for number, _ in found) == numbers
    distances = [distance for _, distance in found]
    assert distances == sorted(distances)
    assert distances[0] == pytest.approx(0, abs=1e-6)
    assert distances[-1] == pytest.approx(1 - 1 / np.sqrt(5), abs=2e-4)


def test_patients_are_left_out_and_another_width_finds_nothing(store: Store) -> None:
    first = labelled(store, "a", (1, 0, 0), histology("acne"))
    other = labelled(store, "b", (1, 1, 0), histology("acne"))
    vectors = updated(store, LabelledVectors(1))
    ((case, _),) = vectors.nearest(unit(1, 0, 0), {1})
    assert (case.case_id, case.patient_id) == (other, 2)
    assert first != other
    assert list(vectors.nearest(unit(1, 0), ())) == []
    assert list(updated(store, LabelledVectors(7)).nearest(unit(1, 0), ())) == []


def test_beyond_the_limit_the_first_cases_are_no_longer_compared(store: Store) -> None:
    numbers = [labelled(store, f"a{n}", (1, n, 0), histology("acne")) for n in range(5)]
    vectors = updated(store, LabelledVectors(1, most_bytes=3 * 3 * 4))
    assert len(vectors) == 3
    found = {case.case_id for case, _ in vectors.nearest(unit(1, 0, 0), ())}
    assert found == set(numbers[2:])
    later = labelled(store, "b", (1, 9, 0), histology("acne"))
    updated(store, vectors)
    found = {case.case_id for case, _ in vectors.nearest(unit(1, 0, 0), ())}
    assert later in found
    assert len(found) == len(vectors) == 3


def test_what_did_not_change_is_not_read_again(store: Store) -> None:
    labelled(store, "a", (1, 0, 0), histology("acne"))
    waiting = scored_with(store, "b", (1, 1, 0))
    vectors = updated(store, LabelledVectors(1))
    statements: list[str] = []
    event.listen(store.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    updated(store, vectors)
    assert [one for one in statements if "vector" in one] == []
    assert len([one for one in statements if "SELECT" in one]) == 3
    label(store, waiting, histology("acne"))
    statements.clear()
    updated(store, vectors)
    assert any("label.condition" in one for one in statements)
    assert not any("vector" in one for one in statements), "it is not signed"
    assert len(vectors) == 1


def test_the_vectors_of_few_systems_are_kept(store: Store) -> None:
    kept = labelled_vectors(store, 1)
    assert labelled_vectors(store, 1) is kept
    for other in range(2, 2 + MOST_BUNDLES):
        labelled_vectors(store, other)
    assert labelled_vectors(store, 1) is not kept
