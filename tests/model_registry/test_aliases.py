"""Aliases beside the champion's, retired bundles, and what is left when one is withdrawn."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from tests.model_registry.registered import EVE, GUS, RHEA, Registered
from tests.model_registry.test_proposals import is_intact
from triage.accounts.permissions import PermissionDenied
from triage.errors import BundleError, StoreError
from triage.model_registry.aliases import clear, retire, set_challenger, set_shadow
from triage.model_registry.bundle_rows import digest_of
from triage.model_registry.refusals import RegistryRefused
from triage.store import champion, events, register_bundle, set_first_champion, verify_ledger
from triage.store.bundles import withdraw_bundle
from triage.store.records import BundleRecord
from triage.store.tables import Bundle


def test_an_alias_names_one_bundle_and_moves(registered: Registered) -> None:
    second, third = registered.digests["second"], registered.digests["third"]
    with registered.store.transaction() as session:
        set_challenger(session, second, actor="Eve")
        set_challenger(session, third, actor="Eve")
        set_challenger(session, third, actor="Eve")
        set_shadow(session, third, actor=GUS)
        set_challenger(session, second, actor="Eve")
        set_challenger(session, third, actor="Eve")  # it is measured already
    assert (registered.alias("second"), registered.alias("third")) == ("challenger", "shadow")
    with registered.store.reading() as session:
        told = [one.payload for one in events(session) if one.kind == "alias_set"]
    assert told == [
        {"alias": "challenger", "bundle": second, "former": None},
        {"alias": "challenger", "bundle": third, "former": second},
        {"alias": "challenger", "bundle": None, "former": third},
        {"alias": "shadow", "bundle": third, "former": None},
        {"alias": "challenger", "bundle": second, "former": None},
    ]
    assert is_intact(registered.store)


def test_the_champion_keeps_its_alias(registered: Registered) -> None:
    first = registered.digests["first"]
    with registered.store.transaction() as session:
        set_challenger(session, first, actor="Eve")
    assert registered.alias("first") == "champion"
    with registered.store.transaction() as session:
        with pytest.raises(RegistryRefused, match="in use"):
            set_shadow(session, first, actor=EVE)
        with pytest.raises(RegistryRefused, match="in use"):
            retire(session, first, reason="Old.", actor=EVE)
        with pytest.raises(RegistryRefused, match="another bundle takes its place"):
            clear(session, "champion", actor=EVE)


def test_a_shadow_ends(registered: Registered) -> None:
    with registered.store.transaction() as session:
        assert clear(session, "shadow", actor=EVE) is None
        set_shadow(session, registered.digests["second"], actor=EVE)
        assert clear(session, "shadow", actor=EVE) == registered.digests["second"]
    assert registered.alias("second") is None
    assert is_intact(registered.store)


def test_a_retired_bundle_has_no_alias_and_gets_none(registered: Registered) -> None:
    second = registered.digests["second"]
    with registered.store.transaction() as session:
        set_challenger(session, second, actor="Eve")
        retire(session, second, reason="Old.", actor=EVE)
        retire(session, second, reason="Again.", actor=EVE)
        for put in (
            lambda: set_challenger(session, second, actor="Eve"),
            lambda: set_shadow(session, second, actor=EVE),
        ):
            with pytest.raises(RegistryRefused, match="retired"):
                put()
    with registered.store.reading() as session:
        told = [one.payload for one in events(session) if one.kind == "bundle_retired"]
    assert told == [{"bundle": second, "reason": "Old."}]
    assert is_intact(registered.store)


def test_a_withdrawn_bundle_gets_no_alias(registered: Registered) -> None:
    second = registered.digests["second"]
    with registered.store.transaction() as session:
        set_shadow(session, second, actor=EVE)
        withdraw_bundle(session, second, "Wrong.", actor="Eve")
        with pytest.raises(RegistryRefused, match="withdrawn"):
            set_challenger(session, second, actor="Eve")
    assert registered.alias("second") is None
    assert is_intact(registered.store)


def test_permissions_and_files(registered: Registered) -> None:
    second = registered.digests["second"]
    with registered.store.transaction() as session:
        for step in (
            lambda: set_shadow(session, second, actor=RHEA),
            lambda: clear(session, "shadow", actor=RHEA),
            lambda: retire(session, second, reason="Old.", actor=RHEA),
        ):
            with pytest.raises(PermissionDenied):
                step()
    (registered.folder / "second" / "manifest.json").unlink()
    with (
        registered.store.transaction() as session,
        pytest.raises(BundleError, match=r"second/manifest\.json: there is no such manifest"),
    ):
        set_shadow(session, second, actor=EVE)


def test_a_bundle_is_named_by_alias_digest_or_folder(registered: Registered) -> None:
    first = registered.digests["first"]
    with registered.store.reading() as session:
        assert digest_of(session, "champion") == first
        assert digest_of(session, first[:6]) == digest_of(session, first) == first
        assert digest_of(session, str(registered.folder / "first")) == first
        for named in ("shadow", "0" * 64, first[:5], "nowhere", ""):
            with pytest.raises(StoreError, match="No registered bundle"):
                digest_of(session, named)
    with registered.store.transaction() as session:
        register_bundle(session, BundleRecord(first[:6] + "f" * 58, "like it", "", ()))
    with registered.store.reading() as session, pytest.raises(StoreError, match="Several"):
        digest_of(session, first[:6])


def test_after_a_withdrawal_scoring_puts_no_bundle_in_use(registered: Registered) -> None:
    with registered.store.transaction() as session:
        withdraw_bundle(session, registered.digests["first"], "Wrong.", actor="Eve")
        set_first_champion(session, registered.number("second"), actor="Eve")
    with registered.store.reading() as session:
        assert champion(session) is None


@pytest.mark.parametrize(
    ("values", "words"),
    [({"alias": "shadow"}, "alias"), ({"retired_at": None}, "retired")],
)
def test_changes_that_no_event_states_are_found(
    registered: Registered, values: dict[str, object], words: str
) -> None:
    with registered.store.transaction() as session:
        retire(session, registered.digests["second"], reason="Old.", actor=EVE)
        session.execute(
            update(Bundle).where(Bundle.digest == registered.digests["second"]).values(**values)
        )
    found = verify_ledger(registered.store.engine.url.render_as_string(hide_password=False))
    assert [words in one.what for one in found.chain.findings] == [True]
