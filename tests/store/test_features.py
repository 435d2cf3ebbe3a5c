"""Vectors of cases: stored once, exact to half precision, and not part of the ledger."""

from __future__ import annotations

import hashlib
import struct

import numpy as np
import pytest
from sqlalchemy import select, text

from tests.store.make import bundle, scored
from triage.errors import StoreError
from triage.store import Store, register_bundle, verify_ledger
from triage.store.features import add_features, features_of
from triage.store.tables import CaseFeatures


def unit(*numbers: float) -> np.ndarray:
    vector = np.array(numbers, np.float32)
    return vector / np.linalg.norm(vector)


@pytest.fixture
def numbers(store: Store) -> tuple[int, int]:
    return scored(store, "c1"), scored(store, "c2")


def test_a_vector_comes_back_as_it_was_to_half_precision(
    store: Store, numbers: tuple[int, int]
) -> None:
    vector = unit(*np.random.default_rng(0).normal(size=300))
    with store.transaction() as session:
        add_features(session, 1, {numbers[0]: vector})
    with store.reading() as session:
        found = features_of(session, numbers[0], 1)
        assert found is not None
        assert found.dtype == np.float32
        assert np.abs(found - vector).max() < 2**-11
        assert np.linalg.norm(found) == pytest.approx(1, abs=1e-6)
        assert 1 - float(found @ vector) == pytest.approx(0, abs=1e-6)
        assert features_of(session, numbers[1], 1) is None
        assert features_of(session, numbers[0], 2) is None


def test_the_bytes_are_little_endian_with_their_hash(
    store: Store, numbers: tuple[int, int]
) -> None:
    with store.transaction() as session:
        add_features(session, 1, {numbers[0]: np.array([0.6, -0.8, 0.0], np.float32)})
    with store.reading() as session:
        row = session.scalars(select(CaseFeatures)).one()
        assert row.dimension == 3
        assert row.vector == struct.pack("<3e", 0.6, -0.8, 0.0)
        assert row.sha256 == hashlib.sha256(row.vector).hexdigest()


def test_the_first_vector_of_a_bundle_stays(store: Store, numbers: tuple[int, int]) -> None:
    with store.transaction() as session:
        other = register_bundle(session, bundle("e" * 64))
        add_features(session, 1, {numbers[0]: unit(1, 0)})
        add_features(session, 1, {numbers[0]: unit(0, 1), numbers[1]: unit(0, 1)})
        add_features(session, other, {numbers[0]: unit(0, 0, 1)})
        add_features(session, other, {})
    with store.reading() as session:
        assert [row.case_id for row in session.scalars(select(CaseFeatures))] == [
            numbers[0],
            numbers[1],
            numbers[0],
        ]
        first, second = features_of(session, numbers[0], 1), features_of(session, numbers[0], other)
    assert first is not None
    assert first.tolist() == [1, 0]
    assert second is not None
    assert second.tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    "vector",
    [
        np.array([1, np.nan], np.float32),
        np.array([np.inf, 0], np.float32),
        np.empty(0, np.float32),
        np.ones((1, 2), np.float32),
    ],
)
def test_what_is_no_vector_is_refused(
    store: Store, numbers: tuple[int, int], vector: np.ndarray
) -> None:
    with pytest.raises(StoreError, match="not flat"), store.transaction() as session:
        add_features(session, 1, {numbers[0]: vector})
    with store.reading() as session:
        assert session.scalars(select(CaseFeatures)).all() == []


def test_a_case_or_bundle_that_does_not_exist_is_refused(
    store: Store, numbers: tuple[int, int]
) -> None:
    for bundle_id, case_id in ((1, 99), (99, numbers[0])):
        with pytest.raises(StoreError), store.transaction() as session:
            add_features(session, bundle_id, {case_id: unit(1, 0)})


@pytest.mark.parametrize(
    "change",
    ["vector = x'003c0000'", "sha256 = 'b'", "dimension = 7"],
)
def test_an_altered_vector_is_not_used(store: Store, numbers: tuple[int, int], change: str) -> None:
    if store.engine.dialect.name == "postgresql":
        change = change.replace("x'003c0000'", r"'\x003c0000'")
    with store.transaction() as session:
        add_features(session, 1, {numbers[0]: unit(0, 1)})
        session.execute(text(f"UPDATE case_features SET {change}"))
    with store.reading() as session:
        assert features_of(session, numbers[0], 1) is None


def test_vectors_are_no_facts_of_the_ledger(store: Store, numbers: tuple[int, int]) -> None:
    with store.transaction() as session:
        add_features(session, 1, {numbers[0]: unit(0, 1)})
    assert verify_ledger(store.engine.url.render_as_string(False)).intact
    with store.transaction() as session:
        session.execute(text("DELETE FROM case_features"))
    assert verify_ledger(store.engine.url.render_as_string(False)).intact
