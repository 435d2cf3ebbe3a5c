"""The registry as a list, and what each proposal waits for."""

from __future__ import annotations

import shutil

from tests.model_registry.registered import EVE, GUS, WHY, Registered, check
from tests.model_registry.test_differences import member, trained
from tests.model_registry.test_proposals import approved, proposed
from tests.model_registry.test_rollback import use
from tests.store.make import case, opinion
from triage.ledger.keys import make_key
from triage.model_registry.aliases import retire, set_challenger
from triage.model_registry.entries import proposals, registry_list
from triage.model_registry.proposals import reject
from triage.store import add_case, add_prediction
from triage.store.bundles import withdraw_bundle
from triage.systems.bundle_signature import sign_bundle
from triage.vocabulary.learning import GateVerdict


def test_what_is_known_of_each(registered: Registered) -> None:
    for name in ("fourth", "fifth", "sixth"):
        registered.add(name)
    root = trained(registered, "fourth", member("a", "acne"))
    use(registered, "second")
    registered.gate("fourth", "second")
    key = make_key(registered.folder / "key")
    sign_bundle(registered.folder / "fourth", registered.digests["fourth"], key)
    with registered.store.transaction() as session:
        set_challenger(session, registered.digests["fourth"], actor="Eve")
        retire(session, registered.digests["fifth"], reason="Old.", actor=EVE)
        withdraw_bundle(session, registered.digests["sixth"], "Wrong.", actor="Eve")
        number = add_case(session, case())
        add_prediction(session, number, registered.number("second"), opinion())
    shutil.rmtree(registered.folder / "third")
    (registered.folder / "fifth" / "more.txt").write_text("")
    sign_bundle(registered.folder / "sixth", registered.digests["fourth"], key)
    (registered.folder / "first" / "manifest.sig").write_text("{}")
    with registered.store.reading() as session:
        found = {one.name: one for one in registry_list(session)}
        unread = registry_list(session, verify=False)
    assert list(found)[:2] == ["second", "fourth"]
    assert {name: one.state for name, one in found.items()} == {
        "second": "champion",
        "fourth": "challenger",
        "sixth": "withdrawn",
        "fifth": "retired",
        "third": "registered",
        "first": "registered",
    }
    fourth = found["fourth"]
    assert (fourth.verdict, fourth.gate_run, fourth.dataset_version) == ("passes", 1, root)
    assert (fourth.files, fourth.signature) == ("verified", f"key {key.id}")
    assert fourth.readiness == "gate passed"
    assert found["second"].cases == 1
    assert [one.name for one in found.values() if one.ready_for_rollback] == ["first"]
    assert "manifest.json" in found["third"].files
    assert "more.txt" in found["fifth"].files
    assert found["sixth"].signature == "of another bundle"
    assert found["first"].signature == "unreadable"
    assert {one.files for one in unread} == {""}


def test_proposals_say_what_they_wait_for(registered: Registered) -> None:
    registered.gate("second", "first", check(GateVerdict.NOT_ENOUGH_EVIDENCE))
    registered.gate("third")
    first, second = proposed(registered), proposed(registered, "third")
    with registered.store.reading() as session:
        newest, oldest = proposals(session)
    assert (newest.number, newest.sign_off_for, newest.stale_because) == (second, "", "")
    assert newest.result is not None
    assert (oldest.number, oldest.sign_off_for) == (first, "the gate had not enough evidence")
    assert (oldest.former_name, oldest.reason, oldest.proposed_by) == ("first", WHY, "Eve")
    approved(registered, second)
    with registered.store.reading() as session:
        (stale,) = proposals(session, open_only=True)
    assert "another bundle came into use" in stale.stale_because
    with registered.store.transaction() as session:
        reject(session, first, actor=GUS, answer="Stale.")
    with registered.store.reading() as session:
        assert proposals(session, open_only=True) == []
        done = {one.number: one for one in proposals(session)}
    assert {number: one.state for number, one in done.items()} == {
        first: "rejected",
        second: "approved",
    }
    assert (done[first].answered_by, done[first].answer) == ("Gus", "Stale.")
    assert done[second].answered_at is not None
