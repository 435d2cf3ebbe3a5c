"""Rows of the learning loop that were altered by plain SQL do not follow from their events."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.accounts.people import cheap_hashing
from tests.dataset_versions.make import digest, member, version
from tests.model_registry.registered import EVE, GUS, WHY, fill
from tests.store.altered_rows import altered_copy, findings, kinds_without_an_event
from tests.store.make import opinion, scored
from tests.store.migrated import migrated_url
from triage.accounts import passwords
from triage.dataset_versions.version import patient_key
from triage.dataset_versions.withdraw import withdraw
from triage.learning.retraining.run_row import begin_run, finish_run
from triage.ledger.events import learning_events
from triage.model_registry.aliases import retire, set_challenger, set_shadow
from triage.model_registry.proposals import approve, propose, reject
from triage.model_registry.shadow_predictions import add_shadow_prediction
from triage.store import (
    LabelSource,
    WantedLabel,
    add_label,
    check_store,
    close_label_requests,
    open_store,
    request_labels,
)
from triage.store.bundles import bundle_of_digest
from triage.vocabulary.learning import MemberSplit, RequestKind


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database in which each kind of row of the learning loop was written by the software."""
    folder = tmp_path_factory.mktemp("altered")
    with pytest.MonkeyPatch.context() as patch, migrated_url("sqlite", folder) as url:
        patch.setattr(passwords, "parameters", cheap_hashing)
        store = open_store(url)
        found = fill(store, folder)
    scored(store, "c1")
    scored(store, "c2")
    data = version(
        member("a"),
        member("b", MemberSplit.TEST),
        member("f", MemberSplit.FROZEN),
        member("c", patient_key=patient_key("clinic", "patient of c2")),
    )
    gate_run = found.gate("second")
    digests = found.digests
    with store.transaction() as session:
        add_label(
            session, 1, "acne", LabelSource.ADJUDICATED, given_by="Panel", ai_visible=False,
            votes={"acne": 2, "melanoma": 1},
        )  # fmt: skip
        wanted = [WantedLabel(1, "Unlike the others."), WantedLabel(2, "At random.")]
        request_labels(session, wanted, RequestKind.SELECTED, "margin", actor="Eve")
        close_label_requests(session, 1, "a label was imported", actor="Eve")
        run = begin_run(
            session, digest("run"), data, bundle_of_digest(session, digests["first"]),
            policy_hash="b" * 64, settings_hash="c" * 64, actor="Eve",
        )  # fmt: skip
        second = bundle_of_digest(session, digests["second"])
        finish_run(session, run, second, gate_run, {"train": "done"}, actor="Eve")
        set_shadow(session, digests["third"], actor=EVE)
        add_shadow_prediction(session, 1, found.number("third"), opinion())
        turned_down = propose(session, digests["second"], reason=WHY, actor=EVE)
        reject(session, turned_down, actor=GUS, answer="Not yet.")
        proposed = propose(session, digests["second"], reason=WHY, actor=EVE)
        approve(session, proposed, actor=GUS, answer="Read all checks.")
        set_challenger(session, digests["third"], actor="Eve")
        retire(session, digests["first"], reason="Old.", actor=GUS)
    withdraw(store, actor="Gus", patient="patient of c2", delete=True)
    store.close()
    return folder / "triage.db"


def test_what_the_software_wrote_follows_from_its_events(filled: Path) -> None:
    assert findings(filled) == []
    assert check_store(f"sqlite:///{filled}").problems == ()
    assert kinds_without_an_event(filled, learning_events) == set()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE label SET votes = '{\"acne\": 3}'",
        "UPDATE label_request SET position = 5 WHERE case_id = 2",
        "UPDATE label_request SET kind = 'label_error' WHERE case_id = 2",
        "UPDATE label_request SET reason = 'The AI says melanoma.' WHERE case_id = 2",
        "UPDATE label_request SET closed_at = NULL WHERE case_id = 1",
        "DELETE FROM label_request WHERE case_id = 1",
        "UPDATE dataset_version SET reason = 'another'",
        "UPDATE dataset_version SET spec_name = 'another' WHERE id = 1",
        "UPDATE dataset_version SET parent_id = NULL",
        "UPDATE dataset_member SET split = 'test' WHERE split = 'train'",
        "UPDATE dataset_member SET label_hash = 'x' WHERE position = 0",
        "DELETE FROM dataset_member WHERE position = 0",
        "DELETE FROM dataset_version",
        "UPDATE frozen_case SET condition = 'melanoma'",
        "UPDATE frozen_case SET spec_name = 'another'",
        "UPDATE frozen_case SET withdrawn_at = added_at",
        "DELETE FROM frozen_case",
        "UPDATE gate_run SET verdict = 'fails'",
        "UPDATE gate_run SET result = json_set(result, '$.n_cases', 4000)",
        "UPDATE gate_run SET hold_out_state = json_set(hold_out_state, '$.level', 0.5)",
        "UPDATE gate_run SET champion_id = NULL",
        "UPDATE gate_run SET challenger_id = champion_id",
        "DELETE FROM gate_run",
        "UPDATE training_run SET dataset_version_id = 2",
        "UPDATE training_run SET champion_id = NULL",
        "UPDATE training_run SET gate_run_id = NULL",
        "UPDATE training_run SET policy_hash = settings_hash",
        "UPDATE training_run SET state = 'started'",
        "DELETE FROM training_run",
        "UPDATE promotion SET approved_by = 'Eve' WHERE approved_at IS NOT NULL",
        "UPDATE promotion SET signed_off = 1",
        "UPDATE promotion SET gate_run_id = NULL",
        "UPDATE promotion SET rejected_at = NULL",
        "DELETE FROM promotion WHERE id = 1",
        "UPDATE shadow_prediction SET recommendation = 'routine'",
        "UPDATE shadow_prediction SET decision = '{}'",
        "DELETE FROM shadow_prediction",
        "UPDATE bundle SET alias = NULL WHERE alias = 'champion'",
        "UPDATE bundle SET alias = 'challenger' WHERE alias = 'shadow'",
        "UPDATE bundle SET retired_at = NULL",
        "UPDATE patient SET consent_withdrawn_at = NULL",
        "UPDATE patient SET deleted_at = NULL",
        "UPDATE patient SET external_id = 'p2' WHERE deleted_at IS NOT NULL",
        'UPDATE "case" SET age = 41 WHERE id = 2',
    ],
)
def test_a_row_that_was_altered_or_deleted_is_found(
    filled: Path, tmp_path: Path, statement: str
) -> None:
    copy = altered_copy(statement, filled, tmp_path / "altered.db")
    assert findings(copy) != []
