"""Volumes through the verbs that teach and measure: validate, train, evaluate, retrain, demo."""

from __future__ import annotations

import csv
import json
import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import yaml

from tests.conftest import OCT_PHANTOMS
from tests.pipelines.command import Command
from tests.tiny import TinyBundle, TinyOctBundle, tiny_oct_settings
from triage.data.spec import DataSpec
from triage.data.spec_files import shipped_spec
from triage.learning.evaluate import EvaluationRun, evaluate_bundle
from triage.phantoms import generators
from triage.phantoms.oct import write_oct_phantoms
from triage.predictions import Predictions
from triage.store import Modality, cases_waiting, get_case, known_conditions, open_store
from triage.systems.bundle import verify_bundle
from triage.vocabulary.diagnoses import DIAGNOSES

SPEC = shipped_spec("oct_phantoms")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(tiny_oct_settings().model_dump(mode="json")))
    return path


@pytest.fixture
def clinic(oct_root: Path, tmp_path: Path) -> Path:
    return shutil.copytree(oct_root, tmp_path / "clinic")


@pytest.fixture(scope="module")
def run(tiny_oct_bundle: TinyOctBundle, oct_spec: DataSpec, oct_root: Path) -> EvaluationRun:
    return evaluate_bundle(tiny_oct_bundle.folder, oct_spec, oct_root, n_resamples=50)


def edit_manifest(root: Path, **changes: str) -> str:
    """Change the first row of a manifest; returns its image."""
    path = root / "manifest.csv"
    with path.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    name = rows[0]["image"]
    rows[0] |= changes
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return name


# validate


def test_sound_volumes_have_no_problems(triage: Command, oct_root: Path) -> None:
    answer = triage("spec", "validate", SPEC, "--root", oct_root, "--decode", "--json")
    assert (answer.code, answer.json["problems"]) == (0, [])


