"""`triage.load` and `score` give what the command line gives, for every kind of source."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import triage
from pipelines.cli import app
from triage.data.manifest import Case
from triage.errors import BundleError, ExitCode, SpecError, TriageError, UsageError
from triage.hashing import hash_json
from triage.intake.case_source import cases_of
from triage.intake.loaded_system import LoadedSystem
from triage.intake.score import score
from triage.predictions import DECISION_COLUMNS, Predictions
from triage.vocabulary.clinical import NO_AI_OPINION

RELEASE = Path(__file__).parents[1] / "releases" / "559e418"
PHOTOGRAPHS = RELEASE / "photographs"
MANIFEST = pd.read_csv(PHOTOGRAPHS / "manifest.csv")
CLOSE = {"rtol": 1e-4, "atol": 1e-5}
"""Between two runs: the order of cases may change sums of float32."""


@pytest.fixture(scope="module")
def system() -> LoadedSystem:
    return triage.load(RELEASE / "bundle_photographs")


@pytest.fixture(scope="module")
def table(system: LoadedSystem) -> pd.DataFrame:
    return system.score(PHOTOGRAPHS)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("embeddings")


def assert_same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    assert list(found.columns) == list(expected.columns)
    for name in expected.columns:
        if pd.api.types.is_float_dtype(expected[name]):
            np.testing.assert_allclose(found[name], expected[name], **CLOSE, err_msg=name)
        elif name not in ("reason", "differential"):  # these write numbers out
            assert list(found[name]) == list(expected[name]), name


# What it returns


def test_the_decisions_are_those_of_the_command_line(
    system: LoadedSystem, table: pd.DataFrame, tmp_path: Path
) -> None:
    out = tmp_path / "predictions.parquet"
    manifest = PHOTOGRAPHS / "manifest.csv"
    given = {"bundle": RELEASE / "bundle_photographs", "manifest": manifest, "root": PHOTOGRAPHS}
    options = [word for name, value in given.items() for word in (f"--{name}", str(value))]
    done = CliRunner().invoke(app, ["score", *options, "--out", str(out)])
    assert done.exit_code == ExitCode.SOME_REJECTED, done.output
    written = Predictions.load(out)
    assert written.decisions is not None
    scored = table[table["status"] == "scored"].reset_index(drop=True)
    assert list(scored["case_id"]) == list(written.cases["case_id"])
    assert_same(scored[list(DECISION_COLUMNS)], written.decisions[list(DECISION_COLUMNS)])
    for axis in written.subgroup_columns:
        assert list(scored[axis]) == list(written.cases[axis])
    probabilities = scored[list(system.probability_columns.values())].to_numpy()
    np.testing.assert_allclose(probabilities, system.policy.calibrated(written), **CLOSE)
    rejected = pd.read_csv(f"{out}.rejected.csv")
    found = table[table["status"] == "rejected"]
    assert list(found["case_id"]) == list(rejected["case_id"])
    assert list(found["reject_reason"]) == list(rejected["reason"])


def test_a_row_a_case_in_the_order_of_the_source(table: pd.DataFrame) -> None:
    assert list(table["case_id"]) == list(dict.fromkeys(MANIFEST["case_id"]))
    assert list(table["n_images"]) == list(MANIFEST.groupby("case_id", sort=False).size())


def test_rejected_cases_are_rows_with_a_reason(table: pd.DataFrame) -> None:
    (row,) = table[table["status"] == "rejected"].to_dict("records")
    assert row["case_id"] == "unreadable"
    assert row["reject_reason"] == "unknown_format"
    assert row["recommendation"] == NO_AI_OPINION
    assert row["queue_urgency"] == "semi_urgent"
    assert row["abstained"]
    assert row["reason_code"]
    assert row["reason"]
    assert row["next_action"]
    assert np.isnan(row["p_condition"])


def test_predictions_are_at_hand_and_results_show_themselves(system: LoadedSystem) -> None:
    results = system.predict(str(PHOTOGRAPHS))
    assert isinstance(results.predictions, Predictions)
    assert len(results.predictions) == len(results) - 1
    assert {*results.rejected} == {"unreadable"}
    assert results.findings is None
    assert "rejected file" in results.plot().svg
    assert "<table" in results._repr_html_()
    assert repr(results) == f"{len(results)} cases, 1 of them rejected"


def test_names_of_files_are_escaped(system: LoadedSystem, tmp_path: Path) -> None:
    (tmp_path / "<b>.jpg").write_bytes(b"none")
    results = system.predict(tmp_path)
    assert "&lt;b&gt;" in results._repr_html_()
    assert "<b>" not in results._repr_html_()


def test_volumes(tmp_path: Path) -> None:
    system = triage.load(str(RELEASE / "bundle_oct"))
    results = system.predict(RELEASE / "volumes", readings=tmp_path / "readings")
    frame = results.to_frame()
    assert list(frame["status"]) == ["scored", "scored", "scored", "rejected"]
    assert results.findings is not None
    assert len(list((tmp_path / "readings").iterdir())) == 3
    by_file = system.score(RELEASE / "volumes" / "volumes")
    numbers = ["p_condition", "ood_score"]
    np.testing.assert_allclose(by_file[numbers], frame[numbers], **CLOSE)


# Sources


def test_a_csv_table_and_a_frame_are_the_same(system: LoadedSystem, table: pd.DataFrame) -> None:
    assert_same(system.score(PHOTOGRAPHS / "manifest.csv"), table)
    assert_same(system.score(MANIFEST, root=PHOTOGRAPHS), table)
    absolute = MANIFEST.assign(image=[str(PHOTOGRAPHS / name) for name in MANIFEST["image"]])
    assert_same(system.score(absolute), table)


def test_a_frame_is_relative_to_the_working_directory(
    system: LoadedSystem, table: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(PHOTOGRAPHS)
    assert_same(system.score(MANIFEST), table)


def test_folders_and_files_are_a_case_each(system: LoadedSystem) -> None:
    images = PHOTOGRAPHS / "images"
    by_folder = system.score(images)
    files = sorted(images.iterdir())
    assert list(by_folder["case_id"]) == [path.name for path in files]
    assert_same(system.score(files), by_folder)
    assert_same(system.score(str(path) for path in files), by_folder)
    first = system.score(files[0])
    assert list(first["case_id"]) == [files[0].name]
    np.testing.assert_allclose(first["ood_score"], by_folder["ood_score"][:1], **CLOSE)


def test_other_files_of_a_folder_are_reported(system: LoadedSystem, tmp_path: Path) -> None:
    shutil.copy(PHOTOGRAPHS / "images" / "phantom-000060-0.jpg", tmp_path / "a.JPG")
    (tmp_path / "notes.txt").write_text("none")
    (tmp_path / ".hidden.jpg").write_text("none")
    with pytest.warns(UserWarning, match="1 files of the folder are no pictures"):
        frame = system.score(tmp_path)
    assert list(frame["case_id"]) == ["a.JPG"]


def test_a_missing_file_of_a_list_is_a_rejected_case(system: LoadedSystem, tmp_path: Path) -> None:
    frame = system.score([tmp_path / "absent.jpg"])
    assert list(frame["reject_reason"]) == ["missing"]


def ids(cases: list[Case]) -> list[str]:
    return [case.case_id for case in cases]


def test_names_of_listed_files_depend_on_no_other_file(
    system: LoadedSystem, tmp_path: Path
) -> None:
    one, other = tmp_path / "anna" / "in" / "1.jpg", tmp_path / "berta" / "2.jpg"
    for files in ([one], [one, other], [other, one, tmp_path / "1.png"]):
        assert ids(cases_of(files, system.spec)) == [path.name for path in files]
        frame = pd.DataFrame({"image": [str(path) for path in files]})
        assert ids(cases_of(frame, system.spec)) == [path.name for path in files]
    first = cases_of([one, other], system.spec)[0]
    assert first.images == (one,)
    assert (first.patient_id, first.cluster) == ("(case) 1.jpg", "case:1.jpg")
    assert first.id_derived


def test_listed_files_of_one_name_are_told_apart_by_their_folders(
    system: LoadedSystem, tmp_path: Path
) -> None:
    names = ["a/1.jpg", "b/1.jpg", "x/in/2.jpg", "y/in/2.jpg", "in/2.jpg", "c/3.jpg"]
    cases = cases_of([tmp_path / name for name in names], system.spec)
    expected = ["a/1.jpg", "b/1.jpg", "x/in/2.jpg", "y/in/2.jpg", f"{tmp_path.name}/in/2.jpg"]
    assert ids(cases) == [*expected, "3.jpg"]
    assert len({case.cluster for case in cases}) == len(names)


def test_a_file_with_the_name_of_a_case_of_the_frame(system: LoadedSystem, tmp_path: Path) -> None:
    images = [str(tmp_path / name) for name in ("a/1.jpg", "b/2.jpg", "c/3.jpg")]
    frame = pd.DataFrame(
        {"image": images, "case_id": ["2.jpg", "", ""], "patient_id": ["p", "p", ""]}
    )
    cases = cases_of(frame, system.spec)
    assert ids(cases) == ["2.jpg", "(image) 2.jpg", "3.jpg"]
    assert [case.patient_id for case in cases] == ["p", "p", "(case) 3.jpg"]
    assert [case.cluster for case in cases] == ["patient:p", "patient:p", "patient:3.jpg"]


def test_a_list_is_relative_to_its_root(system: LoadedSystem) -> None:
    names = ["images/phantom-000060-0.jpg", "images/phantom-000062-0.jpg"]
    frame = system.score(
        [*names, PHOTOGRAPHS / "images" / "phantom-000062-1.jpg"], root=PHOTOGRAPHS
    )
    assert list(frame["status"]) == ["scored"] * 3
    assert list(frame["case_id"]) == [*names, "images/phantom-000062-1.jpg"]
    outside = system.predict(["../x.jpg"], root=PHOTOGRAPHS)
    assert [str(error.reason) for error in outside.rejected.values()] == ["outside_root"]


def test_home_folders(
    system: LoadedSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, work = tmp_path / "home", tmp_path / "work"
    work.mkdir()
    shutil.copytree(RELEASE / "bundle_photographs", home / "bundle")
    shutil.copytree(PHOTOGRAPHS / "images", home / "photos")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    monkeypatch.chdir(work)
    assert triage.load("~/bundle").digest == system.digest
    name = "phantom-000060-0.jpg"
    results = system.predict(f"~/photos/{name}", cache_folder="~/cache")
    assert len(results.predictions) == 1
    assert ids(cases_of([f"~/photos/{name}"], system.spec)) == [name]
    assert len(cases_of("~/photos", system.spec)) == len(list((home / "photos").iterdir()))
    frame = pd.DataFrame({"image": [name]})
    assert cases_of(frame, system.spec, root="~/photos")[0].images == (home / "photos" / name,)
    results.predictions.save("~/saved.parquet")
    assert len(Predictions.load(home / "saved.parquet")) == 1
    table = home / "new.csv"
    table.write_text(f"image\nphotos/{name}\n")
    score(Path("~/bundle"), Path("~/new.csv"), Path("~"), Path("~/scored.parquet"))
    assert (home / "scored.parquet").exists()
    assert (home / "scored.parquet.rejected.csv").exists()
    assert (home / "cache").is_dir()
    assert list(work.iterdir()) == []


def test_rows_that_disagree_on_a_subgroup_are_a_warning(system: LoadedSystem) -> None:
    rows = MANIFEST[MANIFEST["case_id"].duplicated(keep=False)].iloc[:2]
    frame = rows.assign(skin_type=[1, 3])
    with pytest.warns(UserWarning, match="disagree"):
        results = system.predict(frame, root=PHOTOGRAPHS)
    (found,) = [text for text in results.warnings if "disagree" in text]
    assert "skin_type: rows" in found
    assert list(results.to_frame()["skin_type"]) == ["1"]


@settings(max_examples=6)
@given(order=st.permutations(range(len(MANIFEST))), extra=st.booleans())
def test_order_index_and_other_columns_do_not_matter(
    system: LoadedSystem, table: pd.DataFrame, cache: Path, order: list[int], extra: bool
) -> None:
    frame = MANIFEST.iloc[order].sort_values(
        "image", key=lambda names: names.str.rsplit("-", n=1).str[-1]
    )  # the first image of a case comes first, as its pooling order may count
    frame.index = pd.Index([7] * len(frame))
    if extra:
        frame = frame.assign(remark=[object()] * len(frame), weight=np.nan)
    found = system.score(frame[frame.columns[::-1]], root=PHOTOGRAPHS, cache_folder=cache)
    expected = table.sort_values("case_id", ignore_index=True)
    assert_same(found.sort_values("case_id", ignore_index=True), expected)


# Bad input


def refused(kind: type[TriageError], call: Any, *words: str) -> None:
    with pytest.raises(kind) as caught:
        call()
    message = str(caught.value)
    assert [word for word in words if word not in message] == [], message


def test_what_is_no_source(system: LoadedSystem, tmp_path: Path) -> None:
    refused(SpecError, lambda: system.score(tmp_path / "absent"), "no such file or folder")
    refused(SpecError, lambda: system.score(tmp_path), "no file to score")
    refused(SpecError, lambda: system.score([]), "no file to score")
    refused(SpecError, lambda: system.score(MANIFEST.iloc[:0]), "no row to score")
    refused(UsageError, lambda: system.score(3), "int", "data frame")  # type: ignore[arg-type]
    refused(UsageError, lambda: system.score([3]), "no path")  # type: ignore[list-item]
    refused(UsageError, lambda: system.score("a\0b"), "no path")
    refused(UsageError, lambda: system.score(""), "the path is empty")
    file = PHOTOGRAPHS / "images" / "phantom-000060-0.jpg"
    refused(SpecError, lambda: system.score([file, file]), "twice")


def test_what_is_no_frame_of_cases(system: LoadedSystem) -> None:
    def scoring(frame: pd.DataFrame) -> Any:
        return lambda: system.score(frame, root=PHOTOGRAPHS)

    renamed = MANIFEST.rename(columns={"image": "Image "})
    refused(SpecError, scoring(renamed), "`image` is missing", "'Image '")
    doubled = pd.concat([MANIFEST, MANIFEST[["sex"]]], axis=1)
    refused(SpecError, scoring(doubled), "several columns 'sex'")
    missing = MANIFEST.assign(image=MANIFEST["image"].where(MANIFEST.index != 4))
    refused(SpecError, scoring(missing), "1 rows name no image", "row 4")
    two = MANIFEST.assign(case_id="one", patient_id=[f"p{n}" for n in range(len(MANIFEST))])
    refused(SpecError, scoring(two), "disagree on patient_id")


def test_a_path_that_leaves_the_root_rejects_its_case_only(system: LoadedSystem) -> None:
    frame = MANIFEST.assign(image=MANIFEST["image"].where(MANIFEST.index != 4, "../elsewhere.jpg"))
    found = system.predict(frame, root=PHOTOGRAPHS)
    before = system.predict(MANIFEST, root=PHOTOGRAPHS)
    (refused_case,) = {*found.rejected} - {*before.rejected}
    table = found.to_frame().set_index("case_id")
    assert table.loc[refused_case, "reject_reason"] == "outside_root"
    assert table.loc[refused_case, "recommendation"] == NO_AI_OPINION
    assert any("not a path below the root" in warning for warning in found.warnings)
    assert (table["status"] == "scored").sum() == len(before.predictions) - 1


def test_what_is_no_bundle(tmp_path: Path) -> None:
    refused(BundleError, lambda: triage.load(tmp_path), "manifest.json", "triage train")
    refused(BundleError, lambda: triage.load(tmp_path / "absent"), "not a bundle")
    refused(BundleError, lambda: triage.load(PHOTOGRAPHS / "manifest.csv"), "not a bundle")
    refused(UsageError, lambda: triage.load(3), "int", "path")  # type: ignore[arg-type]
    refused(UsageError, lambda: triage.load(""), "the path is empty")


@pytest.mark.parametrize(
    ("other", "hint"), [("triage-bundle-1", "Train it again"), ("triage-bundle-3", "Update")]
)
def test_a_bundle_of_an_older_or_newer_format(other: str, hint: str, tmp_path: Path) -> None:
    shutil.copytree(RELEASE / "bundle_photographs", tmp_path / "bundle")
    path = tmp_path / "bundle" / "manifest.json"
    content = json.loads(path.read_text(encoding="utf-8")) | {"format": other}
    content["digest"] = hash_json({k: v for k, v in content.items() if k != "digest"})
    path.write_text(json.dumps(content), encoding="utf-8")
    refused(BundleError, lambda: triage.load(tmp_path / "bundle"), other, "version", hint)


def test_an_altered_bundle(tmp_path: Path) -> None:
    shutil.copytree(RELEASE / "bundle_photographs", tmp_path / "bundle")
    with (tmp_path / "bundle" / "policy.json").open("a") as stream:
        stream.write(" ")
    refused(BundleError, lambda: triage.load(tmp_path / "bundle"), "policy.json")
