"""Versions and frozen sets in the case database."""

from __future__ import annotations

import pytest
from sqlalchemy import text, update

from tests.dataset_versions.make import digest, member, taken, version
from tests.store.make import bundle
from triage.data.dataset import Dataset
from triage.dataset_versions.leaks import FrozenSetError, LeakError
from triage.dataset_versions.snapshot import (
    consents_of_store,
    frozen_keys,
    latest_version,
    store_version,
)
from triage.dataset_versions.stored_versions import trained_keys, version_of_root
from triage.dataset_versions.version import DatasetVersion, VersionNotIntact
from triage.errors import StoreError
from triage.store import EventType, Store, events, register_bundle, verify_ledger
from triage.store.base import utc_now
from triage.store.learning_tables import DatasetMemberRow, TrainingRunRow
from triage.vocabulary.learning import MemberSplit


def put(store: Store, found: DatasetVersion) -> int:
    return store.write(
        lambda session: store_version(session, found, actor="Eve", reason="a snapshot")
    )


def newest(store: Store) -> DatasetVersion | None:
    with store.reading() as session:
        return latest_version(session, "clinic")


def kinds(store: Store) -> list[str]:
    with store.reading() as session:
        return [one.kind for one in events(session) if one.kind == EventType.DATASET_VERSION_MADE]


def findings(url: str) -> list[str]:
    return [one.what for one in verify_ledger(url).chain.findings]


def test_a_version_comes_back_and_again_changes_nothing(
    store: Store, url: str, data: Dataset
) -> None:
    assert newest(store) is None
    first = taken(data)
    number = put(store, first)
    assert newest(store) == first
    assert put(store, first) == number
    assert len(kinds(store)) == 1
    with store.reading() as session:
        keys = frozen_keys(session, "clinic")
        assert version_of_root(session, first.root[:8]) == first
        assert consents_of_store(session) == {}
        assert frozen_keys(session, "another") == frozenset()
    assert keys == {one.case_key for one in first.of_split(MemberSplit.FROZEN)} != set()
    assert findings(url) == []


def test_parents_and_an_earlier_state_that_is_reached_again(store: Store, url: str) -> None:
    first = version(member("a"), member("b", MemberSplit.FROZEN))
    second = version(*first.members, member("c"), parent=first.root)
    number = put(store, first)
    put(store, second)
    assert newest(store) == second
    again = version(*first.members, parent=second.root)
    assert put(store, again) == number
    assert newest(store) == first
    assert put(store, again) == number
    assert len(kinds(store)) == 3
    assert findings(url) == []
    with pytest.raises(StoreError, match="version before it is not stored"):
        put(store, version(member("z"), member("b", MemberSplit.FROZEN), parent=digest("no")))


@pytest.mark.parametrize("root", ["", "xyz", "12345", "0" * 64, "'; --"])
def test_a_root_that_there_is_not(root: str, store: Store) -> None:
    with store.reading() as session, pytest.raises(StoreError):
        version_of_root(session, root)


def test_a_leak_is_not_stored(store: Store) -> None:
    same = {"patient_key": digest("one")}
    with pytest.raises(LeakError, match="1 patients are in both train and gate"):
        put(store, version(member("a", **same), member("b", MemberSplit.FROZEN, **same)))
    assert newest(store) is None


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"images": (digest("other"),)}, "1 have another image"),
        ({"label_hash": digest("other")}, "1 have another label"),
        ({"condition": "melanoma"}, "1 have another label"),
        ({"split": MemberSplit.TEST}, "1 are in another split"),
        (None, "1 are missing"),
    ],
)
def test_a_frozen_case_that_is_not_what_it_was(changes, what: str, store: Store) -> None:
    chosen = member("f", MemberSplit.FROZEN)
    put(store, version(member("a"), chosen, member("g", MemberSplit.GATE)))
    changed = [] if changes is None else [chosen.model_copy(update=changes)]
    with pytest.raises(FrozenSetError, match=what):
        put(store, version(member("a"), *changed))
    with pytest.raises(FrozenSetError, match="1 are new in it"):
        put(store, version(chosen, member("g", MemberSplit.FROZEN)))
    put(store, version(chosen, member("b")))


def test_a_frozen_case_never_trains_under_another_spec(store: Store) -> None:
    put(store, version(member("a"), member("f", MemberSplit.FROZEN)))
    with pytest.raises(LeakError, match="frozen regression set"):
        put(store, version(member("f"), spec_name="another"))
    put(store, version(member("f", MemberSplit.FROZEN), member("b"), spec_name="another"))


def test_what_a_bundle_was_trained_on(store: Store) -> None:
    recorded = version(member("a"), member("b", MemberSplit.VALIDATION), member("c", "test"))
    number = put(store, recorded)
    with store.transaction() as session:
        trained = register_bundle(session, bundle())
        session.add(
            TrainingRunRow(
                key=digest("run"),
                state="finished",
                dataset_version_id=number,
                challenger_id=trained,
                policy_hash=digest("p"),
                settings_hash=digest("s"),
                steps={},
                started_by="Eve",
                started_at=utc_now(),
            )
        )
    with store.reading() as session:
        assert trained_keys(session, "d" * 64) == {member(name).case_key for name in "ab"}
        assert trained_keys(session, "e" * 64) == frozenset()


@pytest.mark.parametrize(
    ("statement", "finding"),
    [
        ("UPDATE dataset_member SET condition = 'x' WHERE position = 0", "members are not those"),
        ("UPDATE dataset_version SET root = 'x' WHERE id = 1", "no event says"),
        ("UPDATE frozen_case SET label_hash = 'x'", "is not what its version says"),
        ("UPDATE frozen_case SET withdrawn_at = '2025-01-01 00:00:00'", "withdrawn_at is not what"),
        ("UPDATE dataset_version SET parent_id = 1", "its parent is not what its event says"),
    ],
)
def test_an_altered_row_is_found(statement: str, finding: str, store: Store, url: str) -> None:
    put(store, version(member("a"), member("f", MemberSplit.FROZEN)))
    with store.transaction() as session:
        session.execute(text(statement))
    assert any(finding in found for found in findings(url))


def test_a_version_whose_members_were_altered_is_not_read(store: Store) -> None:
    put(store, version(member("a")))
    with store.transaction() as session:
        session.execute(update(DatasetMemberRow).values(licence="CC0"))
    with pytest.raises(VersionNotIntact, match="not those of its root"):
        newest(store)


def test_a_deleted_version_is_found(store: Store, url: str) -> None:
    put(store, version(member("a")))
    with store.transaction() as session:
        session.execute(text("DELETE FROM dataset_member"))
        session.execute(text("DELETE FROM dataset_version"))
    assert any("is missing, and an event says" in found for found in findings(url))
