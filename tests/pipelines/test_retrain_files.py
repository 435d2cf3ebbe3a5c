"""Retraining on files that are no longer those that were received and reviewed."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from tests.pipelines.command import Command
from tests.pipelines.retraining import SOURCE, added, champion_of, policy, put, read
from tests.tiny import TinyBundle
from triage.cache_folder import CACHE_VARIABLE
from triage.data.dataset import Dataset
from triage.data.spec import DataSpec
from triage.data.spec_files import shipped_spec
from triage.errors import BundleError, ExitCode, NotEnoughEvidence, TrainingError
from triage.intake.case_table import read_unlabelled
from triage.labels.reviewed_cases import LeftOutReason
from triage.ledger.keys import make_key
from triage.store import Store, find_case, get_case
from triage.store.tables import Image
from triage.systems.bundle import load_system, verify_bundle
from triage.systems.bundle_signature import KEYS_VARIABLE, sign_bundle
from triage.systems.photographs.family import PhotographFamily


@pytest.fixture
def own_clinic(store: Store, clinic: Path, tmp_path: Path, phantom_spec: DataSpec,
               tiny_bundle: TinyBundle) -> Path:  # fmt: skip
    """A copy of the clinic's folder whose files a test may replace; its cases are stored."""
    folder = shutil.copytree(clinic, tmp_path / "own_clinic")
    put(store, read_unlabelled(folder / "manifest.csv", folder, phantom_spec), tiny_bundle, folder)
    return folder


def file_of(store: Store, case: str) -> Path:
    with store.reading() as session:
        (image, *_) = get_case(session, find_case(session, SOURCE, case) or 0).images
    return Path(image.root) / image.path


def test_a_file_that_changed_since_it_was_received_leaves_its_case_out(
    own_clinic: Path,
    store: Store,
    truth: dict[str, str],
    run,
    trained_on: list[Dataset],
    phantom_data: Dataset,
    tmp_path: Path,
) -> None:
    """Also where it is replaced by a picture of the test split: the label was of other bytes."""
    swapped, gone, linked, kept = list(truth)[:4]
    for case in (swapped, gone, linked, kept):
        read(store, case, truth[case])
    held_out = phantom_data.of_split("test")[0].images[0]
    shutil.copy(held_out, file_of(store, swapped))
    file_of(store, gone).unlink()
    file_of(store, linked).unlink()
    file_of(store, linked).symlink_to(held_out)
    result = run(policy())
    assert added(trained_on[0], phantom_data) == {kept: truth[kept]}
    assert [(each["case"], each["source"], each["reason"]) for each in result.left_out] == [
        (swapped, SOURCE, "changed"),
        (gone, SOURCE, "missing"),
        (linked, SOURCE, "outside_root"),
    ]
    assert result.exit_code is ExitCode.SOME_REJECTED
    assert result.labels["left_out"] == {"changed": 1, "missing": 1, "outside_root": 1}
    # The bundle holds no ids of cases.
    assert swapped not in (tmp_path / "challenger" / "manifest.json").read_text()


def test_left_out_cases_count_as_no_labels(
    own_clinic: Path, store: Store, truth: dict[str, str], run, tmp_path: Path
) -> None:
    read(store, *next(iter(truth.items())))
    file_of(store, next(iter(truth))).write_bytes(b"other")
    with pytest.raises(NotEnoughEvidence, match=r"0 usable .* 1 whose files are not those"):
        run(policy())
    assert not (tmp_path / "challenger").exists()


def test_a_file_replaced_while_it_is_trained_on(
    own_clinic: Path,
    store: Store,
    truth: dict[str, str],
    run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    tiny_bundle: TinyBundle,
) -> None:
    case = next(iter(truth))
    read(store, case, truth[case])
    refit = PhotographFamily.refit

    def swap_and_fit(*arguments: Any, **options: Any) -> Any:
        file_of(store, case).write_bytes(file_of(store, list(truth)[1]).read_bytes())
        return refit(*arguments, **options)

    monkeypatch.setattr(PhotographFamily, "refit", swap_and_fit)
    with pytest.raises(TrainingError, match="changed while they were trained on"):
        run(policy())
    # Neither a bundle nor checkpoints that a next run would take up.
    assert not (tmp_path / "challenger").exists()
    assert not [*tmp_path.rglob("*.safetensors")]
    assert champion_of(store) == tiny_bundle.manifest.digest()


def test_left_out_cases_are_listed_on_the_command_line(
    own_clinic: Path,
    store: Store,
    truth: dict[str, str],
    triage: Command,
    tiny_bundle: TinyBundle,
    phantom_root: Path,
    database: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tiny_bundle.cache))
    (first, other), rule = list(truth)[:2], tmp_path / "policy.yaml"
    rule.write_text(policy().policy.model_dump_json())
    for case in (first, other):
        read(store, case, truth[case])
    file_of(store, first).write_bytes(b"other bytes")
    answer = triage(
        "retrain", "--bundle", tiny_bundle.folder, "--spec", shipped_spec("derm_phantoms"),
        "--root", phantom_root, "--policy", rule, "--out", tmp_path / "b", "--db", database,
    )  # fmt: skip
    assert answer.code == ExitCode.SOME_REJECTED, answer.err
    assert f"left out: case {first} of {SOURCE}: a file has changed since" in answer.out
    assert "passes: it may be proposed" in answer.out
    assert verify_bundle(tmp_path / "b").promotion is not None


def test_a_file_whose_content_was_never_recorded_leaves_its_case_out(
    own_clinic: Path,
    store: Store,
    truth: dict[str, str],
    run,
    trained_on: list[Dataset],
    phantom_data: Dataset,
) -> None:
    """As earlier releases stored them: nothing shows that the label is of these bytes."""
    unknown, kept = list(truth)[:2]
    for case in (unknown, kept):
        read(store, case, truth[case])
    with store.transaction() as session:
        number = find_case(session, SOURCE, unknown)
        for image in session.scalars(select(Image).where(Image.case_id == number)):
            image.sha256 = None
    result = run(policy())
    assert added(trained_on[0], phantom_data) == {kept: truth[kept]}
    assert [(each["case"], each["reason"]) for each in result.left_out] == [(unknown, "no_hash")]
    assert "never recorded" in LeftOutReason(result.left_out[0]["reason"]).sentence


def test_where_only_signed_bundles_are_used_a_challenger_is_known_by_its_digest(
    filled: Store,
    truth: dict[str, str],
    run,
    tiny_bundle: TinyBundle,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody can have signed it while it is made; the champion has to be signed all the same."""
    champion = tmp_path / "signed"
    shutil.copytree(tiny_bundle.folder, champion)
    key = make_key(tmp_path / "key")
    keys = tmp_path / "trusted"
    keys.write_text(f"{key.public}\n")
    monkeypatch.setenv(KEYS_VARIABLE, str(keys))
    read(filled, *next(iter(truth.items())))
    with pytest.raises(BundleError, match="is not signed"):
        run(policy(), bundle=champion)
    sign_bundle(champion, tiny_bundle.manifest.digest(), key)
    result = run(policy(), bundle=champion)
    assert result.next_steps[0].command.startswith("triage registry sign --bundle")
    assert run(policy(), bundle=champion) == result
    with pytest.raises(BundleError, match="is not signed"):
        load_system(tmp_path / "challenger")
    sign_bundle(tmp_path / "challenger", result.bundle, key)
    assert load_system(tmp_path / "challenger")[1].digest() == result.bundle
