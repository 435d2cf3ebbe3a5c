"""What release 559e418 wrote is still read, and its bundles still say the same.

The files are those of `559e418/`; `expected.json` is what that release itself read in them. See
`README.md`.
"""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, is_dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import BaseModel
from sqlalchemy import func, select

from tests.review.team import waiting_items
from triage.accounts import Actor, Role
from triage.decoding.read_volume import read_volume
from triage.hashing import hash_file
from triage.intake.ingest import ingest
from triage.intake.score import ScoreResult, score
from triage.ledger.keys import make_key
from triage.oct_reading import OctReading
from triage.predictions import Predictions
from triage.review import (
    Certainty,
    FollowUp,
    FollowUpKind,
    OverrideReason,
    RefusalCode,
    StepRefused,
    decide,
    reveal,
)
from triage.store import (
    Store,
    append_checkpoint,
    cases_waiting,
    events,
    find_case,
    get_case,
    labels_for_training,
    open_store,
    shown_prediction,
    upgrade_store,
    verify_ledger,
)
from triage.store.base import utc_now
from triage.store.predictions import get_prediction
from triage.store.reviews import reviews
from triage.store.tables import Base
from triage.systems.bundle import load_bundle_spec, load_system
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.diagnoses import DIAGNOSES

KEPT = Path(__file__).resolve().parent / "559e418"
EXPECTED: dict[str, Any] = json.loads((KEPT / "expected.json").read_text(encoding="utf-8"))
TABLES = {
    "predictions_photographs.parquet": ("bundle_photographs", "photographs"),
    "predictions_photographs_crops.parquet": ("bundle_photographs_crops", "photographs"),
    "predictions_oct.parquet": ("bundle_oct", "volumes"),
}
"""Predictions table to the bundle that scored and the folder of what it scored."""
READINGS = sorted((KEPT / "predictions_oct.parquet.readings").iterdir())
CLOSE = 2e-2
"""Between probabilities: far above what rounding does, far below what cases differ by."""


def assert_holds(found: Any, expected: Any, where: str = "") -> None:
    """Check that a value holds what is expected; a record may have more fields than expected."""
    if is_dataclass(found) or isinstance(found, BaseModel):
        for name, value in expected.items():
            assert_holds(getattr(found, name), value, f"{where}.{name}")
    elif isinstance(found, Mapping):
        assert found.keys() == expected.keys(), where
        for name, value in expected.items():
            assert_holds(found[name], value, f"{where}[{name!r}]")
    elif isinstance(found, list | tuple):
        assert len(found) == len(expected), where
        for place, (one, other) in enumerate(zip(found, expected, strict=True)):
            assert_holds(one, other, f"{where}[{place}]")
    elif isinstance(found, datetime):
        assert found == datetime.fromisoformat(expected), where
    else:
        assert found == (pytest.approx(expected) if isinstance(found, float) else expected), where


def as_stored_now(prediction: dict[str, Any]) -> dict[str, Any]:
    """Return what that release stored of a prediction, as this one names its parts."""
    record = dict(prediction["record"])
    ranked = [{"condition": name, "probability": p} for name, p in record.pop("differential")]
    now = {name: value for name, value in prediction.items() if name != "record"}
    reading = record.pop("reading")
    return now | {"decision": record | {"differential": ranked}, "reading": reading}


# Bundles


@dataclass(frozen=True)
class Again:
    """A kept predictions table, and what the present code makes of the same files."""

    name: str
    bundle: Path
    root: Path
    out: Path
    result: ScoreResult


