"""`triage registry` on real bundles: shadow, promotion by two accounts, going back bit by bit."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file, save_file
from sqlalchemy import func, select

from tests.accounts.people import ADMINISTRATOR, PASSWORD, add_administrator, cheap_hashing
from tests.model_registry.registered import check, gate_result
from tests.pipelines.command import Answer, Command
from tests.pipelines.typed_input import pipe
from tests.store.migrated import migrated_url
from tests.tiny import TinyBundle
from triage.accounts import Role, passwords
from triage.accounts.accounts import add_account
from triage.gating.gate_runs import next_state, record_gate_run
from triage.ledger.keys import make_key
from triage.store import Store, events, open_store, verify_ledger
from triage.store.learning_tables import ShadowPredictionRow
from triage.store.tables import Bundle, Case, Prediction
from triage.systems.bundle import verify_bundle
from triage.systems.bundle_files import hash_files
from triage.systems.bundle_signature import KEYS_VARIABLE
from triage.vocabulary.learning import GateVerdict


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """One account of each role, named like it."""
    monkeypatch.setattr(passwords, "parameters", cheap_hashing)
    with migrated_url("sqlite", tmp_path) as url:
        store = open_store(url)
        add_administrator(store)
        for role in (Role.ENGINEER, Role.GOVERNANCE, Role.READER):
            add_account(store, role.value, role, by=ADMINISTRATOR, password=PASSWORD)
        store.close()
        yield url


@pytest.fixture
def run(triage: Command, monkeypatch: pytest.MonkeyPatch, database: str) -> Any:
    def run_as(name: str | None, *arguments: str | Path) -> Answer:
        pipe(monkeypatch, PASSWORD)
        who = () if name is None else ("--as", name, "--password-stdin")
        return triage(*arguments, "--db", database, *who)

    return run_as


@pytest.fixture
def other(tiny_bundle: TinyBundle, tmp_path: Path) -> Path:
    """The tiny bundle with other weights in its heads, sealed as a bundle of its own."""
    folder = Path(shutil.copytree(tiny_bundle.folder, tmp_path / "other"))
    for path in sorted((folder / "members").glob("*.safetensors")):
        tensors = load_file(path)
        save_file({name: np.flip(one).copy() for name, one in tensors.items()}, path)
    sealed = tiny_bundle.manifest.model_copy(update={"name": "other", "files": hash_files(folder)})
    (folder / "manifest.json").write_text(sealed.to_text())
    verify_bundle(folder)
    return folder


def score(run: Any, bundle: Path, inbox: Path, out: Path) -> Answer:
    answer: Answer = run(
        "engineer", "score", "--bundle", bundle, "--manifest", inbox, "--root", inbox.parent,
        "--out", out, "--json",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    return answer


def gate(store: Store, challenger: Path, champion: Path) -> int:
    digests = [verify_bundle(each).digest() for each in (challenger, champion)]
    result = gate_result(check(GateVerdict.PASSES))
    with store.transaction() as session:
        rows = [session.scalar(select(Bundle.id).where(Bundle.digest == one)) for one in digests]
        return record_gate_run(
            session,
            result,
            challenger=rows[0],
            champion=rows[1],
            actor="engineer",
            state=next_state(session, result.gate_set, result.submission),
        )


def count(store: Store, table: Any) -> int:
    with store.reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def case_events(session: Any) -> list[Any]:
    """Everything in the ledger but who signed in, and that a case was scored in shadow."""
    return [one for one in events(session) if one.kind not in ("signed_in", "shadow_scored")]


def test_from_shadow_to_promotion_and_back(
    run: Any, database: str, tiny_bundle: TinyBundle, other: Path, inbox: Path, tmp_path: Path
) -> None:
    store = open_store(database)
    before = tmp_path / "before.parquet"
    assert score(run, tiny_bundle.folder, inbox, before).json["shadow"] is None
    digest = verify_bundle(other).digest()

    # Hidden: the tables that readers are shown do not change, nor does the ledger.
    assert run("reader", "registry", "shadow", "--set", other).code == 2
    answer = run("engineer", "registry", "shadow", "--set", other, "--json")
    assert (answer.code, answer.json) == (0, {"shadow": digest})
    with store.reading() as session:
        told = case_events(session)
        order = session.execute(select(Case.id, Case.queue_rank, Case.due_at)).all()
    answer = score(run, tiny_bundle.folder, inbox, tmp_path / "again.parquet")
    assert answer.json["shadow"] == {"scored": 5, "failure": ""}
    assert (count(store, ShadowPredictionRow), count(store, Prediction)) == (5, 5)
    with store.reading() as session:
        assert case_events(session) == told
        assert session.execute(select(Case.id, Case.queue_rank, Case.due_at)).all() == order
    assert score(run, tiny_bundle.folder, inbox, before).json["shadow"]["scored"] == 0
    live = run(
        "engineer", "score", "--bundle", other, "--manifest", inbox, "--root", inbox.parent,
        "--out", tmp_path / "no.parquet",
    )  # fmt: skip
    assert live.code == 2
    assert "in shadow" in live.err
    report = run("governance", "registry", "shadow", "--report", "--json").json
    assert (report["shadow"], report["compared"]) == (digest, 5)
    assert run("reader", "registry", "shadow", "--report").code == 2
    assert "Cohen's kappa" in run("engineer", "registry", "shadow", "--report").out

    # Two accounts.
    gate(store, other, tiny_bundle.folder)
    for name in (None, "reader", "governance"):
        assert run(name, "registry", "propose", digest[:8], "--reason", "Better.").code == 2
    answer = run("engineer", "registry", "propose", "shadow", "--reason", "Better.", "--json")
    number = answer.json["proposal"]
    assert run("engineer", "registry", "approve", number, "--answer", "Yes.").code == 2
    listed = run(None, "registry", "list", "--json").json
    assert [one["state"] for one in listed["bundles"]] == ["champion", "shadow"]
    assert all(one["verified"] for one in listed["bundles"])
    assert listed["bundles"][1]["verdict"] == "passes"
    assert listed["proposals"][0]["cannot_be_approved"] == ""
    answer = run("governance", "registry", "approve", number, "--answer", "Agreed.", "--json")
    assert answer.json["bundle"] == digest
    changed = tmp_path / "changed.parquet"
    score(run, other, inbox, changed)
    numbers = [pd.read_parquet(path).select_dtypes("number") for path in (before, changed)]
    assert not numbers[0].equals(numbers[1])

    # And back, by one, in seconds, bit by bit.
    began = time.monotonic()
    answer = run("governance", "registry", "rollback", "--reason", "It errs.", "--json")
    assert time.monotonic() - began < 60
    assert answer.json["bundle"] == tiny_bundle.manifest.digest()
    assert answer.json["seconds"] < 60
    champion = next(
        one["path"]
        for one in run(None, "registry", "list", "--json").json["bundles"]
        if one["alias"] == "champion"
    )
    after = tmp_path / "after.parquet"
    score(run, Path(champion), inbox, after)
    assert after.read_bytes() == before.read_bytes()
    assert verify_ledger(database).intact
    store.close()


def test_a_shadow_that_fails_harms_nothing(
    run: Any, database: str, tiny_bundle: TinyBundle, other: Path, inbox: Path, tmp_path: Path
) -> None:
    assert run("engineer", "registry", "shadow", "--set", other).code == 0
    (other / "policy.json").write_text("{}")
    answer = score(run, tiny_bundle.folder, inbox, tmp_path / "out.parquet")
    assert "policy.json" in answer.json["shadow"]["failure"]
    assert (answer.json["stored"], answer.json["shadow"]["scored"]) == (5, 0)
    store = open_store(database)
    assert (count(store, Prediction), count(store, ShadowPredictionRow)) == (5, 0)
    store.close()
    answer = run("engineer", "registry", "shadow", "--score", "--json")
    assert (answer.code, answer.json["scored"]) == (2, 0)
    answer = run(None, "registry", "verify")
    assert answer.code == 4
    assert "policy.json" in answer.out
    assert "policy.json" in run(None, "registry", "list").out


def test_cases_added_in_the_pages_are_scored_in_shadow(
    run: Any, database: str, tiny_bundle: TinyBundle, other: Path, inbox: Path, tmp_path: Path
) -> None:
    from tests.tiny import noise  # torch
    from triage.accounts import Actor
    from triage.intake.upload_folder import GivenFile, prepare_folder
    from triage.intake.uploaded_case import CaseFacts, add_uploaded_case
    from triage.vocabulary.modality import Modality

    score(run, tiny_bundle.folder, inbox, tmp_path / "out.parquet")
    assert run("engineer", "registry", "shadow", "--set", other).code == 0
    store = open_store(database)
    folder = tmp_path / "uploads"
    prepare_folder(folder)
    added = add_uploaded_case(
        store,
        folder,
        [GivenFile("a.png", _png(noise(9)))],
        CaseFacts("clinic", Modality.PHOTOGRAPHS, case="added"),
        Actor("reader", Role.READER),
    )
    answer = run("engineer", "registry", "shadow", "--score", "--json")
    assert (answer.json["scored"], answer.json["failure"]) == (1, "")
    with store.reading() as session:
        assert session.scalars(select(ShadowPredictionRow.case_id)).all() == [added.case_id]
        assert session.scalars(select(Prediction.case_id)).all() == [1, 2, 3, 4, 5]
    image = next(folder.rglob("*.png"))
    with store.transaction() as session:
        session.query(ShadowPredictionRow).delete()
    image.write_bytes(_png(noise(10)))
    answer = run("engineer", "registry", "shadow", "--score", "--json")
    assert (answer.code, answer.json["scored"], answer.json["changed_files"]) == (3, 0, 1)
    store.close()


def _png(pixels: Any) -> bytes:
    import io

    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def test_usage_of_the_shadow(run: Any) -> None:
    assert run("engineer", "registry", "shadow").code == 2
    assert run("engineer", "registry", "shadow", "--clear", "--report").code == 2
    assert "no bundle was in shadow" in run("engineer", "registry", "shadow", "--clear").out
    assert run("engineer", "registry", "shadow", "--score").code == 2
    assert run("engineer", "registry", "shadow", "--report").code == 4


def test_reject_and_retire(
    run: Any, database: str, tiny_bundle: TinyBundle, other: Path, inbox: Path, tmp_path: Path
) -> None:
    score(run, tiny_bundle.folder, inbox, tmp_path / "out.parquet")
    run("engineer", "registry", "shadow", "--set", other)
    assert "in shadow no more" in run("engineer", "registry", "shadow", "--clear").out
    store = open_store(database)
    gate(store, other, tiny_bundle.folder)
    store.close()
    assert "proposal 1" in run("engineer", "registry", "propose", other, "--reason", "B.").out
    assert "waits for approval" in run(None, "registry", "list").out
    assert run("governance", "registry", "reject", "1", "--answer", "No.").code == 0
    assert "retired" in run("engineer", "registry", "retire", other, "--reason", "Old.").out
    answer = run("engineer", "registry", "propose", other, "--reason", "Better.", "--json")
    assert answer.code == 4
    assert "retired" in json.loads(answer.out)["error"]
    assert run("engineer", "registry", "rollback", "--reason", "It errs.").code == 4
    assert run(None, "registry", "verify").code == 0


def test_sign_verify_and_diff_of_folders(
    triage: Command,
    tiny_bundle: TinyBundle,
    other: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    key = make_key(tmp_path / "bundles.key")
    trusted = tmp_path / "trusted.txt"
    trusted.write_text(key.public)
    monkeypatch.setenv(KEYS_VARIABLE, str(trusted))
    verify = ("registry", "verify", "--bundle", other)
    assert triage(*verify).code == 4
    answer = triage("registry", "sign", "--bundle", other, "--key", tmp_path / "bundles.key")
    assert (answer.code, key.id in answer.out) == (0, True)
    answer = triage(*verify, "--json")
    assert (answer.code, answer.json["bundles"][0]["signature"]) == (0, f"key {key.id}")
    (other / "policy.json").write_text("{}")
    assert triage(*verify).code == 4
    answer = triage("registry", "sign", "--bundle", other, "--key", tmp_path / "bundles.key")
    assert (answer.code, "policy.json" in answer.err) == (2, True)

    found = triage("registry", "diff", tiny_bundle.folder, other, "--json").json
    assert found["data"]["same"]
    assert (found["settings"], found["metrics"], found["flips"]) == ({}, {}, None)
    answer = triage("registry", "diff", tiny_bundle.folder, other)
    assert "settings: the same" in answer.out
    assert triage("registry", "diff", other, other, "--predictions-a", key).code == 2
    (other / "manifest.json").write_text("{}")
    answer = triage("registry", "diff", tiny_bundle.folder, other)
    assert (answer.code, "manifest.json" in answer.err) == (2, True)
