"""The list of trained systems."""

from __future__ import annotations

from tests.store.make import bundle, scored
from triage.store import Store, register_bundle, set_champion
from triage.store.bundles import planted_digest, withdraw_bundle
from triage.store.registered_bundles import registered_bundles


def test_the_one_in_use_is_first_then_the_newest(store: Store) -> None:
    for number in range(2):
        scored(store, f"c{number}")  # by the bundle of `bundle()`
    with store.transaction() as session:
        first = register_bundle(session, bundle())
        register_bundle(session, bundle("1" * 64, name="second", conditions=("acne",)))
        register_bundle(session, bundle("2" * 64, name="third"))
        register_bundle(session, bundle(planted_digest("2" * 64), name="a stand-in"))
        set_champion(session, first)
        withdraw_bundle(session, "1" * 64, "wrong calibration")
    with store.reading() as session:
        found = registered_bundles(session)
    assert [one.name for one in found] == ["first", "third", "second"]
    assert [one.champion for one in found] == [True, False, False]
    assert [one.cases for one in found] == [2, 0, 0]
    assert [one.conditions for one in found] == [3, 3, 1]
    assert [one.withdrawn_because for one in found] == ["", "", "wrong calibration"]
    assert found[2].withdrawn_at is not None


def test_without_a_system_the_list_is_empty(store: Store) -> None:
    with store.reading() as session:
        assert registered_bundles(session) == []
