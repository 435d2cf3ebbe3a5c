"""Write the files that a release leaves behind: bundles, predictions tables, a case database.

It is run once for a release, with the code of that release, from a checkout of its own:

    git worktree add --detach /tmp/release COMMIT
    cd /tmp/release
    OMP_NUM_THREADS=1 PYTHONPATH=/tmp/release PYTHON RELEASES/make.py
    git worktree remove --force /tmp/release

where PYTHON is the interpreter of the project's virtual environment and RELEASES this folder. It
writes `RELEASES/<first seven digits of the commit>/` and refuses one that exists. The work is
done in `/tmp/triage-release`, because the database, the backbones' references and the data keep
absolute paths.

The files of 559e418 were written so, from commit 559e41862f0e957792b60de7580678fa481742e1. Calls
of other modules below are those of that release; for a later one, change what it has renamed.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import func, select, text

import triage
from pipelines.cli import main as command_line
from tests.conftest import OCT_PHANTOMS
from tests.tiny import (
    tiny_oct_settings,
    tiny_settings,
    train_tiny,
    train_tiny_oct,
    write_resnet,
)
from triage.data.dataset import load_dataset
from triage.data.spec import DataSpec
from triage.data.spec_files import load_spec, shipped_spec
from triage.hashing import hash_file
from triage.learning.train import train
from triage.models.settings import FitSettings, default_settings
from triage.oct_reading import OctReading
from triage.phantoms.oct import write_oct_phantoms
from triage.phantoms.oct.volume import generate_volumes
from triage.phantoms.skin import write_phantoms
from triage.predictions import Predictions
from triage.review import Certainty, OverrideReason, decide, lock_first_read, open_case, reveal
from triage.store import (
    NOT_LISTED,
    LabelSource,
    Store,
    add_label,
    cases_waiting,
    events,
    get_case,
    labels_for_training,
    open_store,
    shown_prediction,
)
from triage.store.predictions import get_prediction
from triage.store.reviews import reviews
from triage.store.tables import Base, Bundle, Case, Label, Prediction
from triage.systems.bundle import read_manifest
from triage.vocabulary.clinical import Urgency

WORK = Path("/tmp/triage-release")
PHOTOGRAPHS, CROPS, OCT = "bundle_photographs", "bundle_photographs_crops", "bundle_oct"
TABLES = {
    "predictions_photographs.parquet": (PHOTOGRAPHS, "photographs"),
    "predictions_photographs_crops.parquet": (CROPS, "photographs"),
    "predictions_oct.parquet": (OCT, "volumes"),
}
"""Predictions table to the bundle that scored and the folder of what it scored."""
DATABASE = "cases.sqlite"
NOT_KEPT = ("training", "cache", "tiny_resnet")
"""Folders that nothing needs: a bundle holds the weights of its backbone."""
UNREADABLE = "unreadable"
TEXT = b"This is a text, whatever its name says.\n"
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
KEPT_SEED = 559
FIRST_PHOTOGRAPH, FIRST_VOLUME = 60, 0
"""Of the seed's series: from here on the systems give some opinions and abstain of some cases."""
REJECTED_EXIT = 3


def release() -> str:
    """The commit whose code this runs; exits unless it is a clean checkout apart from this file."""
    root = Path(triage.__file__).parents[1]
    if root == Path(__file__).resolve().parents[2]:
        sys.exit("Run this with the code of a release: see the first lines of this file.")
    git = ["git", "-C", str(root)]
    changed = subprocess.check_output([*git, "status", "--porcelain"], text=True)
    if changed:
        sys.exit(f"{root} is changed:\n{changed}")
    return subprocess.check_output([*git, "rev-parse", "HEAD"], text=True).strip()


