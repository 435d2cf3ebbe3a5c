"""The monitoring reference of a trained bundle, against predictions of the same cases."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.pipelines.command import Command, make_command
from tests.tiny import TinyBundle, TinyOctBundle
from triage.data.dataset import Dataset
from triage.data.spec import DataSpec
from triage.data.spec_files import shipped_spec
from triage.errors import NotEnoughEvidence, UsageError
from triage.learning import monitoring_reference
from triage.learning.monitoring_reference import bundle_reference
from triage.monitoring.accuracy_estimate import fit_accuracy_reference
from triage.monitoring.bundle_reference import (
    CORRUPTIONS,
    GROUPS,
    UNGATED,
    UNKNOWN_CONDITIONS,
    BundleReference,
    load_bundle_reference,
    save_bundle_reference,
)
from triage.systems.bundle import load_system
from triage.systems.photographs.system import System


@pytest.fixture(scope="module")
def reference(
    tiny_bundle: TinyBundle, phantom_spec: DataSpec, phantom_root: Path, session_cache: Path
) -> BundleReference:
    with pytest.MonkeyPatch.context() as patch:
        # The phantom split of two hundred cases is small.
        patch.setattr(monitoring_reference, "_LEAST_CASES", 5)
        return bundle_reference(
            tiny_bundle.folder,
            phantom_spec,
            phantom_root,
            corruptions=["jpeg", "brightness"],
            severities=[2],
            cache_folder=session_cache,
        )


def test_it_is_the_accuracy_of_the_validation_split(
    reference: BundleReference, tiny_bundle: TinyBundle, phantom_data: Dataset, session_cache: Path
) -> None:
    system, manifest = load_system(tiny_bundle.folder)
    known = phantom_data.draw.inliers
    cases = [case for case in phantom_data.of_split("validation") if case.condition in known]
    scored = system.score(cases, session_cache).predictions
    assert scored.decisions is not None
    decided = scored.decisions
    kept = ~decided["reason_code"].isin(["A1", "A2", "A3", "A4", "A7", "A8"]).to_numpy()
    right = decided["condition"].to_numpy() == scored.cases["label"].to_numpy()
    found = reference.accuracy
    assert reference.bundle == manifest.digest()
    assert (found.n, found.n_errors) == (kept.sum(), (kept & ~right).sum())
    assert found.accuracy == pytest.approx(right[kept].mean())
    assert found.mean_confidence == pytest.approx(decided["p_condition"][kept].mean())
    assert found == fit_accuracy_reference(
        decided["p_condition"], right, kept=kept, units=scored.cases["cluster"]
    )


def test_corrupted_cases_are_scored_corrupted(
    reference: BundleReference, tiny_bundle: TinyBundle, phantom_data: Dataset, session_cache: Path
) -> None:
    from triage.imaging.corruptions import Corruption

    system, _ = load_system(tiny_bundle.folder)
    assert isinstance(system, System)
    known = phantom_data.draw.inliers
    cases = [case for case in phantom_data.of_split("test") if case.condition in known]
    clean = system.score(cases, session_cache).predictions
    changed = system.score(cases, session_cache, corruption=Corruption("brightness", 2)).predictions
    assert not np.allclose(clean.embedding, changed.embedding)
    row = next(row for row in reference.shifts if row.shift == "brightness:2")
    assert row.n_cases == len(cases)
    assert changed.decisions is not None
    removed = changed.decisions["reason_code"].isin(["A1", "A2", "A3", "A4", "A7", "A8"])
    assert row.n_kept == len(cases) - removed.sum()


def test_it_holds_every_shift_and_error(reference: BundleReference) -> None:
    names = [row.shift for row in reference.shifts]
    assert names[:3] == ["as they are", "jpeg:2", "brightness:2"]
    assert names[-1] == UNKNOWN_CONDITIONS
    assert reference.shifts[-1].n_cases > reference.shifts[0].n_cases
    assert any("=" in name for name in names[3:-1])
    assert {(error.over, error.method) for error in reference.errors} == {
        (over, method)
        for over in (CORRUPTIONS, GROUPS, UNGATED)
        for method in ("atc", "doc", "regression")
    }
    assert reference.rejected == {}


def test_it_is_read_back(reference: BundleReference, tmp_path: Path) -> None:
    path = tmp_path / "reference.json"
    save_bundle_reference(reference, path)
    assert load_bundle_reference(path, reference.bundle) == reference
    with pytest.raises(UsageError, match="another bundle"):
        load_bundle_reference(path, "0" * 64)
    path.write_text(json.dumps({"format": "other"}))
    with pytest.raises(UsageError, match="is not a monitoring reference"):
        load_bundle_reference(path)
    with pytest.raises(UsageError, match="missing"):
        load_bundle_reference(tmp_path / "missing.json")
    with pytest.raises(UsageError, match="cannot be written"):
        save_bundle_reference(reference, path / "reference.json")


def test_volumes_are_refused(tiny_oct_bundle: TinyOctBundle, phantom_spec: DataSpec) -> None:
    with pytest.raises(UsageError, match="reads volumes"):
        bundle_reference(tiny_oct_bundle.folder, phantom_spec, ".")


def test_a_validation_split_of_few_cases_is_not_enough(
    tiny_bundle: TinyBundle, phantom_spec: DataSpec, phantom_root: Path, session_cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(monitoring_reference, "_LEAST_CASES", 1000)
    with pytest.raises(NotEnoughEvidence, match="fewer than 1000"):
        bundle_reference(
            tiny_bundle.folder, phantom_spec, phantom_root, corruptions=["jpeg"], severities=[1],
            cache_folder=session_cache,
        )  # fmt: skip


def test_the_verb(
    tiny_bundle: TinyBundle, phantom_root: Path, tmp_path: Path, session_cache: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    triage: Command = make_command(monkeypatch, capsys)
    monkeypatch.setattr(monitoring_reference, "_LEAST_CASES", 5)
    monkeypatch.setenv("TRIAGE_CACHE", str(session_cache))
    given = ["--spec", str(shipped_spec("derm_phantoms")), "--root", str(phantom_root)]
    out = tmp_path / "made" / "reference.json"
    found = triage(
        "monitor", "reference", "--bundle", str(tiny_bundle.folder), *given, "--out", str(out),
        "--corruption", "jpeg", "--severity", "2", "--json",
    )  # fmt: skip
    assert found.code == 0
    printed = json.loads(found.out)
    written = json.loads(out.read_text())
    assert len(written["accuracy"].pop("resamples")) == 200
    assert printed == written
    wrong = triage(
        "monitor", "reference", "--bundle", str(tiny_bundle.folder), *given, "--out", str(out),
        "--corruption", "jepg",
    )  # fmt: skip
    assert wrong.code == 2
    assert "jpeg" in wrong.err
