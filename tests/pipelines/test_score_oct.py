"""A batch of volumes, good and bad, to predictions, readings and the case database."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.imaging.samples import file_bytes
from tests.oct_imaging.samples import groups, meta, opt_dataset, retina, write_folder
from tests.pipelines.command import Answer, Command
from tests.tiny import TinyOctBundle, noise
from triage.decoding.read_volume import read_volume
from triage.hashing import hash_bytes, hash_file
from triage.oct_imaging.volume import Flag
from triage.oct_reading import OctReading
from triage.predictions import Predictions
from triage.store import Modality, cases_waiting, find_case, get_case, open_store, shown_prediction
from triage.store.records import StoredCase, StoredPrediction
from triage.vocabulary.abstention_reasons import AbstainReason
from triage.vocabulary.clinical import NO_AI_OPINION
from triage.vocabulary.diagnoses import DIAGNOSES

BAD = {
    "empty": ("empty", "A2"),
    "truncated": ("truncated", "A2"),
    "photo": ("wrong_modality", "A1"),
    "one": ("not_a_volume", "A1"),
    "scaleless": ("no_scale", "A7"),
    "both": ("both_eyes", "A1"),
    "frames": ("inconsistent", "A2"),
    "absent": ("missing", "A2"),
    "text": ("unknown_format", "A2"),
    "bare": ("no_scale", "A7"),
}
"""Case to the reason of its refusal and the code it is stored with."""
GOOD = ("good-0", "good-1", "good-2", "folder")


def write_batch(folder: Path, oct_root: Path) -> Path:
    """Four good volumes, one a folder, among ten bad ones; returns the manifest."""
    folder.mkdir()
    volume = retina(6, 96, 64)
    for number, path in enumerate(sorted((oct_root / "volumes").iterdir())[:3]):
        shutil.copy(path, folder / f"good-{number}.dcm")
    write_folder(folder / "folder", volume, sidecar=meta())
    write_folder(folder / "bare", volume, sidecar=meta(bscan_spacing_mm=None))
    content = (folder / "good-0.dcm").read_bytes()
    eyes = groups(6, lateralities=["R"] * 3 + ["L"] * 3)
    frames = opt_dataset(volume)
    frames.NumberOfFrames = 4
    for name, data in {
        "empty": b"",
        "truncated": content[: len(content) // 2],
        "one": file_bytes(opt_dataset(volume[:1])),
        "scaleless": file_bytes(opt_dataset(volume, **groups(6, spacing=None))),
        "both": file_bytes(opt_dataset(volume, **eyes)),
        "frames": file_bytes(frames),
        "text": b"no volume at all",
    }.items():
        (folder / f"{name}.dcm").write_bytes(data)
    from PIL import Image

    Image.fromarray(noise(0)).save(folder / "photo.dcm", "png")
    named = [*(f"{name}.dcm" for name in BAD if name != "bare"), "bare", "folder"]
    named += [f"good-{number}.dcm" for number in range(3)]
    manifest = folder / "new.csv"
    with manifest.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["image", "case_id", "patient_id", "sex"])
        writer.writerows([name, name.split(".")[0], f"p-{name}", "female"] for name in named)
    return manifest


@pytest.fixture
def batch(oct_root: Path, tmp_path: Path) -> Path:
    return write_batch(tmp_path / "batch", oct_root)


@pytest.fixture
def answer(
    triage: Command, tiny_oct_bundle: TinyOctBundle, batch: Path, database: str, tmp_path: Path
) -> Answer:
    return triage(
        "score", "--bundle", tiny_oct_bundle.folder, "--manifest", batch, "--root", batch.parent,
        "--out", tmp_path / "out.parquet", "--db", database, "--json",
    )  # fmt: skip


def shown(database: str, case_id: str) -> tuple[StoredCase, StoredPrediction]:
    store = open_store(database)
    with store.reading() as session:
        (waiting,) = [case for case in cases_waiting(session) if case.external_id == case_id]
        number = find_case(session, waiting.source, case_id) or 0
        prediction = shown_prediction(session, number)
        assert prediction is not None
        case = get_case(session, number)
    store.close()
    return case, prediction


def test_the_batch_goes_on(answer: Answer, tmp_path: Path) -> None:
    assert answer.code == 3
    counts = answer.json["counts"]
    assert (counts["read"], counts["rejected"]) == (len(GOOD), len(BAD))
    with (tmp_path / "out.parquet.rejected.csv").open(newline="") as stream:
        rejected = {row["case_id"]: row for row in csv.DictReader(stream)}
    assert {name: row["reason"] for name, row in rejected.items()} == {
        name: reason for name, (reason, _) in BAD.items()
    }
    for row in rejected.values():
        assert row["message"].endswith(".")
        assert str(tmp_path) not in row["message"]
    table = Predictions.load(tmp_path / "out.parquet")
    assert sorted(table.cases["case_id"]) == sorted(GOOD)
    assert table.probabilities.shape[1] == 4


def test_bad_volumes_are_stored_with_their_reason(answer: Answer, database: str) -> None:
    for name, (_, code) in BAD.items():
        case, prediction = shown(database, name)
        assert case.modality is Modality.OCT_VOLUMES
        assert prediction.decision.recommendation == NO_AI_OPINION
        assert prediction.decision.reason_code == code, name
        assert prediction.decision.reason.startswith(AbstainReason(code).sentence)
        assert prediction.reading is None
        (image,) = case.images
        assert (image.sha256 is None) is (name == "absent")


def test_an_opinion_names_diagnoses_and_its_reading(
    answer: Answer, database: str, tmp_path: Path
) -> None:
    findings = pd.read_csv(tmp_path / "out.parquet.findings.csv").set_index("case_id")
    decisions = Predictions.load(tmp_path / "out.parquet").decisions
    assert decisions is not None
    by_case = dict(zip(findings.index, decisions.to_dict("records"), strict=True))
    for name in GOOD:
        case, prediction = shown(database, name)
        record, decided = prediction.decision, by_case[name]
        assert record.recommendation == decided["recommendation"]
        assert record.queue_urgency == decided["queue_urgency"]
        assert record.reason == decided["reason"]
        # The three most probable diagnoses, by the mean over all pairs of networks.
        stored = prediction.reading
        assert stored is not None
        path = Path(stored.path)
        assert path.is_absolute()
        assert hash_file(path) == stored.sha256
        reading = OctReading.load(path)
        mean = reading.diagnoses.mean(axis=(0, 1))
        best = np.argsort(-mean)[:3]
        assert [one.condition for one in record.differential] == [
            [*DIAGNOSES.values()][k] for k in best
        ]
        assert [one.probability for one in record.differential] == pytest.approx(
            mean[best].tolist(), abs=1e-6
        )
        assert (record.condition, record.p_condition) == (
            record.differential[0].condition,
            record.differential[0].probability,
        )
        (image,) = case.images
        volume = read_volume(Path(image.root) / image.path)
        assert image.sha256 == volume.sha256 == reading.facts.volume_sha256
        assert case.groups["sex"] == "female"


def test_a_repeated_run_changes_nothing(
    answer: Answer,
    triage: Command,
    tiny_oct_bundle: TinyOctBundle,
    batch: Path,
    database: str,
    tmp_path: Path,
) -> None:
    before = (tmp_path / "out.parquet.findings.csv").read_bytes()
    first = {name: shown(database, name)[1] for name in GOOD}
    again = triage(
        "score", "--bundle", tiny_oct_bundle.folder, "--manifest", batch, "--root", batch.parent,
        "--out", tmp_path / "out.parquet", "--db", database, "--json",
    )  # fmt: skip
    assert again.json["counts"] == answer.json["counts"]
    assert (tmp_path / "out.parquet.findings.csv").read_bytes() == before
    assert {name: shown(database, name)[1] for name in GOOD} == first


def test_a_scan_upside_down_gets_no_opinion(
    triage: Command, tiny_oct_bundle: TinyOctBundle, database: str, tmp_path: Path
) -> None:
    folder = tmp_path / "turned"
    folder.mkdir()
    data = file_bytes(opt_dataset(np.ascontiguousarray(retina(6, 96, 64)[:, ::-1])))
    (folder / "a.dcm").write_bytes(data)
    (folder / "new.csv").write_text("image,case_id\na.dcm,turned\n")
    answer = triage(
        "score", "--bundle", tiny_oct_bundle.folder, "--manifest", folder / "new.csv",
        "--root", folder, "--out", folder / "out.parquet", "--db", database, "--json",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    case, prediction = shown(database, "turned")
    assert prediction.decision.reason_code is AbstainReason.QUALITY
    assert Flag.UPSIDE_DOWN.sentence in prediction.decision.reason
    assert case.images[0].sha256 == hash_bytes(data)
    assert json.loads(answer.out)["counts"] == {"read": 1, "rejected": 0}