def train_bundles(work: Path) -> None:
    """Train three small systems on phantoms."""
    photographs, volumes = work / "training" / "photographs", work / "training" / "volumes"
    write_phantoms(photographs, 600, 0, size=32, rare_fraction=0.4)
    write_oct_phantoms(volumes, **OCT_PHANTOMS)
    spec = load_spec(shipped_spec("derm_phantoms")).model_dump(mode="json")
    # Networks so small are right in one case of five: an abstention must cost much to be rare.
    spec["costs"]["outcomes"]["abstain_inlier"] = 0.85
    skin = load_dataset(DataSpec.model_validate(spec), photographs)
    retina = load_dataset(load_spec(shipped_spec("oct_phantoms")), volumes)
    backbone = write_resnet(work / "tiny_resnet")
    fit = FitSettings(epochs=40, patience=40, batch_size=32, learning_rate=1e-2)
    small = tiny_settings(backbone, fit=fit)
    train_tiny(skin, backbone, work / PHOTOGRAPHS, work / "cache", fit=fit)
    recommended = default_settings(
        small.backbones, members=small.members, hidden=small.hidden, fit=small.fit
    )
    train(skin, recommended, work / CROPS, cache_folder=work / "cache")
    oct_fit = FitSettings(epochs=40, patience=40, batch_size=8, learning_rate=4e-3)
    tiny = tiny_oct_settings()
    train_tiny_oct(
        retina,
        work / OCT,
        segmentation=tiny.segmentation.model_copy(update={"fit": oct_fit, "bscans_per_volume": 4}),
        referral=tiny.referral.model_copy(update={"fit": oct_fit}),
    )


def write_inputs(work: Path) -> None:
    """Write the photographs and volumes to be scored; one file of each is unreadable."""
    photographs, volumes = work / "photographs", work / "volumes"
    pictures = {"size": 64, "rare_fraction": 0.4, "start": FIRST_PHOTOGRAPH}
    drawn = write_phantoms(photographs, 6, KEPT_SEED, **pictures, labelled=False)
    _add_rows(drawn, [{"image": "images/unreadable.jpg", "case_id": UNREADABLE}])
    (photographs / "images" / "unreadable.jpg").write_bytes(TEXT)
    _keep_only(photographs, {"images", drawn.name})

    scans = {"size": OCT_PHANTOMS["size"], "rare_fraction": 0.4}
    drawn = write_oct_phantoms(
        volumes, 2, KEPT_SEED, **scans, start=FIRST_VOLUME, labelled=False, annotated=False
    )
    (phantom,) = generate_volumes(1, KEPT_SEED, **scans, start=FIRST_VOLUME + 10)
    between, down, across = phantom.spacing
    meta = {
        "laterality": phantom.laterality,
        "bscan_spacing_mm": between,
        "depth_spacing_mm": down,
        "column_spacing_mm": across,
    }
    archive = volumes / "volumes" / f"{phantom.case_id}.npz"
    np.savez_compressed(archive, volume=phantom.bscans, meta=np.array(json.dumps(meta)))
    more = {"image": f"volumes/{archive.name}", "case_id": phantom.case_id}
    more |= {"patient_id": phantom.patient_id, "sex": phantom.sex, "age": str(phantom.age)}
    more |= {"eye": phantom.laterality}
    _add_rows(drawn, [more, {"image": "volumes/unreadable.dcm", "case_id": UNREADABLE}])
    (volumes / "volumes" / "unreadable.dcm").write_bytes(TEXT)
    _keep_only(volumes, {"volumes", drawn.name})


def _add_rows(manifest: Path, rows: Iterable[dict[str, str]]) -> None:
    with manifest.open(newline="", encoding="utf-8") as stream:
        columns = next(csv.reader(stream))
    with manifest.open("a", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, columns, restval="", lineterminator="\n")
        writer.writerows(rows)


def _keep_only(folder: Path, names: set[str]) -> None:
    for path in folder.iterdir():
        if path.name not in names:
            path.unlink()


def score_all(work: Path, database: str) -> None:
    """Run `triage score` with every bundle, into one database."""
    for out, (bundle, inputs) in TABLES.items():
        folder = work / inputs
        words = ["score", "--bundle", work / bundle, "--manifest", folder / "manifest.csv"]
        words += ["--root", folder, "--out", work / out, "--db", database]
        sys.argv = ["triage", *map(str, words)]
        try:
            command_line()
        except SystemExit as end:
            if end.code != REJECTED_EXIT:  # each manifest has one unreadable file
                raise


