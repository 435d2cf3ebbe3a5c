"""A shard read back is what was scored."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.tiny import TinyBundle, TinyOctBundle
from triage.data.manifest import Case
from triage.data.spec import DataSpec
from triage.errors import PredictionsError
from triage.intake.case_table import read_unlabelled
from triage.intake.scored_shard import is_intact, read_shard, write_shard
from triage.predictions import Predictions
from triage.scored_dataset import DatasetManifest, Shard
from triage.systems.bundle import load_system
from triage.systems.scored import Scored

KEY = "0" * 64


def manifest_of(bundle: str, root: Path, *shards: Shard) -> DatasetManifest:
    return DatasetManifest(
        state="complete",
        code_version="1",
        bundle_name="a",
        bundle_digest=bundle,
        bundle_path="a",
        modality="photographs",
        table_sha256=KEY,
        spec_hash=KEY,
        root=str(root),
        source="clinic",
        shard_size=500,
        shards=shards,
    )


def assert_same(found: Scored, expected: Scored) -> None:
    pd.testing.assert_frame_equal(found.predictions.cases, expected.predictions.cases)
    assert found.predictions.decisions is not None
    assert expected.predictions.decisions is not None
    pd.testing.assert_frame_equal(found.predictions.decisions, expected.predictions.decisions)
    for name in ("probabilities", "embedding"):
        assert np.array_equal(getattr(found.predictions, name), getattr(expected.predictions, name))
    assert {case: vars(error) for case, error in found.rejected.items()} == {
        case: vars(error) for case, error in expected.rejected.items()
    }
    for name in ("quality", "other_kind", "unseen", "readings", "files"):
        assert getattr(found, name) == getattr(expected, name), name
    assert found.features.keys() == expected.features.keys()
    assert all(np.array_equal(v, expected.features[k]) for k, v in found.features.items())


def inbox(folder: Path, names: list[str]) -> Path:
    path = folder / "new.csv"
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("image", "case_id", "visit", "laterality", "age", "sex"))
        for number, name in enumerate(names):
            writer.writerow((name, f"c{number}" if number else "", number, "left", "41.5", "f"))
    return path


@pytest.fixture
def scored(
    tiny_bundle: TinyBundle, phantom_root: Path, phantom_spec: DataSpec, tmp_path: Path
) -> tuple[list[Case], Scored]:
    names = sorted(str(path.relative_to(phantom_root)) for path in phantom_root.rglob("*.*g"))
    assert len(names) > 6
    table = inbox(tmp_path, [*names[:4], "absent.png", *names[4:6]])
    cases = read_unlabelled(table, phantom_root, phantom_spec)
    cases[0] = replace(cases[0], age=None, visit=None, laterality=None)
    system, _ = load_system(tiny_bundle.folder)
    return cases, system.score(cases, tiny_bundle.cache)


def test_a_shard_of_photographs_is_read_back(
    scored: tuple[list[Case], Scored], phantom_root: Path, tmp_path: Path
) -> None:
    cases, expected = scored
    shard = write_shard(tmp_path, 3, KEY, cases, expected, phantom_root)
    digest = expected.predictions.provenance["bundle"]
    manifest = manifest_of(digest, phantom_root, shard)
    found = read_shard(tmp_path, manifest, shard)
    assert found.cases == cases
    assert expected.features
    assert_same(found.scored, expected)
    assert shard.cases == 7
    assert shard.scored == 6
    assert shard.rejected == {"missing": 1}
    assert is_intact(tmp_path, shard)
    moved = read_shard(tmp_path, manifest, shard, root=tmp_path)
    assert moved.cases[1].images[0].is_relative_to(tmp_path)
    manifest.write(tmp_path)
    pd.testing.assert_frame_equal(Predictions.load(tmp_path).cases, expected.predictions.cases)


def test_a_shard_of_refused_cases_only(
    tiny_bundle: TinyBundle, phantom_spec: DataSpec, tmp_path: Path
) -> None:
    cases = read_unlabelled(inbox(tmp_path, ["no.png", "none.png"]), tmp_path, phantom_spec)
    system, _ = load_system(tiny_bundle.folder)
    expected = system.score(cases, None)
    shard = write_shard(tmp_path, 0, KEY, cases, expected, tmp_path)
    digest = expected.predictions.provenance["bundle"]
    found = read_shard(tmp_path, manifest_of(digest, tmp_path, shard), shard)
    assert found.cases == cases
    assert list(found.scored.rejected) == [case.case_id for case in cases]
    assert len(found.scored.predictions) == 0


def test_a_shard_of_volumes_is_read_back(
    tiny_oct_bundle: TinyOctBundle, oct_root: Path, oct_spec: DataSpec, tmp_path: Path
) -> None:
    whole = pd.read_csv(oct_root / "manifest.csv", dtype=str)
    name = next(column for column in whole if "volume" in column or "image" in column)
    table = tmp_path / "new.csv"
    rows = whole[[name]].rename(columns={name: "image"}).iloc[:3]
    pd.concat([rows, pd.DataFrame({"image": ["absent.npz"]})]).to_csv(table, index=False)
    cases = read_unlabelled(table, oct_root, oct_spec)
    system, _ = load_system(tiny_oct_bundle.folder)
    expected = system.score(cases, None, readings=tmp_path / "readings")
    shard = write_shard(tmp_path, 0, KEY, cases, expected, oct_root)
    assert len(shard.readings) == 3
    digest = expected.predictions.provenance["bundle"]
    found = read_shard(tmp_path, manifest_of(digest, oct_root, shard), shard)
    assert_same(found.scored, expected)
    assert found.scored.findings is not None
    assert expected.findings is not None
    pd.testing.assert_frame_equal(
        found.scored.findings, expected.findings, check_dtype=False, check_exact=True
    )
    next((tmp_path / "readings").iterdir()).write_bytes(b"")
    assert not is_intact(tmp_path, shard)


def test_damaged_missing_and_foreign_shards_are_named(
    scored: tuple[list[Case], Scored], phantom_root: Path, tmp_path: Path
) -> None:
    cases, result = scored
    shard = write_shard(tmp_path, 7, KEY, cases, result, phantom_root)
    manifest = manifest_of(result.predictions.provenance["bundle"], phantom_root, shard)
    foreign = manifest_of("f" * 64, phantom_root, shard)
    with pytest.raises(PredictionsError, match="shard 7 is of another bundle"):
        read_shard(tmp_path, foreign, shard)
    path = tmp_path / shard.predictions.name
    content = path.read_bytes()
    path.write_bytes(content[:-1] + b"?")
    with pytest.raises(PredictionsError, match=r"shard 7 is damaged.*again"):
        read_shard(tmp_path, manifest, shard)
    assert not is_intact(tmp_path, shard)
    path.unlink()
    with pytest.raises(PredictionsError, match="shard 7 is missing"):
        read_shard(tmp_path, manifest, shard)
    path.write_bytes(content)
    (tmp_path / shard.all_cases.name).write_bytes(content)
    with pytest.raises(PredictionsError, match="shard 7 is damaged, or of other cases"):
        read_shard(tmp_path, manifest, shard)


def test_a_manifest_that_is_absent_altered_or_incomplete(tmp_path: Path) -> None:
    with pytest.raises(PredictionsError, match=r"without dataset.json"):
        Predictions.load(tmp_path)
    manifest = manifest_of(KEY, tmp_path)
    manifest.model_copy(update={"state": "incomplete"}).write(tmp_path)
    assert DatasetManifest.read(tmp_path, complete=False).state == "incomplete"
    with pytest.raises(PredictionsError, match="is not complete"):
        Predictions.load(tmp_path)
    text = (tmp_path / "dataset.json").read_text()
    (tmp_path / "dataset.json").write_text(text.replace("clinic", "clinix"))
    with pytest.raises(PredictionsError, match="altered"):
        Predictions.load(tmp_path)