def test_every_problem_of_volumes_is_listed(triage: Command, clinic: Path) -> None:
    first = edit_manifest(clinic, erm="1.0", annotation="truth/none.safetensors")
    volumes = sorted((clinic / "volumes").iterdir())
    content = volumes[2].read_bytes()
    volumes[2].write_bytes(content[: len(content) // 2])
    shutil.copy(next((clinic / "truth").iterdir()), volumes[3])
    volumes[4].write_bytes(b"")
    annotation = clinic / "truth" / f"{volumes[5].stem}.safetensors"
    annotation.write_bytes(annotation.read_bytes()[:100])
    answer = triage("spec", "validate", SPEC, "--root", clinic, "--decode", "--json")
    assert answer.code == 2
    reported = answer.json["problems"]
    assert len(reported) == 6, reported
    for part in (
        "erm: '1.0' is none of 1, 0 and nothing",
        f"{volumes[2].name}: ",
        f"{volumes[3].name}: ",
        f"{volumes[4].name}: empty file",
        f"{annotation.name}: is damaged",
        "truth/none.safetensors: missing file",
    ):
        assert sum(part in problem for problem in reported) == 1, part
    assert first


def test_a_volume_may_be_a_folder(triage: Command, clinic: Path) -> None:
    """A folder is read like a file; a folder of one B-scan or without scale is named."""
    from tests.oct_imaging.samples import meta, retina, write_folder

    write_folder(clinic / "volumes" / "whole", retina(6), sidecar=meta())
    edit_manifest(clinic, image="volumes/whole", annotation="")
    assert triage("spec", "validate", SPEC, "--root", clinic, "--decode").code == 0
    write_folder(clinic / "volumes" / "bare", retina(6), sidecar=meta(depth_spacing_mm=None))
    edit_manifest(clinic, image="volumes/bare")
    answer = triage("spec", "validate", SPEC, "--root", clinic, "--decode")
    assert answer.code == 2
    assert "does not give the scale" in answer.err
    assert triage("spec", "validate", SPEC, "--root", clinic).code == 0


# train and evaluate


def test_train_writes_a_bundle(
    triage: Command, oct_root: Path, config: Path, tiny_oct_bundle: TinyOctBundle, tmp_path: Path
) -> None:
    out = tmp_path / "b"
    answer = triage(
        "train", "--spec", SPEC, "--root", oct_root, "--out", out, "--config", config, "--json"
    )
    assert answer.code == 0, answer.err
    manifest = verify_bundle(out)
    assert manifest.settings == tiny_oct_settings()
    assert len(manifest.members) == 4
    assert sorted(path.name for path in out.iterdir()) == [
        "acquisition.json", "annotations.json", "manifest.json", "model_card.md", "policy.json",
        "referral", "segmentation", "spec.json",
    ]  # fmt: skip
    # The same data, settings and seed make the same weights.
    assert manifest.backbones == tiny_oct_bundle.manifest.backbones
    assert not list(tmp_path.glob(".b*"))


@pytest.mark.parametrize(
    ("option", "reported"),
    [
        (("--head", "softmax"), "--head: is no setting for oct_volumes"),
        (("--members", "21"), "--instances"),
        (("--mode", "embed"), "--mode"),
    ],
)
def test_settings_of_photographs_are_refused(
    option: tuple[str, str], reported: str, triage: Command, oct_root: Path, tmp_path: Path
) -> None:
    answer = triage("train", "--spec", SPEC, "--root", oct_root, "--out", tmp_path / "b", *option)
    assert answer.code == 2
    assert reported in answer.err


def test_an_evaluation_has_referral_and_tissue(
    run: EvaluationRun, oct_spec: DataSpec, oct_root: Path
) -> None:
    assert run.referral is not None
    assert run.tissue is not None
    table = np.array(run.referral.confusion)
    inliers = run.manifest.roles.inliers
    known = [case for case in run.dataset.of_split("test") if case.condition in inliers]
    assert table.sum() == run.referral.n_cases == len(known)
    wrong = 1 - table.trace() / table.sum()
    assert run.referral.error.value == pytest.approx(wrong)
    assert run.tissue.n_volumes == len(known)
    assert 0 < (run.tissue.mean_dice.value or 0) < 1


def test_evaluate_prints_and_writes_both(
    triage: Command, tiny_oct_bundle: TinyOctBundle, oct_root: Path, tmp_path: Path
) -> None:
    answer = triage(
        "evaluate", "--bundle", tiny_oct_bundle.folder, "--spec", SPEC, "--root", oct_root,
        "--out", tmp_path / "e",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    for words in ("Referral of known conditions", "semi_urgent", "Tissue maps", "QU-BraTS"):
        assert words in answer.out
    written = json.loads((tmp_path / "e" / "evaluation.json").read_text())
    assert len(written["referral"]["confusion"]) == 4
    assert len(written["tissue"]["classes"]) == 15
    assert len(Predictions.load(tmp_path / "e" / "predictions.parquet")) > 0


# the wrong kind of data


def test_photographs_offered_as_volumes(
    triage: Command, phantom_root: Path, clinic: Path, config: Path, tmp_path: Path
) -> None:
    photograph = next((phantom_root / "images").iterdir())
    for volume in (clinic / "volumes").iterdir():
        shutil.copy(photograph, volume)
    validated = triage("spec", "validate", SPEC, "--root", clinic, "--decode")
    assert validated.code == 2
    assert "colour" in validated.err
    trained = triage(
        "train", "--spec", SPEC, "--root", clinic, "--out", tmp_path / "b", "--config", config
    )
    assert trained.code == 2
    assert "colour" in trained.err or "volume" in trained.err
    assert not (tmp_path / "b").exists()


def test_volumes_offered_as_photographs(
    triage: Command, tiny_bundle: TinyBundle, oct_root: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.parquet"
    answer = triage(
        "score", "--bundle", tiny_bundle.folder, "--manifest", oct_root / "manifest.csv",
        "--root", oct_root, "--out", out, "--json",
    )  # fmt: skip
    assert answer.code == 3
    assert answer.json["counts"] == {"read": 0, "rejected": 72, "wrong_modality": 72}


def test_retraining_on_volumes_is_refused(
    triage: Command, tiny_oct_bundle: TinyOctBundle, oct_root: Path, database: str, tmp_path: Path
) -> None:
    open_store(database, create=True).close()
    answer = triage(
        "retrain", "--bundle", tiny_oct_bundle.folder, "--spec", SPEC, "--root", oct_root,
        "--policy", SPEC.with_name("retrain_policy.yaml"), "--out", tmp_path / "b",
        "--db", database,
    )  # fmt: skip
    assert answer.code == 2
    assert "not offered for OCT volumes" in answer.err
    assert not (tmp_path / "b").exists()


# the whole way


def test_the_demo(
    triage: Command, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawing = partial(
        write_oct_phantoms, size=OCT_PHANTOMS["size"], rare_fraction=OCT_PHANTOMS["rare_fraction"]
    )
    small = generators.Generator(drawing, cases=int(OCT_PHANTOMS["n_cases"]), inbox=5)
    monkeypatch.setitem(generators.GENERATORS, "oct_phantoms", small)
    monkeypatch.setattr(generators, "SEED", OCT_PHANTOMS["seed"])
    arguments = ("demo", "--no-ui", "--spec", SPEC, "--workdir", tmp_path / "w")
    answer = triage(*arguments, "--config", config, "--json")
    assert answer.code == 0, answer.err
    reported = answer.json
    assert set(reported["metrics"]) == {"hod"}
    assert all(Path(place).exists() for place in reported["places"].values())
    store = open_store(reported["database"])
    with store.reading() as session:
        waiting = cases_waiting(session)
        assert {get_case(session, case.id).modality for case in waiting} == {Modality.OCT_VOLUMES}
        known = known_conditions(session)
    store.close()
    assert len(waiting) == reported["counts"]["cases waiting"] == 5
    # Diagnoses and rare conditions, but no referral class.
    assert {*DIAGNOSES.values(), "retinoschisis", "choroidal tumour"} <= {*known}
    assert not {"urgent", "observation"} & {*known}
    again = triage(*arguments, "--config", config)
    assert again.code == 0, again.err
    assert "Referral of known conditions" in again.out
