"""Going back to an earlier champion: which, by whom, and what stands in the record."""

from __future__ import annotations

from typing import Any

import pytest

from tests.model_registry.registered import EVE, GUS, ON_BOTH, RHEA, Registered
from tests.model_registry.test_proposals import happened, is_intact
from triage.accounts import SYSTEM_ACTOR
from triage.accounts.permissions import PermissionDenied
from triage.errors import BundleError, UsageError
from triage.model_registry.aliases import retire
from triage.model_registry.proposals import Promoted
from triage.model_registry.refusals import RegistryRefused
from triage.model_registry.rollback import KEPT_READY, former_champions, rollback
from triage.store import BundleRecord, Store, register_bundle, set_champion
from triage.store.bundles import withdraw_bundle
from triage.store.learning_tables import PromotionRow


def use(registered: Registered, *names: str) -> None:
    """Put bundles in use, one after the other."""
    for name in names:
        with registered.store.transaction() as session:
            row = register_bundle(
                session,
                BundleRecord(registered.digests[name], name, str(registered.folder / name), ()),
            )
            set_champion(session, row, actor="Eve")


def back(registered: Registered, **given: Any) -> Promoted:
    with registered.store.transaction() as session:
        return rollback(session, **({"reason": "It errs.", "actor": EVE} | given))


def ready(registered: Registered) -> list[str]:
    with registered.store.reading() as session:
        return [row.name for row in former_champions(session)]


@ON_BOTH
def test_the_champion_before_comes_back_by_one_account(registered: Registered) -> None:
    use(registered, "second")
    done = back(registered, actor=GUS)
    assert (done.bundle, done.former) == (registered.digests["first"], registered.digests["second"])
    assert (registered.alias("first"), registered.alias("second")) == ("champion", None)
    with registered.store.reading() as session:
        row = session.get_one(PromotionRow, done.promotion)
        assert (row.kind, row.reason, row.proposed_by) == ("rollback", "It errs.", "Gus")
        assert row.approved_by == "Gus"
        assert not row.signed_off
    assert happened(registered.store)[-3:] == [
        ("promotion_proposed", "Gus"),
        ("promotion_approved", "Gus"),
        ("champion_set", "Gus"),
    ]
    assert is_intact(registered.store)


def test_going_back_twice_goes_further_back(registered: Registered) -> None:
    """A bundle that was rolled back itself is not what a second rollback brings back."""
    use(registered, "second", "third")
    assert ready(registered) == ["second", "first"]
    back(registered)
    assert ready(registered) == ["first", "third"]
    back(registered)
    assert registered.alias("first") == "champion"
    with pytest.raises(RegistryRefused, match="no earlier champion"):
        back(registered)
    back(registered, to=registered.digests["third"])
    assert registered.alias("third") == "champion"
    assert is_intact(registered.store)


def test_the_last_three_are_kept_ready(registered: Registered) -> None:
    for name in ("fourth", "fifth"):
        registered.add(name)
    use(registered, "second", "third", "fourth", "fifth")
    assert ready(registered) == ["fourth", "third", "second"]
    assert KEPT_READY == 3
    with pytest.raises(RegistryRefused, match="none of the last 3"):
        back(registered, to=registered.digests["first"])
    back(registered, to=registered.digests["second"])
    assert registered.alias("second") == "champion"


def test_withdrawn_and_retired_bundles_do_not_come_back(registered: Registered) -> None:
    registered.add("fourth")
    use(registered, "second", "third", "fourth")
    with registered.store.transaction() as session:
        withdraw_bundle(session, registered.digests["third"], "Wrong.", actor="Eve")
        retire(session, registered.digests["second"], reason="Old.", actor=EVE)
    assert ready(registered) == ["first"]
    with pytest.raises(RegistryRefused, match="none of the last"):
        back(registered, to=registered.digests["third"])
    back(registered)
    assert registered.alias("first") == "champion"


def test_without_an_earlier_champion_it_is_refused(registered: Registered) -> None:
    with pytest.raises(RegistryRefused, match="no earlier champion"):
        back(registered)


def test_files_are_verified_first(registered: Registered) -> None:
    use(registered, "second")
    (registered.folder / "first" / "policy.json").write_text("{}")
    before = happened(registered.store)
    with pytest.raises(BundleError, match=r"policy\.json"):
        back(registered)
    assert happened(registered.store) == before
    assert registered.alias("second") == "champion"


@pytest.mark.parametrize("actor", [RHEA, SYSTEM_ACTOR])
def test_it_needs_the_permission_and_a_reason(registered: Registered, actor: Any) -> None:
    use(registered, "second")
    with pytest.raises(PermissionDenied):
        back(registered, actor=actor)
    with pytest.raises(UsageError, match="no reason"):
        back(registered, reason=" ")


def test_after_a_withdrawal_a_former_champion_comes_back(registered: Registered) -> None:
    use(registered, "second")
    with registered.store.transaction() as session:
        withdraw_bundle(session, registered.digests["second"], "Wrong.", actor="Eve")
    done = back(registered)
    assert done.former is None
    assert registered.alias("first") == "champion"
    assert is_intact(registered.store)


def test_a_shadow_that_comes_back_is_in_shadow_no_more(registered: Registered) -> None:
    from triage.model_registry.aliases import set_shadow

    use(registered, "second")
    with registered.store.transaction() as session:
        set_shadow(session, registered.digests["first"], actor=EVE)
    back(registered)
    assert registered.alias("first") == "champion"
    assert is_intact(registered.store)


def test_a_database_without_accounts_can_go_back(store: Store, tmp_path: Any) -> None:
    """Nobody is asked who they are there; a promotion is still one of two people."""
    found = Registered(store, tmp_path / "bundles", {})
    for name in ("first", "second"):
        found.add(name)
    use(found, "first", "second")
    back(found, actor=SYSTEM_ACTOR)
    assert found.alias("first") == "champion"
