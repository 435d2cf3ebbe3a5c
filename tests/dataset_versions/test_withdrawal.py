"""Withdrawal of consent and deletion of a patient, on both databases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import func, select, text

from tests.dataset_versions.make import digest, member, version
from tests.readers import lock, read_case, reader, states, without_files
from tests.store.make import bundle, case, opinion, scored
from triage.array_file import load_arrays, save_arrays
from triage.cache_folder import TISSUE_MAPS
from triage.dataset_versions import deletion
from triage.dataset_versions.deletion import OwnPlaces
from triage.dataset_versions.patients import find_patient
from triage.dataset_versions.snapshot import (
    consents_of_store,
    frozen_keys,
    latest_version,
    store_version,
)
from triage.dataset_versions.version import case_key, patient_key
from triage.dataset_versions.withdraw import WithdrawalDone, withdraw
from triage.errors import TriageError, UsageError
from triage.ledger.events.learning_events import Retrained
from triage.model_registry.shadow_predictions import add_shadow_prediction
from triage.review import open_case
from triage.review.refusals import StepRefused
from triage.store import (
    EventType,
    ImageRecord,
    LabelSource,
    ReadingRecord,
    Store,
    WantedLabel,
    add_case,
    add_label,
    append_event,
    check_store,
    events,
    get_case,
    labels_for_training,
    open_label_requests,
    register_bundle,
    request_labels,
    shown_prediction,
    verify_ledger,
)
from triage.store.base import utc_now
from triage.store.features import add_features
from triage.store.learning_tables import DatasetMemberRow, TrainingRunRow
from triage.store.tables import Case, CaseFeatures, Draft, Image, Patient, Prediction
from triage.vocabulary.case_states import CaseState
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.learning import MemberSplit, RequestKind

NAME = "patient of c1"
KEY = patient_key("clinic", NAME)
SECRETS = (NAME, "c1", "c2", "/root", "a" * 64)


def own(name: str, split: str = "train") -> Any:
    return member(name, MemberSplit(split), case_key=case_key("clinic", name), patient_key=KEY)


@pytest.fixture
def filled(store: Store, tmp_path: Path) -> Store:
    """A patient with two cases, one of which is scored and labelled, another patient, a bundle."""
    (tmp_path / "reading").write_bytes(b"maps")
    scored(store, "c1", reading=ReadingRecord(str(tmp_path / "reading"), "b" * 64))
    scored(store, "other")
    with store.transaction() as session:
        add_case(session, case("c2", patient=NAME))
        add_label(session, 1, "melanoma", LabelSource.HISTOLOGY, given_by="Lab", ai_visible=False)
        add_label(session, 2, "acne", LabelSource.HISTOLOGY, given_by="Lab", ai_visible=False)
        wanted = [WantedLabel(number, "Unlike the others.") for number in (2, 3)]
        request_labels(session, wanted, RequestKind.SELECTED, "margin", actor="Eve")
        add_features(session, 1, {1: np.array([1, 0], np.float32), 2: np.array([0, 1], np.float32)})
        session.add(Draft(case_id=1, reader="Ann", content={"note": NAME}, saved_at=utc_now()))
        add_shadow_prediction(session, 1, 1, opinion())
    return store


def with_versions(store: Store) -> tuple[str, str]:
    """Two versions with the patient in training, of which the first trained the bundle."""
    first = version(own("c1"), member("x"), member("f", MemberSplit.FROZEN))
    second = version(*first.members, own("c2"), parent=first.root)
    with store.transaction() as session:
        number = store_version(session, first, actor="Eve", reason="first")
        store_version(session, second, actor="Eve", reason="second")
        run = TrainingRunRow(
            key=digest("run"),
            state="finished",
            dataset_version_id=number,
            challenger_id=register_bundle(session, bundle()),
            policy_hash=digest("p"),
            settings_hash=digest("s"),
            steps={},
            started_by="Eve",
            started_at=utc_now(),
        )
        session.add(run)
        session.flush()
        append_event(
            session,
            Retrained(
                run.id, first.root, bundle().digest, None, None, run.policy_hash, run.settings_hash
            ),
        )
    return first.root, second.root


def do(store: Store, **given: Any) -> WithdrawalDone:
    return withdraw(store, actor="Gov", **({"patient": NAME} | given))


def intact(url: str) -> bool:
    found = [*verify_ledger(url).chain.findings, *check_store(url).problems]
    assert found == []
    return True


def test_withdrawal_of_consent(filled: Store, url: str) -> None:
    first, second = with_versions(filled)
    done = do(filled, patient=f"  {NAME} ").withdrawal
    assert (done.patient_key, done.already) == (KEY, False)
    assert (done.cases, done.labels, done.label_requests) == (2, 1, 1)
    assert done.versions == (first, second)
    assert [(one.name, one.alias) for one in done.bundles] == [("first", None)]
    with filled.reading() as session:
        newest = latest_version(session, "clinic")
        assert newest is not None
        assert (newest.root, newest.parent) == (done.new_versions[0], second)
        assert {one.patient_key for one in newest.members}.isdisjoint({KEY})
        assert len(newest.members) == 2
        assert [one.case for one in labels_for_training(session)] == ["other"]
        assert [one.case_id for one in open_label_requests(session)] == [2]
        assert consents_of_store(session) == {KEY: "withdrawn"}
        happened = [one for one in events(session) if one.kind == EventType.CONSENT_WITHDRAWN]
        assert get_case(session, 1).patient == NAME  # only a deletion removes it
    assert len(happened) == 1
    assert happened[0].payload == {
        "patient": 1,
        "patient_key": KEY,
        "versions": [first, second],
        "bundles": ["d" * 64],
    }
    assert intact(url)


def test_twice_is_once(filled: Store, url: str) -> None:
    with_versions(filled)
    for delete in (False, True):
        do(filled, delete=delete)
        with filled.reading() as session:
            before = len(events(session))
        again = do(filled, delete=delete)
        assert again.withdrawal.already
        assert again.withdrawal.new_versions == ()
        assert again.deletion is None or again.deletion.already
        with filled.reading() as session:
            assert len(events(session)) == before
    assert intact(url)


def test_a_dry_run_says_the_same_and_changes_nothing(filled: Store) -> None:
    with_versions(filled)
    would = do(filled, delete=True, dry_run=True)
    with filled.reading() as session:
        assert not session.scalar(select(Patient.consent_withdrawn_at).where(Patient.id == 1))
        assert session.scalar(select(func.count()).select_from(Image)) == 3
    done = do(filled, delete=True)
    assert (would.dry_run, done.dry_run) == (True, False)
    assert would.deletion == done.deletion
    for name in ("versions", "bundles", "labels", "label_requests", "cases"):
        assert getattr(would.withdrawal, name) == getattr(done.withdrawal, name)


def test_a_frozen_case_leaves_its_set_and_the_set_stays_otherwise(store: Store, url: str) -> None:
    gone, stays = own("f1", "frozen"), member("f2", MemberSplit.FROZEN)
    with store.transaction() as session:
        store_version(session, version(gone, stays), actor="Eve", reason="first")
    done = do(store, patient=NAME, source="clinic").withdrawal
    assert (done.frozen_cases, done.cases) == (1, 0)
    with store.reading() as session:
        assert frozen_keys(session, "clinic") == {stays.case_key}
    with store.transaction() as session:
        store_version(session, version(stays, member("n")), actor="Eve", reason="next")
    assert intact(url)


def test_a_data_set_of_one_patient_gets_no_new_version(store: Store, url: str) -> None:
    with store.transaction() as session:
        store_version(session, version(own("c1")), actor="Eve", reason="first")
    done = do(store, patient=None, case="c1").withdrawal
    assert (done.new_versions, done.emptied) == ((), ("clinic",))
    with store.reading() as session:
        assert find_patient(session, patient=NAME).withdrawn  # without the source, by the events
    assert intact(url)


def test_who_is_not_there_and_who_is_there_twice(filled: Store) -> None:
    with filled.transaction() as session:
        add_case(session, case("c9", source="ward", patient=NAME))
    for given, what in (
        ({"patient": "nobody"}, "nothing is stored under"),
        ({"patient": None, "case": "no case"}, "nothing is stored under"),
        ({"patient": NAME, "source": "elsewhere"}, "nothing is stored under"),
        ({}, "2 sources have this"),
        ({"case": "c1"}, "either a patient or a case"),
        ({"patient": None}, "either a patient or a case"),
    ):
        with pytest.raises(UsageError, match=what) as refused:
            do(filled, **given)
        assert NAME not in str(refused.value)
    assert do(filled, source="ward").withdrawal.cases == 1
    assert do(filled, patient=None, case="c2").withdrawal.cases == 2


def test_deletion(filled: Store, url: str, tmp_path: Path) -> None:
    with_versions(filled)
    done = do(filled, delete=True)
    assert done.deletion is not None
    assert done.deletion.rows == {
        "cases": 2,
        "images": 2,
        "features": 1,
        "drafts": 1,
        "locks": 0,
        "activities": 0,
        "shadow_predictions": 1,
    }
    assert (done.deletion.predictions, done.deletion.readings) == (1, 1)
    assert (done.deletion.left_files, done.deletion.left_places) == (2, 2)
    assert not (tmp_path / "reading").exists()
    with filled.reading() as session:
        rows = {row.id: row for row in session.scalars(select(Case))}
        assert [rows[1].external_id, rows[3].external_id] == ["(deleted) 1", "(deleted) 3"]
        assert (rows[1].groups, rows[1].age, rows[1].state) == ({}, None, CaseState.UNGRADABLE)
        assert rows[2].groups != {}
        patient = session.get_one(Patient, 1)
        assert patient.external_id == "(deleted) 1"
        assert patient.deleted_at is not None
        left = session.scalars(select(Image.case_id)).all()
        assert left == [2]
        assert session.scalars(select(CaseFeatures.case_id)).all() == [2]
        assert session.scalars(select(Draft.id)).all() == []
        assert latest_version(session, "clinic") is not None
        shown = shown_prediction(session, 1)
        assert shown is not None
        assert (shown.decision.condition, shown.decision.differential) == (None, ())
        assert shown.decision.recommendation == "urgent"
        tombstones = [one for one in events(session) if one.case_id == 1]
        assert tombstones[-1].kind == EventType.PATIENT_DELETED
        assert tombstones[0].kind == EventType.CASE_RECEIVED
        text_of_rows = " ".join(
            str(value)
            for table in (Case, Patient, Image, Prediction, Draft, DatasetMemberRow)
            for row in session.execute(select(table.__table__)).mappings()
            for name, value in row.items()
            if not (table is not Draft and row.get("case_id") == 2) and row.get("id") != 2
        )
    assert not [secret for secret in SECRETS[:4] if secret in text_of_rows.split()]
    assert NAME not in text_of_rows
    assert intact(url)
    with pytest.raises(StepRefused, match="was deleted"):
        open_case(filled, 1, reader("Ann"))
    with filled.transaction() as session:  # the same case later is another
        assert add_case(session, case("c1")) == 4
    assert intact(url)


def test_a_reviewed_case_keeps_its_record(
    filled: Store, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_files(monkeypatch)
    stated = states("melanoma", urgency=Urgency.URGENT)
    read_case(filled, 1, "Ann", stated, stated)
    lock(filled, 3, "Ann", **states("acne"))
    do(filled, delete=True)
    with filled.reading() as session:
        found = dict(session.execute(select(Case.id, Case.state)).all())
    assert found[1] == CaseState.DECIDED
    assert found[3] == CaseState.UNGRADABLE
    assert intact(url)


def test_a_patient_in_data_sets_alone_is_not_deleted(store: Store) -> None:
    with store.transaction() as session:
        store_version(session, version(own("c1"), member("x")), actor="Eve", reason="first")
    with pytest.raises(UsageError, match="no case in the database"):
        do(store, delete=True)
    with store.reading() as session:  # whole or not at all
        assert consents_of_store(session) == {}


def test_a_failure_in_the_middle_leaves_nothing(
    filled: Store, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_versions(filled)

    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(deletion, "forget_images", fail)
    with pytest.raises(OSError, match="No space"):
        do(filled, delete=True)
    with filled.reading() as session:
        assert get_case(session, 1).external_id == "c1"
        assert consents_of_store(session) == {}
    monkeypatch.undo()
    assert do(filled, delete=True).deletion is not None
    assert intact(url)


@pytest.mark.parametrize(
    ("statement", "finding"),
    [
        ("DELETE FROM image WHERE case_id = 1", "its images are not those"),
        ("UPDATE prediction SET condition = NULL WHERE case_id = 1", "its decision is not what"),
        ("UPDATE patient SET external_id = '(deleted) 1' WHERE id = 1", "external_id is not what"),
        ("UPDATE patient SET deleted_at = '2025-01-01 00:00:00' WHERE id = 1", "deleted_at is"),
        (
            "UPDATE patient SET consent_withdrawn_at = '2025-01-01 00:00:00' WHERE id = 1",
            "consent_withdrawn_at is not what",
        ),
    ],
)
def test_a_deletion_without_an_event_is_found(
    statement: str, finding: str, filled: Store, url: str
) -> None:
    with filled.transaction() as session:
        session.execute(text(statement))
    assert any(finding in one.what for one in verify_ledger(url).chain.findings)


@pytest.mark.parametrize(
    ("statement", "finding"),
    [
        ("UPDATE patient SET external_id = 'Ann' WHERE id = 1", "external_id is not what"),
        ("UPDATE \"case\" SET external_id = 'Ann' WHERE id = 1", "external_id is left"),
        ('UPDATE "case" SET age = 3 WHERE id = 1', "age is left"),
        ("UPDATE prediction SET condition = 'acne' WHERE case_id = 1", "its content is not what"),
        (
            "INSERT INTO image (case_id, position, path, root) VALUES (1, 0, 'a', 'b')",
            "has images, and an event says that it was deleted",
        ),
    ],
)
def test_what_came_back_after_a_deletion_is_found(
    statement: str, finding: str, filled: Store, url: str
) -> None:
    do(filled, delete=True)
    with filled.transaction() as session:
        session.execute(text(statement))
    assert any(finding in one.what for one in verify_ledger(url).chain.findings)


def shard(folder: Path, *keys: str) -> Path:
    path = folder / "backbone" / f"{'-'.join(keys)}.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    vectors = np.arange(len(keys) * 3, dtype=np.float32).reshape(len(keys), 3)
    header = {"keys": list(keys), "problems": [f"of {key}" for key in keys]}
    save_arrays(path, {"vectors": vectors}, header)
    return path


def test_files_of_the_software_go_and_others_stay(store: Store, url: str, tmp_path: Path) -> None:
    uploads, elsewhere, cache = (tmp_path / name for name in ("uploads", "clinic", "cache"))
    for folder in (uploads / "20250602-0123abcd", elsewhere, cache):
        folder.mkdir(parents=True)
    added, kept = uploads / "20250602-0123abcd" / "1.jpg", elsewhere / "a.jpg"
    added.write_bytes(b"added")
    kept.write_bytes(b"kept")
    with store.transaction() as session:
        images = (
            ImageRecord("20250602-0123abcd/1.jpg", str(uploads), "1" * 64),
            ImageRecord("a.jpg", str(elsewhere), "2" * 64),
        )
        add_case(session, case("c1", images=images))
    mixed = shard(cache, "1" * 64, "3" * 64, "2" * 64)
    whole, other = shard(cache, "2" * 64), shard(cache, "4" * 64)
    (cache / "backbone" / "damaged.safetensors").write_bytes(b"no shard")
    for name in ("2" * 64, "4" * 64):
        save_arrays(cache / TISSUE_MAPS / name / "a.safetensors", {"packed": np.zeros(1)}, {})
    places = OwnPlaces(uploads, cache)
    done = do(store, delete=True, places=places).deletion
    assert done is not None
    assert (done.uploads, done.cached, done.left_files, done.left_places) == (1, 4, 1, 1)
    assert [path.name for path in (cache / TISSUE_MAPS).iterdir()] == ["4" * 64]
    assert not added.parent.exists()
    assert uploads.exists()
    assert kept.exists()
    assert not mixed.exists()
    assert not whole.exists()
    assert other.exists()
    found = [load_arrays(path) for path in (cache / "backbone").glob("*.safetensors")]
    rest = [each for each in found if each is not None and each[1]["keys"] == ["3" * 64]]
    assert len(rest) == 1
    assert rest[0][0]["vectors"].tolist() == [[3.0, 4.0, 5.0]]
    assert rest[0][1]["problems"] == [f"of {'3' * 64}"]
    assert intact(url)


def test_a_file_that_cannot_be_removed_stops_it(filled: Store, tmp_path: Path) -> None:
    (tmp_path / "reading").unlink()
    (tmp_path / "reading").mkdir()
    (tmp_path / "reading" / "x").touch()
    with pytest.raises(TriageError, match="cannot be removed"):
        do(filled, delete=True)
    with filled.reading() as session:
        assert get_case(session, 1).external_id == "c1"