def review_some(store: Store) -> None:
    """Take readers through some cases, each of them so far; the others stay untouched."""
    with store.reading() as session:
        rows = session.scalars(select(Case).order_by(Case.id)).all()
        numbers = {(row.modality, row.external_id): row.id for row in rows}
        shown = {row.id: shown_prediction(session, row.id) for row in rows}
    records = {number: found.decision for number, found in shown.items() if found is not None}
    scored = {key: n for key, n in numbers.items() if records[n].condition is not None}
    photographs = [n for (modality, _), n in scored.items() if modality == "photographs"]
    volumes = [n for (modality, _), n in scored.items() if modality == "oct_volumes"]
    opinions = [n for n in photographs if not records[n].abstained]
    abstained = [n for n in photographs if records[n].abstained]
    moments = (NOON + timedelta(minutes=minute) for minute in range(1000))

    def step(function: Any, number: int, reader: str, **given: Any) -> None:
        function(store, number, reader, at=next(moments), **given)

    def first(number: int, reader: str, condition: str, urgency: Urgency) -> None:
        step(open_case, number, reader)
        read = {"condition": condition, "urgency": urgency, "certainty": Certainty.FAIRLY_SURE}
        step(lock_first_read, number, reader, **read)

    # Ann departs from the AI, with a reason and a comment; Ben decides as the AI does.
    departs = opinions[0]
    ai = records[departs]
    other = next(one.condition for one in ai.differential if one.condition != ai.condition)
    first(departs, "Ann Lee", other, Urgency.SEMI_URGENT)
    step(reveal, departs, "Ann Lee")
    step(
        decide,
        departs,
        "Ann Lee",
        condition=other,
        urgency=Urgency.SEMI_URGENT,
        certainty=Certainty.SURE,
        reason=OverrideReason.OTHER,
        comment="Seen with the dermatoscope – größer als 6 mm.",
    )
    first(departs, "Ben", str(ai.condition), Urgency(ai.recommendation))
    step(reveal, departs, "Ben")
    step(
        decide,
        departs,
        "Ben",
        condition=str(ai.condition),
        urgency=Urgency(ai.recommendation),
        certainty=Certainty.GUESS,
    )
    # The AI abstains: of a case that it could read, and of one that it could not.
    first(abstained[0], "Ann Lee", NOT_LISTED, Urgency.URGENT)
    step(reveal, abstained[0], "Ann Lee")
    step(
        decide,
        abstained[0],
        "Ann Lee",
        condition=NOT_LISTED,
        urgency=Urgency.URGENT,
        certainty=Certainty.UNSURE,
    )
    unreadable = numbers["photographs", UNREADABLE]
    first(unreadable, "Ben", NOT_LISTED, Urgency.SEMI_URGENT)
    step(reveal, unreadable, "Ben")
    # On their way: revealed, locked, opened.
    first(photographs[-1], "Ann Lee", str(records[photographs[-1]].condition), Urgency.ROUTINE)
    step(open_case, photographs[-1], "Ben")
    # Of the volumes, one with an opinion is decided and one without it is read first.
    decided = next(n for n in volumes if not records[n].abstained)
    begun = next(n for n in volumes if records[n].abstained)
    known = {"condition": "choroidal neovascularisation", "urgency": Urgency.URGENT}
    first(decided, "Cem", **known)
    step(reveal, decided, "Cem")
    reason = OverrideReason.MISSED_FINDING
    step(decide, decided, "Cem", **known, certainty=Certainty.SURE, reason=reason)
    first(begun, "Cem", condition="drusen", urgency=Urgency.ROUTINE)
    with store.transaction() as session:
        add_label(
            session,
            departs,
            other,
            LabelSource.HISTOLOGY,
            given_by="laboratory",
            ai_visible=False,
            at=next(moments),
        )


