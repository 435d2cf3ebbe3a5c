"""Volumes from their reviews to a challenger: read blind, retrained, and judged."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest

from tests.pipelines.command import Command
from tests.pipelines.retraining import SOURCE, champion_of
from tests.readers import lock, states
from tests.tiny import TinyOctBundle
from triage.data.dataset import Dataset
from triage.data.spec import DataSpec
from triage.data.spec_files import shipped_spec
from triage.errors import SpecError, UsageError
from triage.intake.case_table import read_unlabelled
from triage.intake.ingest import ingest
from triage.intake.score import score_cases
from triage.learning.retraining.annotated_data import with_annotated
from triage.phantoms.oct import write_oct_phantoms
from triage.store import Store, find_case, verify_ledger
from triage.systems.bundle import load_system, verify_bundle
from triage.systems.oct import tissue_cache
from triage.systems.oct.family import OctFamily
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.diagnoses import DIAGNOSES

SPEC = shipped_spec("oct_phantoms")
POLICY = """\
labels: {min_labels: 1}
improvement: none
gate:
  overall: {accuracy: 1.0}
  groups: {}
  worst_group: {}
  calibration: null
  near_ood: null
  far_ood: null
  coverage: null
  flips_over_seed_rate: null
  frozen: null
  performance: null
"""


@pytest.fixture
def reviewed(
    store: Store, tiny_oct_bundle: TinyOctBundle, oct_spec: DataSpec, tmp_path: Path
) -> dict[str, str]:
    """Eight volumes of new patients, scored and read blind; their classes by case."""
    folder = tmp_path / "clinic"
    write_oct_phantoms(
        folder, 8, 22, size=(6, 32, 32), rare_fraction=0.0, labelled=False, annotated=False,
        start=5_000,
    )  # fmt: skip
    cases = read_unlabelled(folder / "manifest.csv", folder, oct_spec)
    system, manifest = load_system(tiny_oct_bundle.folder)
    scored = score_cases(system, cases, None, lambda *_: None)
    ingest(
        store, cases, scored, manifest, bundle=tiny_oct_bundle.folder, root=folder, source=SOURCE
    )
    with (folder / "truth.csv").open(newline="") as stream:
        truth = {row["case_id"]: row["condition"] for row in csv.DictReader(stream)}
    for case, referral in truth.items():
        with store.reading() as session:
            number = find_case(session, SOURCE, case)
        assert number is not None
        named = DIAGNOSES["cnv" if referral == "urgent" else "erm"]
        lock(store, number, "Dr A", **states(named, urgency=Urgency(referral)))
    return truth


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY)
    return path


def test_reviews_of_volumes_train_the_referral_stage(
    triage: Command,
    reviewed: dict[str, str],
    store: Store,
    policy: Path,
    database: str,
    tiny_oct_bundle: TinyOctBundle,
    oct_data: Dataset,
    oct_root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TRIAGE_CACHE", str(tmp_path / "cache"))
    seen: list[Dataset] = []
    refit = OctFamily.refit

    def recording(self, system, manifest, dataset, name, **options):
        seen.append(dataset)
        return refit(self, system, manifest, dataset, name, **options)

    monkeypatch.setattr(OctFamily, "refit", recording)
    arguments = (
        "retrain", "--bundle", tiny_oct_bundle.folder, "--spec", SPEC, "--root", oct_root,
        "--policy", policy, "--db", database,
    )  # fmt: skip
    plan = triage(*arguments, "--out", tmp_path / "b", "--dry-run", "--json")
    assert plan.code == 0, plan.err
    assert plan.json["labels"]["trained_on"] == len(reviewed)
    answer = triage(*arguments, "--out", tmp_path / "b", "--json")
    assert answer.code in (0, 4, 5), answer.err
    manifest = verify_bundle(tmp_path / "b")
    champion = tiny_oct_bundle.manifest
    # Stage 1 has the champion's weights; stage 2 other ones.
    assert manifest.backbones == champion.backbones
    stages = {name: sha for name, sha in manifest.files.items() if "/" in name}
    before = {name: sha for name, sha in champion.files.items() if "/" in name}
    assert stages.keys() == before.keys()
    assert {name for name in stages if stages[name] != before[name]} == {
        "referral/r0.safetensors", "referral/r1.safetensors",
    }  # fmt: skip
    known = {case.case_id for case in oct_data.cases}
    added = [case for case in seen[0].of_split("train") if case.case_id not in known]
    assert {case.case_id: case.condition for case in added} == reviewed
    assert {frozenset(case.diagnoses) for case in added} <= {
        frozenset({"cnv", "normal"}), frozenset({"erm", "normal"}),
    }  # fmt: skip
    assert answer.json["labels"]["trained_on"] == len(reviewed)
    assert answer.json["gate"]["checks"]
    assert champion_of(store) == champion.digest()
    assert verify_ledger(database).intact
    # Another run maps no volume of training again.
    mapped: list[str] = []
    hypotheses = tissue_cache.hypotheses_of

    def counting(*given):
        mapped.append("one")
        return hypotheses(*given)

    monkeypatch.setattr(tissue_cache, "hypotheses_of", counting)
    again = triage(*arguments, "--out", tmp_path / "c", "--json")
    assert again.code == answer.code, again.err
    assert not mapped
    assert verify_bundle(tmp_path / "c").backbones == champion.backbones


def test_a_changed_volume_does_not_train(
    triage: Command,
    reviewed: dict[str, str],
    policy: Path,
    database: str,
    tiny_oct_bundle: TinyOctBundle,
    oct_root: Path,
    tmp_path: Path,
) -> None:
    path = sorted((tmp_path / "clinic" / "volumes").iterdir())[0]
    path.write_bytes(path.read_bytes()[:-20])
    plan = triage(
        "retrain", "--bundle", tiny_oct_bundle.folder, "--spec", SPEC, "--root", oct_root,
        "--policy", policy, "--db", database, "--out", tmp_path / "b", "--dry-run", "--json",
    )  # fmt: skip
    assert plan.code == 0, plan.err
    assert plan.json["labels"]["trained_on"] == len(reviewed) - 1
    assert [one["reason"] for one in plan.json["left_out"]] == ["changed"]


def test_a_replaced_annotation_begins_a_run_of_its_own(
    triage: Command,
    reviewed: dict[str, str],
    policy: Path,
    database: str,
    tiny_oct_bundle: TinyOctBundle,
    oct_root: Path,
    tmp_path: Path,
) -> None:
    root = shutil.copytree(oct_root, tmp_path / "root")
    arguments = (
        "retrain", "--bundle", tiny_oct_bundle.folder, "--spec", SPEC, "--root", root,
        "--policy", policy, "--db", database, "--out", tmp_path / "b", "--dry-run", "--json",
    )  # fmt: skip
    before = triage(*arguments)
    assert before.code == 0, before.err
    assert triage(*arguments).json["run"] == before.json["run"]
    with (root / "manifest.csv").open(newline="") as stream:
        annotations = [root / row["annotation"] for row in csv.DictReader(stream)]
    for path in annotations:
        path.write_bytes(path.read_bytes() + b" ")
    after = triage(*arguments)
    assert after.code == 0, after.err
    assert after.json["dataset_version"] == before.json["dataset_version"]
    assert after.json["run"] != before.json["run"]


@pytest.mark.parametrize("annotated", [True, False])
def test_annotated_volumes_are_added_from_a_folder(
    annotated: bool, oct_data: Dataset, tmp_path: Path
) -> None:
    write_oct_phantoms(
        tmp_path / "new", 6, 22, device="B", size=(6, 32, 32), rare_fraction=0.0,
        annotated=annotated, start=7_000,
    )  # fmt: skip
    if not annotated:
        with pytest.raises(UsageError, match="no annotated case"):
            with_annotated(oct_data, tmp_path / "new")
        return
    found = with_annotated(oct_data, tmp_path / "new")
    fresh = found.cases[len(oct_data.cases) :]
    assert len(fresh) == 6
    assert all(case.annotation is not None and case.annotation.exists() for case in fresh)
    assert set(found.splits[len(oct_data.cases) :]) == {"train"}
    with pytest.raises(UsageError, match="no annotated case"):
        with_annotated(found, tmp_path / "new")


def test_photographs_have_no_annotations(phantom_data: Dataset, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no column of annotations"):
        with_annotated(phantom_data, tmp_path)


def test_a_damaged_table_of_annotated_volumes(oct_data: Dataset, tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_text("image,condition\na.dcm,urgent\n")
    with pytest.raises(SpecError):
        with_annotated(oct_data, tmp_path)