@pytest.fixture(scope="module", params=TABLES)
def again(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Again:
    bundle, folder = (KEPT / name for name in TABLES[request.param])
    out = tmp_path_factory.mktemp("again") / request.param
    result = score(bundle, folder / "manifest.csv", folder, out)
    return Again(request.param, bundle, folder, out, result)


@pytest.mark.parametrize("name", TABLES)
def test_a_bundle_loads(name: str) -> None:
    bundle, _ = TABLES[name]
    system, manifest = load_system(KEPT / bundle)
    table = EXPECTED["tables"][name]
    # Its identity: what the database and the tables know it by.
    assert manifest.digest() == EXPECTED["bundles"][bundle]["digest"]
    assert list(system.classes) == table["classes"]
    assert system.n_inliers == table["n_inliers"]
    assert load_bundle_spec(KEPT / bundle).name == manifest.spec_name


def test_a_bundle_scores_as_it_did(again: Again) -> None:
    kept, found = Predictions.load(KEPT / again.name), Predictions.load(again.out)
    assert list(found.cases["case_id"]) == list(kept.cases["case_id"])
    assert (found.classes, found.n_inliers) == (kept.classes, kept.n_inliers)
    assert found.members == kept.members
    assert found.provenance["bundle"] == kept.provenance["bundle"]
    np.testing.assert_allclose(found.probabilities, kept.probabilities, rtol=0, atol=CLOSE)
    assert found.decisions is not None
    for axis in kept.subgroup_columns:
        assert list(found.cases[axis]) == list(kept.cases[axis]), axis


def test_the_same_files_are_rejected(again: Again) -> None:
    def rejected(out: Path) -> set[str]:
        with out.with_name(f"{out.name}.rejected.csv").open(newline="") as stream:
            return {row["case_id"] for row in csv.DictReader(stream)}

    assert rejected(again.out) == rejected(KEPT / again.name) == {"unreadable"}


def test_findings_of_volumes_are_as_they_were(again: Again) -> None:
    kept, found = (
        path.with_name(f"{path.name}.findings.csv") for path in (KEPT / again.name, again.out)
    )
    assert found.exists() == kept.exists()
    if not kept.exists():
        return
    before, now = (pd.read_csv(path).set_index("case_id") for path in (kept, found))
    assert list(now.index) == list(before.index)
    # Since then a measurement's column has its unit behind its name.
    assert {column.partition(" (")[0] for column in now} >= set(before.columns)
    columns = [f"p_{name}" for name in DIAGNOSES]
    np.testing.assert_allclose(now[columns], before[columns], rtol=0, atol=CLOSE)


# Predictions tables and readings


@pytest.mark.parametrize("name", TABLES)
def test_a_predictions_table_is_read(name: str) -> None:
    table, expected = Predictions.load(KEPT / name), EXPECTED["tables"][name]
    assert_holds(table.cases.to_dict("list"), expected["cases"])
    assert list(table.classes) == expected["classes"]
    assert table.n_inliers == expected["n_inliers"]
    assert list(table.members) == expected["members"]
    assert list(table.embedding.shape) == expected["embedding_shape"]
    assert table.provenance == expected["provenance"]
    np.testing.assert_allclose(
        table.mean_probabilities(), expected["mean_probabilities"], rtol=0, atol=1e-5
    )
    assert table.decisions is not None
    for column, values in expected["decisions"].items():
        assert list(table.decisions[column]) == values, column


def test_there_is_a_reading_of_every_volume_read() -> None:
    assert {path.name for path in READINGS} == EXPECTED["readings"].keys()
    read = EXPECTED["tables"]["predictions_oct.parquet"]["cases"]["case_id"]
    assert len(READINGS) == len(read)


@pytest.mark.parametrize("path", READINGS, ids=range(len(READINGS)))
def test_a_reading_is_read(path: Path) -> None:
    reading, expected = OctReading.load(path), EXPECTED["readings"][path.name]
    assert hash_file(path) == expected["sha256"]
    assert reading.facts.volume_sha256 == expected["volume_sha256"]
    assert reading.facts.bundle == expected["bundle"]
    assert list(reading.facts.diagnoses) == expected["diagnoses"]
    assert [each.name for each in reading.facts.measurements] == expected["measurements"]
    assert list(reading.hypotheses.shape) == expected["hypotheses_shape"]
    assert np.bincount(reading.tissue.reshape(-1)).tolist() == expected["tissue_voxels"]


def test_a_reading_finds_its_volume() -> None:
    files = [path for path in (KEPT / "volumes" / "volumes").iterdir() if path.stem != "unreadable"]
    found = {read_volume(path).sha256 for path in files}
    assert found == {each["volume_sha256"] for each in EXPECTED["readings"].values()}


# The case database


STORED = EXPECTED["store"]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A copy of the database, brought to the present migration."""
    path = tmp_path / "cases.sqlite"
    shutil.copyfile(KEPT / path.name, path)
    upgrade_store(f"sqlite:///{path}")
    opened = open_store(f"sqlite:///{path}")
    yield opened
    opened.close()


def counts(store: Store) -> dict[str, int]:
    """Rows of every table that the release had."""
    with store.reading() as session:
        return {
            name: session.scalar(select(func.count()).select_from(Base.metadata.tables[name])) or 0
            for name in STORED["counts"]
        }


EXPECTED_COUNTS = {
    **STORED["counts"],
    # Patients became those of one source: one whom two sources name is two now.
    "patient": len({(one["source"], one["patient"]) for one in STORED["cases"]}),
    # One more begins the ledger, and one for each case sums up what was stored of it.
    "event": STORED["counts"]["event"] + 1 + STORED["counts"]["case"],
}


def test_no_row_is_lost(store: Store) -> None:
    assert counts(store) == EXPECTED_COUNTS
    assert EXPECTED_COUNTS["patient"] == STORED["counts"]["patient"] + 1


def test_cases_and_their_images_are_read(store: Store) -> None:
    with store.reading() as session:
        for case in STORED["cases"]:
            number = find_case(session, case["source"], case["external_id"])
            assert number == case["id"]
            assert_holds(get_case(session, case["id"]), case, case["external_id"])
        assert {case.id for case in cases_waiting(session)} == set(STORED["waiting"])


def test_predictions_are_read(store: Store) -> None:
    with store.reading() as session:
        for prediction in STORED["predictions"]:
            found = get_prediction(session, prediction["id"])
            assert_holds(found, as_stored_now(prediction), f"prediction {prediction['id']}")
        for case, shown in STORED["shown"].items():
            found = shown_prediction(session, int(case))
            assert found is not None
            assert found.id == shown
    named = [one["record"]["reading"] for one in STORED["predictions"]]
    files = {path.name: hash_file(path) for path in READINGS}
    assert {Path(one["path"]).name: one["sha256"] for one in named if one} == files


def test_reviews_labels_and_events_are_read(store: Store) -> None:
    with store.reading() as session:
        assert_holds(reviews(session), STORED["reviews"], "reviews")
        labels = labels_for_training(session, include_ai_visible=True)
        assert_holds(labels, STORED["labels"], "labels")
        assert_holds(events(session)[: len(STORED["events"])], STORED["events"], "events")


def test_its_events_are_sealed_by_the_first_checkpoint(store: Store, tmp_path: Path) -> None:
    url = store.engine.url.render_as_string(hide_password=False)
    key, out = make_key(tmp_path / "key"), tmp_path / "checkpoints.jsonl"
    made = append_checkpoint(url, key, out).appended
    assert made is not None
    earlier = len(STORED["events"])
    assert made.seq > earlier
    with store.reading() as session:
        begun = events(session)[earlier]
        assert (begun.kind, begun.payload["earlier_events"]) == ("ledger_begun", earlier)
    with store.engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER event_no_update")
        connection.exec_driver_sql("UPDATE event SET actor = 'Mallory' WHERE id = 1")
    counts = verify_ledger(url, checkpoints=out, facts=False).chain.counts
    assert counts.keys() == {"edited", "guards"}


def test_a_review_goes_on(store: Store) -> None:
    """Of readers who had locked their first read when the software was updated."""
    begun = [one for one in STORED["reviews"] if one["first"] and not one["revealed_at"]]
    assert len(begun) == 2  # of a photograph and of a volume
    for review in begun:
        case, first = review["case_id"], review["first"]
        actor = Actor(review["reviewer"], Role.READER)
        opinion = reveal(store, case, actor)
        assert opinion is not None
        assert opinion.abstained  # so that nothing differs from it, and no reason is needed
        read = {"conditions": (first["condition"],), "urgency": Urgency(first["urgency"])}
        reason = OverrideReason.FALSE_ALARM  # of lowering the priority of an abstained case
        at = utc_now() + timedelta(seconds=5)
        given = {**read, "certainty": Certainty.SURE, "reason": reason}
        # The release asked for none; of an abstention it is asked for since.
        with pytest.raises(StepRefused) as refusal:
            decide(store, case, actor, **given, at=at)
        assert refusal.value.code is RefusalCode.NEEDS_FOLLOW_UP
        follow_up = FollowUp(FollowUpKind.RETAKE, text="Blurred")
        done = decide(store, case, actor, **given, follow_up=follow_up, at=at)
        assert done.prediction_id == STORED["shown"][str(case)]
    after = datetime.fromisoformat("2027-01-01T00:00:00+00:00")
    left = set(STORED["waiting"]) - {one["case_id"] for one in begun}
    assert {item.case_id for item in waiting_items(store, after)} == left


def test_everything_carried_over_follows_from_events(store: Store) -> None:
    """Also after the reviews have gone on; the earlier events are sealed as they were."""
    test_a_review_goes_on(store)
    assert verify_ledger(str(store.engine.url)).chain.findings == ()


def test_scoring_again_changes_nothing(store: Store, again: Again) -> None:
    """The present code takes the cases and the bundle for those that are stored."""
    prediction = next(
        one for one in STORED["predictions"] if one["bundle_name"] == again.bundle.name
    )
    (source,) = {one["source"] for one in STORED["cases"] if one["id"] == prediction["case_id"]}
    ingest(
        store,
        again.result.cases,
        again.result.scored,
        again.result.manifest,
        bundle=again.bundle,
        root=again.root,
        source=source,
    )
    assert counts(store) == EXPECTED_COUNTS
    with store.reading() as session:
        assert_holds(get_prediction(session, prediction["id"]), as_stored_now(prediction))
