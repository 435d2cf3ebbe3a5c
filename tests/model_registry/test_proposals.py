"""Promotion by two accounts: what passes, what needs a sign-off, what nobody can approve."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from tests.model_registry.registered import ERIC, EVE, GUS, ON_BOTH, RHEA, WHY, Registered, check
from tests.store.make import case, opinion
from tests.ui.make_accounts import account
from triage.accounts import SYSTEM_ACTOR, Actor, Role
from triage.accounts.accounts import disable_account
from triage.accounts.permissions import PermissionDenied
from triage.errors import BundleError, ExitCode, StoreError, TriageError, UsageError
from triage.gating.check_keys import URGENT_MISSES
from triage.hashing import hash_json
from triage.ledger.keys import make_key
from triage.model_registry.aliases import retire, set_challenger, set_shadow
from triage.model_registry.bundle_files import manifest_of_files
from triage.model_registry.gate_standing import gate_standing
from triage.model_registry.proposals import Promoted, approve, propose, reject
from triage.model_registry.refusals import RegistryRefused
from triage.store import Store, add_case, add_prediction, champion, events, verify_ledger
from triage.store.bundles import planted_digest, withdraw_bundle
from triage.store.learning_tables import GateRunRow, PromotionRow
from triage.store.tables import Case
from triage.systems.bundle_signature import KEYS_VARIABLE, sign_bundle
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.event_types import EventType
from triage.vocabulary.learning import GateVerdict

OF_PROMOTIONS = (
    EventType.PROMOTION_PROPOSED,
    EventType.PROMOTION_APPROVED,
    EventType.PROMOTION_REJECTED,
    EventType.CHAMPION_SET,
    EventType.ALIAS_SET,
)


def proposed(registered: Registered, name: str = "second", **given: Any) -> int:
    with registered.store.transaction() as session:
        return propose(session, registered.digests[name], **({"reason": WHY, "actor": EVE} | given))


def approved(registered: Registered, number: int, **given: Any) -> Promoted:
    with registered.store.transaction() as session:
        return approve(session, number, **({"actor": GUS, "answer": "Agreed."} | given))


def happened(store: Store) -> list[tuple[str, str]]:
    with store.reading() as session:
        return [(one.kind, one.actor) for one in events(session) if one.kind in OF_PROMOTIONS]


def is_intact(store: Store) -> bool:
    found = verify_ledger(store.engine.url.render_as_string(hide_password=False))
    assert [one.what for one in found.chain.findings] == []
    return found.intact


@ON_BOTH
def test_two_accounts_bring_a_bundle_into_use(registered: Registered) -> None:
    registered.gate("second")
    number = proposed(registered)
    assert registered.alias("first") == "champion"
    done = approved(registered, number)
    assert (done.bundle, done.former) == (registered.digests["second"], registered.digests["first"])
    assert (registered.alias("first"), registered.alias("second")) == (None, "champion")
    with registered.store.reading() as session:
        row = session.get(PromotionRow, number)
        assert row is not None
        assert (row.proposed_by, row.approved_by, row.signed_off) == ("Eve", "Gus", False)
        assert row.kind == "promote"
    assert happened(registered.store) == [
        ("champion_set", "Eve"),
        ("promotion_proposed", "Eve"),
        ("promotion_approved", "Gus"),
        ("champion_set", "Gus"),
    ]
    assert is_intact(registered.store)


@ON_BOTH
def test_the_worklist_follows_the_new_champion(registered: Registered) -> None:
    registered.gate("second")
    with registered.store.transaction() as session:
        number = add_case(session, case())
        add_prediction(session, number, registered.number("first"), opinion(Urgency.ROUTINE))
        add_prediction(session, number, registered.number("second"), opinion(Urgency.URGENT))
        assert session.get_one(Case, number, populate_existing=True).queue_rank == 2
    approved(registered, proposed(registered))
    with registered.store.reading() as session:
        assert session.get_one(Case, number).queue_rank == Urgency.URGENT.rank
    assert is_intact(registered.store)


def test_a_challenger_loses_that_alias_when_it_comes_into_use(registered: Registered) -> None:
    registered.gate("second")
    with registered.store.transaction() as session:
        set_challenger(session, registered.digests["second"], actor="Eve")
    approved(registered, proposed(registered))
    assert registered.alias("second") == "champion"
    assert happened(registered.store)[-2:] == [("alias_set", "Gus"), ("champion_set", "Gus")]
    assert is_intact(registered.store)


@pytest.mark.parametrize("spelt", ["Gus", "gus", "GUS ", "\u200bGus"])
def test_nobody_approves_their_own_proposal(registered: Registered, spelt: str) -> None:
    """Also not under another spelling, nor after the account got another role."""
    registered.gate("second")
    number = proposed(registered)
    with registered.store.transaction() as session:
        session.execute(update(PromotionRow).values(proposed_by=spelt))
    with pytest.raises(RegistryRefused, match="cannot approve it"):
        approved(registered, number)
    assert registered.alias("second") is None


@pytest.mark.parametrize(
    "actor",
    [
        EVE,
        ERIC,
        RHEA,
        Actor("Rhea", Role.GOVERNANCE),  # what the database says of the account counts
        Actor("Nobody", Role.GOVERNANCE),
        SYSTEM_ACTOR,
    ],
)
def test_an_approval_needs_the_permission(registered: Registered, actor: Actor) -> None:
    registered.gate("second")
    number = proposed(registered)
    with pytest.raises(PermissionDenied):
        approved(registered, number, actor=actor)
    assert registered.alias("second") is None


@pytest.mark.parametrize("actor", [GUS, RHEA, Actor("Nobody", Role.ENGINEER), SYSTEM_ACTOR])
def test_a_proposal_needs_the_permission(registered: Registered, actor: Actor) -> None:
    registered.gate("second")
    with pytest.raises(PermissionDenied):
        proposed(registered, actor=actor)


def test_a_disabled_account_approves_nothing(registered: Registered) -> None:
    registered.gate("second")
    number = proposed(registered)
    by = account(registered.store, "Ada Admin").actor
    disable_account(registered.store, "Gus", by=by)
    with pytest.raises(PermissionDenied):
        approved(registered, number)


def test_without_accounts_it_is_refused_with_what_to_do(store: Store) -> None:
    with store.transaction() as session, pytest.raises(RegistryRefused) as refused:
        propose(session, "d" * 64, reason=WHY, actor=SYSTEM_ACTOR)
    assert "triage user add" in str(refused.value)
    assert "governance" in str(refused.value)
    assert refused.value.exit_code == ExitCode.ANSWERED_NO
    with store.transaction() as session, pytest.raises(RegistryRefused, match="triage user add"):
        approve(session, 1, answer="Yes.", actor=SYSTEM_ACTOR)


def test_without_a_gate_run_it_is_refused(registered: Registered) -> None:
    with pytest.raises(RegistryRefused, match="no gate has judged"):
        proposed(registered)
    third = registered.gate("third")
    with pytest.raises(RegistryRefused, match="another bundle"):
        proposed(registered, gate_run=third)
    with pytest.raises(RegistryRefused, match="no such gate run"):
        proposed(registered, gate_run=99)
    other = registered.gate("second", "third")
    with pytest.raises(RegistryRefused, match="not the one in use"):
        proposed(registered, gate_run=other)


def test_a_failed_gate_is_approved_by_nobody(registered: Registered) -> None:
    registered.gate("second", "first", check(GateVerdict.FAILS))
    with pytest.raises(RegistryRefused, match="urgent_sensitivity is fails"):
        proposed(registered)
    both = check(GateVerdict.FAILS, "coverage"), check(GateVerdict.FAILS, URGENT_MISSES)
    registered.gate("second", "first", *both)
    with pytest.raises(RegistryRefused, match="coverage is fails"):
        proposed(registered)


@pytest.mark.parametrize(
    "checks",
    [
        (check(GateVerdict.NOT_ENOUGH_EVIDENCE),),
        (check(None),),
        (check(GateVerdict.PASSES), check(GateVerdict.FAILS, URGENT_MISSES)),
        (check(GateVerdict.PASSES), check(GateVerdict.FAILS, URGENT_MISSES, decides=False)),
    ],
)
def test_what_a_named_sign_off_can_accept(registered: Registered, checks: tuple[Any, ...]) -> None:
    registered.gate("second", "first", *checks)
    number = proposed(registered)
    with pytest.raises(RegistryRefused, match="needs a named sign-off"):
        approved(registered, number)
    assert registered.alias("first") == "champion"
    approved(registered, number, sign_off=True)
    assert registered.alias("second") == "champion"
    with registered.store.reading() as session:
        assert session.get_one(PromotionRow, number).signed_off
    assert is_intact(registered.store)


def test_a_sign_off_that_nothing_needs_is_none(registered: Registered) -> None:
    registered.gate("second")
    number = proposed(registered)
    approved(registered, number, sign_off=True)
    with registered.store.reading() as session:
        assert not session.get_one(PromotionRow, number).signed_off


def test_an_altered_result_of_the_gate_is_no_evidence(registered: Registered) -> None:
    number = registered.gate("second", "first", check(GateVerdict.FAILS))
    with registered.store.transaction() as session:
        session.execute(update(GateRunRow).where(GateRunRow.id == number).values(verdict="passes"))
    with pytest.raises(RegistryRefused, match="altered"):
        proposed(registered)


def test_the_first_bundle_needs_a_sign_off_instead_of_a_gate(registered: Registered) -> None:
    with registered.store.transaction() as session:
        withdraw_bundle(session, registered.digests["first"], "Wrong.", actor="Eve")
    number = proposed(registered)
    with pytest.raises(RegistryRefused, match="no bundle is in use"):
        approved(registered, number)
    done = approved(registered, number, sign_off=True)
    assert done.former is None
    assert registered.alias("second") == "champion"
    assert is_intact(registered.store)


Change = Callable[[Registered], None]


def _withdrawn(registered: Registered) -> None:
    with registered.store.transaction() as session:
        withdraw_bundle(session, registered.digests["second"], "Wrong.", actor="Eve")


def _retired(registered: Registered) -> None:
    with registered.store.transaction() as session:
        retire(session, registered.digests["second"], reason="Old.", actor=EVE)


def _other_champion(registered: Registered) -> None:
    registered.gate("third")
    approved(registered, proposed(registered, "third"))


def _no_champion(registered: Registered) -> None:
    with registered.store.transaction() as session:
        withdraw_bundle(session, registered.digests["first"], "Wrong.", actor="Eve")


def _altered_gate(registered: Registered) -> None:
    with registered.store.transaction() as session:
        session.execute(update(GateRunRow).values(champion_id=registered.number("third")))


def _file_gone(registered: Registered) -> None:
    (registered.folder / "second" / "policy.json").unlink()


def _file_altered(registered: Registered) -> None:
    (registered.folder / "second" / "members" / "a.safetensors").write_text("other weights")


def _folder_gone(registered: Registered) -> None:
    shutil.rmtree(registered.folder / "second")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_withdrawn, "withdrawn"),
        (_retired, "retired"),
        (_other_champion, "another bundle came into use"),
        (_no_champion, "another bundle came into use"),
        (_altered_gate, "not the one in use"),
        (_file_gone, "policy.json"),
        (_file_altered, "members/a.safetensors"),
        (_folder_gone, "no such manifest"),
    ],
)
def test_a_stale_proposal_is_refused(registered: Registered, change: Change, words: str) -> None:
    registered.gate("second")
    number = proposed(registered)
    change(registered)
    before = happened(registered.store)
    with pytest.raises((RegistryRefused, BundleError), match=words):
        approved(registered, number, sign_off=True)
    assert registered.alias("second") is None
    assert happened(registered.store) == before


def test_an_altered_bundle_is_not_proposed(registered: Registered) -> None:
    registered.gate("second")
    path = registered.folder / "second" / "manifest.json"
    path.write_text(path.read_text().replace("tests", "other"))
    with pytest.raises(BundleError, match="not the one that was registered"):
        proposed(registered)


def test_a_proposal_is_made_once_and_answered_once(registered: Registered) -> None:
    registered.gate("second")
    number = proposed(registered)
    with pytest.raises(RegistryRefused, match=f"as number {number}"):
        proposed(registered, actor=ERIC)
    with registered.store.transaction() as session:
        reject(session, number, actor=GUS, answer="Not before the audit.")
    for act in (approved, lambda *given: _rejected(*given)):
        with pytest.raises(RegistryRefused, match="rejected before"):
            act(registered, number)
    again = proposed(registered)
    approved(registered, again)
    with pytest.raises(RegistryRefused, match="approved before"):
        approved(registered, again)
    with pytest.raises(RegistryRefused, match="in use already"):
        proposed(registered)
    assert is_intact(registered.store)


def _rejected(registered: Registered, number: int, actor: Actor = GUS) -> None:
    with registered.store.transaction() as session:
        reject(session, number, actor=actor, answer="No.")


def test_its_author_withdraws_a_proposal_and_no_other_engineer(registered: Registered) -> None:
    registered.gate("second")
    number = proposed(registered)
    with pytest.raises(PermissionDenied):
        _rejected(registered, number, ERIC)
    _rejected(registered, number, EVE)


@pytest.mark.parametrize("text", ["", "  \n ", "x" * 2001, "a\0b", "\udc80"])
def test_reasons_and_answers_are_texts(registered: Registered, text: str) -> None:
    registered.gate("second")
    with pytest.raises(UsageError):
        proposed(registered, reason=text)
    number = proposed(registered)
    with pytest.raises(UsageError):
        approved(registered, number, answer=text)


def test_the_stand_in_of_planted_cases_is_no_bundle(registered: Registered) -> None:
    from triage.store import BundleRecord, register_bundle

    stand_in = planted_digest(registered.digests["first"])
    with registered.store.transaction() as session:
        register_bundle(session, BundleRecord(stand_in, "first", "", ()))
    with (
        registered.store.transaction() as session,
        pytest.raises(StoreError, match="No bundle of this digest"),
    ):
        set_shadow(session, stand_in, actor=EVE)


@ON_BOTH
@pytest.mark.parametrize("same", [True, False])
def test_of_two_approvals_at_once_one_wins(registered: Registered, same: bool) -> None:
    """Of one proposal, and of two that would each bring another bundle into use."""
    account(registered.store, "Gina", Role.GOVERNANCE)
    names = ("second", "second") if same else ("second", "third")
    for name in set(names):
        registered.gate(name)
    numbers = {name: proposed(registered, name) for name in set(names)}
    start, found = threading.Barrier(2), []

    def run(name: str, actor: str) -> None:
        start.wait()
        try:
            registered.store.write(
                lambda session: approve(
                    session,
                    numbers[name],
                    actor=Actor(actor, Role.GOVERNANCE),
                    answer="Agreed.",
                )
            )
            found.append("approved")
        except TriageError as error:
            found.append(type(error).__name__)

    threads = [
        threading.Thread(target=run, args=pair) for pair in zip(names, ("Gus", "Gina"), strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == ["RegistryRefused", "approved"]
    kinds = [kind for kind, _ in happened(registered.store)]
    assert kinds.count("promotion_approved") == 1
    assert kinds.count("champion_set") == 2  # the first one, and this
    with registered.store.reading() as session:
        assert champion(session) is not None
    assert is_intact(registered.store)


@ON_BOTH
def test_a_failure_at_the_end_leaves_nothing(
    registered: Registered, monkeypatch: pytest.MonkeyPatch
) -> None:
    registered.gate("second")
    number = proposed(registered)
    before = happened(registered.store)

    def fails(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("triage.store.bundles.set_order_of_bundle", fails)
    with pytest.raises(OSError, match="no space"):
        approved(registered, number)
    assert happened(registered.store) == before
    assert registered.alias("first") == "champion"
    with registered.store.reading() as session:
        assert session.get_one(PromotionRow, number).approved_at is None
    monkeypatch.undo()
    approved(registered, number)


def test_where_keys_are_configured_only_signed_bundles_come_into_use(
    registered: Registered, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registered.gate("second")
    number = proposed(registered)
    key = make_key(tmp_path / "bundles.key")
    (tmp_path / "trusted.txt").write_text(key.public)
    monkeypatch.setenv(KEYS_VARIABLE, str(tmp_path / "trusted.txt"))
    with pytest.raises(BundleError, match="is not signed"):
        approved(registered, number)
    sign_bundle(registered.folder / "second", registered.digests["second"], key)
    approved(registered, number)
    assert registered.alias("second") == "champion"


def test_promotions_that_no_event_states_are_found(registered: Registered) -> None:
    registered.gate("second")
    number = proposed(registered)
    approved(registered, number)
    with registered.store.transaction() as session:
        session.execute(
            update(PromotionRow).where(PromotionRow.id == number).values(approved_by="Eve")
        )
    found = verify_ledger(registered.store.engine.url.render_as_string(hide_password=False))
    assert not found.intact
    assert "promotion 1 of 1: approved_by" in str(found)


def test_a_proposal_that_does_not_exist(registered: Registered) -> None:
    def work(session: Session) -> None:
        reject(session, 7, actor=GUS, answer="No.")

    with pytest.raises(RegistryRefused, match="no such proposal"):
        registered.store.write(work)


def test_a_gate_run_that_does_not_exist(registered: Registered) -> None:
    with registered.store.reading() as session:
        standing = gate_standing(session, 9, registered.number("second"), None)
    assert standing.refusal == "there is no such gate run"


def test_a_manifest_that_lists_no_files(tmp_path: Path) -> None:
    content = {"name": "b", "intended_use": "tests", "files": []}
    digest = hash_json(content)
    (tmp_path / "manifest.json").write_text(json.dumps({"digest": digest, **content}))
    with pytest.raises(BundleError, match="lists no files"):
        manifest_of_files(tmp_path)