def close_database(path: Path) -> None:
    """Make the database one file."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    (mode,) = connection.execute("PRAGMA journal_mode = DELETE").fetchone()
    connection.execute("VACUUM")
    connection.close()
    assert mode == "delete"


def described_store(store: Store) -> dict[str, Any]:
    """What this release reads in the database."""
    with store.reading() as session:
        numbers = {
            table.__tablename__: session.scalars(select(table.id).order_by(table.id)).all()
            for table in (Bundle, Case, Prediction, Label)
        }
        return {
            "migration": session.scalar(text("SELECT version_num FROM alembic_version")),
            "counts": {
                name: session.scalar(select(func.count()).select_from(table))
                for name, table in sorted(Base.metadata.tables.items())
            },
            "cases": [asdict(get_case(session, number)) for number in numbers["case"]],
            "predictions": [
                asdict(get_prediction(session, number)) for number in numbers["prediction"]
            ],
            "shown": {
                number: found.id
                for number in numbers["case"]
                if (found := shown_prediction(session, number))
            },
            "waiting": sorted(case.id for case in cases_waiting(session)),
            "reviews": [asdict(review) for review in reviews(session)],
            "labels": [
                asdict(label) for label in labels_for_training(session, include_ai_visible=True)
            ],
            "events": [asdict(event) for event in events(session)],
        }


def described_table(path: Path) -> dict[str, Any]:
    """What this release reads in a predictions table."""
    table = Predictions.load(path)
    assert table.decisions is not None
    return {
        "cases": table.cases.to_dict("list"),
        "classes": table.classes,
        "n_inliers": table.n_inliers,
        "members": table.members,
        "mean_probabilities": table.mean_probabilities().round(6).tolist(),
        "embedding_shape": table.embedding.shape,
        "provenance": table.provenance,
        "decisions": table.decisions[["condition", "recommendation", "reason_code"]].to_dict(
            "list"
        ),
    }


def described_reading(path: Path) -> dict[str, Any]:
    """What this release reads in the reading of a volume."""
    reading = OctReading.load(path)
    return {
        "sha256": hash_file(path),
        "volume_sha256": reading.facts.volume_sha256,
        "bundle": reading.facts.bundle,
        "diagnoses": reading.facts.diagnoses,
        "measurements": [each.name for each in reading.facts.measurements],
        "hypotheses_shape": reading.hypotheses.shape,
        "tissue_voxels": np.bincount(reading.tissue.reshape(-1)).tolist(),
    }


def main() -> None:
    """Make everything in the working folder and copy it here."""
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--work", type=Path, default=WORK)
    work = arguments.parse_args().work
    commit = release()
    kept = Path(__file__).resolve().parent / commit[:7]
    if kept.exists() or work.exists():
        sys.exit(f"{kept} or {work} exists.")
    work.mkdir(parents=True)
    os.environ["TRIAGE_CACHE"] = str(work / "cache")
    url = f"sqlite:///{work / DATABASE}"
    train_bundles(work)
    write_inputs(work)
    score_all(work, url)
    store = open_store(url)
    review_some(store)
    stored = described_store(store)
    store.close()
    close_database(work / DATABASE)
    readings = sorted((work / "predictions_oct.parquet.readings").iterdir())
    expected = {
        "release": commit,
        "bundles": {
            name: {"digest": read_manifest(work / name).digest()}
            for name in (PHOTOGRAPHS, CROPS, OCT)
        },
        "tables": {name: described_table(work / name) for name in TABLES},
        "readings": {path.name: described_reading(path) for path in readings},
        "store": stored,
    }
    content = json.dumps(
        expected, indent=1, ensure_ascii=False, default=datetime.isoformat, sort_keys=True
    )
    (work / "expected.json").write_text(content + "\n", encoding="utf-8", newline="\n")
    kept.mkdir()
    for path in sorted(work.iterdir()):
        if path.is_dir() and path.name not in NOT_KEPT:
            shutil.copytree(path, kept / path.name, copy_function=shutil.copyfile)
        elif path.is_file():
            shutil.copyfile(path, kept / path.name)


if __name__ == "__main__":
    main()
