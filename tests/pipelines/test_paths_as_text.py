"""Paths as text, as notebooks give them, and names that are no UTF-8."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.pipelines.command import Command
from tests.tiny import TinyBundle
from triage.data.dataset import load_dataset
from triage.data.spec import DataSpec
from triage.data.spec_files import load_spec, shipped_spec
from triage.errors import TriageError
from triage.hashing import hash_file
from triage.intake.score import score
from triage.learning.evaluate import evaluate_bundle
from triage.learning.promotion_gate import load_policy
from triage.oct_reading import OctReading
from triage.predictions import Predictions
from triage.systems import bundle

SPEC = shipped_spec("derm_phantoms")


def test_text_is_taken_as_a_path(
    tiny_bundle: TinyBundle, phantom_spec: DataSpec, phantom_root: Path, inbox: Path, tmp_path: Path
) -> None:
    assert load_spec(str(SPEC)) == load_spec(SPEC)  # type: ignore[arg-type]
    assert load_policy(str(SPEC.with_name("retrain_policy.yaml")))  # type: ignore[arg-type]
    folder = str(tiny_bundle.folder)
    for read in (bundle.load_system, bundle.verify_bundle, bundle.load_policy):
        assert read(folder)  # type: ignore[operator]
    assert load_dataset(phantom_spec, str(phantom_root)).cases  # type: ignore[arg-type]
    out = str(tmp_path / "out.parquet")
    found = score(folder, str(inbox), str(inbox.parent), out)  # type: ignore[arg-type]
    assert len(Predictions.load(out)) == found.counts["read"]  # type: ignore[arg-type]
    run = evaluate_bundle(folder, phantom_spec, str(phantom_root), n_resamples=2)  # type: ignore[arg-type]
    assert run.evaluation.n_cases > 0


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
