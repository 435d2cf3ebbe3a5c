"""Paths as text, as notebooks give them, and names that are no UTF-8."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.pipelines.command import Command
from tests.tiny import TinyBundle
from triage.data.dataset import Dataset, load_dataset
from triage.data.spec import DataSpec
from triage.data.spec_files import load_spec, shipped_spec
from triage.errors import NotEnoughEvidence, TriageError
from triage.gating.policy import load_gate_policy as load_policy
from triage.hashing import hash_file
from triage.intake.score import score
from triage.learning.default_backbones import default_backbones
from triage.learning.evaluate import evaluate_bundle, save_evaluation
from triage.learning.find_duplicates import find_duplicates, write_groups
from triage.learning.retraining.pipeline import retrain
from triage.learning.retraining.request import RetrainRequest
from triage.learning.settings import settings_for
from triage.learning.train import train
from triage.oct_reading import OctReading
from triage.predictions import Predictions
from triage.reports.bundle_report import write_audit
from triage.store import open_store
from triage.systems import bundle

SPEC = shipped_spec("derm_phantoms")


def test_text_is_taken_as_a_path(
    tiny_bundle: TinyBundle, phantom_spec: DataSpec, phantom_root: Path, inbox: Path, tmp_path: Path
) -> None:
    assert load_spec(str(SPEC)) == load_spec(SPEC)  # type: ignore[arg-type]
    assert load_policy(str(SPEC.with_name("retrain_policy.yaml")))
    folder = str(tiny_bundle.folder)
    for read in (bundle.load_system, bundle.verify_bundle, bundle.load_policy):
        assert read(folder)  # type: ignore[operator]
    assert load_dataset(phantom_spec, str(phantom_root)).cases  # type: ignore[arg-type]
    out = str(tmp_path / "out.parquet")
    found = score(folder, str(inbox), str(inbox.parent), out)  # type: ignore[arg-type]
    assert len(Predictions.load(out)) == found.counts["read"]  # type: ignore[arg-type]
    run = evaluate_bundle(folder, phantom_spec, str(phantom_root), n_resamples=2)
    assert run.evaluation.n_cases > 0
    save_evaluation(run, str(tmp_path))
    assert (tmp_path / "evaluation.json").is_file()
    written = write_audit(run, str(tmp_path / "report"), None)
    assert all(path.is_file() for path in written.values())
    data = tmp_path / "a" / "data"
    assert default_backbones(str(data)) == default_backbones(data)


def test_text_is_taken_as_a_path_by_training(
    tiny_bundle: TinyBundle,
    tiny_hf: Path,
    phantom_spec: DataSpec,
    phantom_data: Dataset,
    phantom_root: Path,
    database: str,
    tmp_path: Path,
) -> None:
    config, out, cache = tmp_path / "c.yaml", str(tmp_path / "trained"), str(tmp_path / "cache")
    config.write_text("hidden: 16\nfit: {epochs: 1, patience: 1}\n")
    reference = f"hf:{tiny_hf}"
    settings = settings_for(phantom_spec, [reference], str(config), members=1)
    assert train(phantom_data, settings, out, cache_folder=cache).name == "trained"
    found = find_duplicates(phantom_data, [reference], 0.9, cache_folder=cache)
    write_groups(found, str(tmp_path / "groups.csv"))
    assert (tmp_path / "groups.csv").is_file()
    store = open_store(database, create=True)
    rule = load_policy(str(SPEC.with_name("retrain_policy.yaml")))
    request = RetrainRequest(
        spec=phantom_spec,
        root=str(phantom_root),  # type: ignore[arg-type]
        policy=rule,
        out=str(tmp_path / "b"),  # type: ignore[arg-type]
        bundle=str(tiny_bundle.folder),  # type: ignore[arg-type]
        cache_folder=cache,  # type: ignore[arg-type]
    )
    with pytest.raises(NotEnoughEvidence, match="0 usable labels"):
        retrain(request, store)
    store.close()


@pytest.mark.parametrize(
    "read",
    [
        load_spec, load_policy, Predictions.load, OctReading.load, bundle.load_system,
        bundle.verify_bundle, bundle.load_policy, bundle.load_bundle_spec,
    ],
)  # fmt: skip
def test_text_that_leads_nowhere_is_refused_in_words(read: object, tmp_path: Path) -> None:
    with pytest.raises(TriageError):
        read(str(tmp_path / "absent"))  # type: ignore[operator]


@pytest.mark.skipif(sys.platform != "linux", reason="file names are text elsewhere")
def test_a_name_that_is_no_utf8(
    triage: Command, tiny_bundle: TinyBundle, inbox: Path, phantom_root: Path, tmp_path: Path
) -> None:
    name = os.fsdecode(b"\xff.parquet")
    given = ("--bundle", tiny_bundle.folder, "--manifest", inbox, "--root", inbox.parent)
    scored = triage("score", *given, "--out", tmp_path / name)
    assert scored.code == 0, scored.err
    assert r"\udcff.parquet" in scored.out
    assert len(Predictions.load(tmp_path / name)) == 5
    data = ("--spec", SPEC, "--root", phantom_root)
    refused = triage("train", *data, "--out", tmp_path / name / "b")
    assert refused.code == 2
    assert r"\udcff.parquet/b: has a name that is not UTF-8" in refused.err


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"\xff", b"[" * 100_000])
def test_a_bundle_with_a_broken_spec(
    content: bytes, triage: Command, tiny_bundle: TinyBundle, phantom_root: Path, tmp_path: Path
) -> None:
    """Sealed anew, so that no hash gives it away."""
    folder = tmp_path / "b"
    shutil.copytree(tiny_bundle.folder, folder)
    (folder / bundle.SPEC).write_bytes(content)
    manifest = bundle.read_manifest(folder)
    files = {**manifest.files, bundle.SPEC: hash_file(folder / bundle.SPEC)}
    resealed = manifest.model_copy(update={"files": files})
    (folder / bundle.MANIFEST).write_text(resealed.to_text(), encoding="utf-8")
    data = ("--spec", SPEC, "--root", phantom_root)
    answer = triage("evaluate", "--bundle", folder, *data)
    assert answer.code == 2
    assert "spec.json" in answer.err


@pytest.mark.parametrize("port", ["port", "99999999999999999999", "-1"])
def test_a_bad_port_of_a_database(port: str, triage: Command) -> None:
    answer = triage("db", "upgrade", "--db", f"postgresql://u@localhost:{port}/x")
    assert answer.code == 2
    assert answer.err
