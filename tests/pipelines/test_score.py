from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.pipelines.command import Command
from tests.tiny import TinyBundle
from triage.csv_file import write_csv
from triage.data.csv_table import read_csv
from triage.errors import BundleError, PredictionsError, SpecError, UsageError
from triage.intake.ingest import ingest
from triage.intake.score import checked_source, folder_source, known_source, score
from triage.predictions import Predictions
from triage.store import Store, find_case

WANTED = {
    "case_id", "condition", "p_condition", "p_outlier",
    "recommendation", "reason", "expected_cost",
}  # fmt: skip


def rejected_of(out: Path) -> list[dict[str, str]]:
    with out.with_name(f"{out.name}.rejected.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_one_row_a_case(tiny_bundle: TinyBundle, inbox: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "out.parquet"
    result = score(tiny_bundle.folder, inbox, inbox.parent, out)
    frame = pd.read_parquet(out)
    assert set(frame.columns) >= WANTED
    assert list(frame["case_id"]) == ["a", "b", "c", "d", "e"]
    assert set(frame["sex"]) == {"female"}
    table = Predictions.load(out)
    assert np.array_equal(table.probabilities, result.scored.predictions.probabilities)
    # The most probable inlier condition, also where the recommendation is to abstain.
    top = table.mean_probabilities()[:, : table.n_inliers].argmax(axis=1)
    assert list(frame["condition"]) == [table.inliers[k] for k in top]
    assert result.counts == {"read": 5, "rejected": 0}
    assert rejected_of(out) == []


def test_rejected_cases_are_listed_beside(
    tiny_bundle: TinyBundle, inbox: Path, tmp_path: Path
) -> None:
    (inbox.parent / "2.png").write_bytes(b"")
    (inbox.parent / "3.png").write_text("text")
    out = tmp_path / "out.parquet"
    result = score(tiny_bundle.folder, inbox, inbox.parent, out)
    assert result.counts == {"read": 3, "rejected": 2, "empty": 1, "unknown_format": 1}
    assert [(row["case_id"], row["reason"]) for row in rejected_of(out)] == [
        ("b", "empty"),
        ("c", "unknown_format"),
    ]
    assert list(Predictions.load(out).cases["case_id"]) == ["a", "d", "e"]


def test_a_link_out_of_the_root_rejects_its_case(
    tiny_bundle: TinyBundle, inbox: Path, tmp_path: Path
) -> None:
    (tmp_path / "outside.png").write_bytes((inbox.parent / "2.png").read_bytes())
    (inbox.parent / "2.png").unlink()
    (inbox.parent / "2.png").symlink_to(tmp_path / "outside.png")
    (inbox.parent / "within.png").write_bytes((inbox.parent / "3.png").read_bytes())
    (inbox.parent / "3.png").unlink()
    (inbox.parent / "3.png").symlink_to("within.png")
    out = tmp_path / "out.parquet"
    result = score(tiny_bundle.folder, inbox, inbox.parent, out)
    assert result.counts == {"read": 4, "rejected": 1, "outside_root": 1}
    (row,) = rejected_of(out)
    assert (row["case_id"], row["reason"], row["file"]) == ("b", "outside_root", "2.png")


def test_names_that_a_spreadsheet_would_run(
    tiny_bundle: TinyBundle, inbox: Path, tmp_path: Path
) -> None:
    rows = [("=1+1", "1.png"), ("'=1+1", "2.png"), ("-3", "3.png"), ("a\nb", "none.png")]
    names = [name for name, _ in rows]
    write_csv(inbox, ("case_id", "image"), rows[:3])
    with inbox.open("a", newline="") as stream:
        csv.writer(stream).writerow(rows[3])
    for number in (1, 2):
        (inbox.parent / f"{number}.png").write_bytes(b"")
    out = tmp_path / "out.parquet"
    result = score(tiny_bundle.folder, inbox, inbox.parent, out)
    assert [case.case_id for case in result.cases] == names  # exactly as they were meant
    assert list(Predictions.load(out).cases["case_id"]) == ["-3"]
    listed = out.with_name("out.parquet.rejected.csv")
    text = listed.read_text()
    assert [line.split(",")[0] for line in text.splitlines()] == [
        "case_id", "'=1+1", "''=1+1", r"a\nb",
    ]  # fmt: skip
    # What is read back is what was written, but for the line break.
    assert list(read_csv(listed)["case_id"]) == ["=1+1", "'=1+1", r"a\nb"]


def test_a_repeated_run_overwrites(tiny_bundle: TinyBundle, inbox: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    score(tiny_bundle.folder, inbox, inbox.parent, out)
    first = out.read_bytes()
    score(tiny_bundle.folder, inbox, inbox.parent, out)
    assert out.read_bytes() == first
    assert sorted(path.name for path in tmp_path.glob("*out*")) == [
        "out.parquet",
        "out.parquet.rejected.csv",
    ]


def test_nothing_is_written_when_it_cannot_begin(
    tiny_bundle: TinyBundle, inbox: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.parquet"
    with pytest.raises(BundleError):
        score(tmp_path, inbox, inbox.parent, out)
    with pytest.raises(SpecError, match="no such manifest"):
        score(tiny_bundle.folder, tmp_path / "absent.csv", inbox.parent, out)
    assert not out.exists()


def test_no_place_to_write(tiny_bundle: TinyBundle, inbox: Path) -> None:
    with pytest.raises(PredictionsError, match="cannot be written"):
        score(tiny_bundle.folder, inbox, inbox.parent, inbox / "out.parquet")
    assert sorted(path.suffix for path in inbox.parent.iterdir()) == [".csv"] + [".png"] * 6


def test_the_source_does_not_depend_on_the_folder(
    tiny_bundle: TinyBundle, inbox: Path, tmp_path: Path, database: str, triage: Command
) -> None:
    def run(folder: Path, *more: object) -> dict[str, object]:
        found = triage(
            "score", "--bundle", tiny_bundle.folder, "--manifest", folder / "new.csv", "--root",
            folder, "--out", tmp_path / "out.parquet", "--db", database, "--json", *more,
        )  # fmt: skip
        assert found.code == 0
        return found.json

    assert run(inbox.parent)["source"] == "derm_phantoms"
    moved = inbox.parent.rename(tmp_path / "moved")
    assert run(moved)["source"] == "derm_phantoms"
    assert run(moved, "--source", " clinic north ")["source"] == "clinic north"
    summary = run(moved, "--source", "clinic north")
    assert summary["warnings"] == []


def test_a_folder_that_a_database_knows_by_its_earlier_name(
    tiny_bundle: TinyBundle, inbox: Path, tmp_path: Path, store: Store
) -> None:
    result = score(tiny_bundle.folder, inbox, inbox.parent, tmp_path / "out.parquet")
    assert result.source == "derm_phantoms"
    assert known_source(store, result.cases, inbox.parent) is None
    earlier = folder_source(inbox.parent)
    ingest(
        store,
        result.cases,
        result.scored,
        result.manifest,
        bundle=tiny_bundle.folder,
        root=inbox.parent,
        source=earlier,
    )
    assert known_source(store, result.cases, inbox.parent) == earlier
    assert known_source(store, result.cases, tmp_path) is None
    with store.transaction() as session:
        assert find_case(session, earlier, "a") is not None


@pytest.mark.parametrize("name", ["", " ", "NA", "?", "a\nb", "x" * 201])
def test_no_name_of_a_source(name: str) -> None:
    with pytest.raises(UsageError, match="no name of a source"):
        checked_source(name)


def test_warnings_are_listed_and_the_cases_scored(
    tiny_bundle: TinyBundle, inbox: Path, tmp_path: Path, triage: Command
) -> None:
    text = inbox.read_text().replace("patient_id", "Patient_ID").replace("4.png,d", "4.png,A")
    inbox.write_text(text)
    arguments = (
        "score", "--bundle", tiny_bundle.folder, "--manifest", inbox, "--root", inbox.parent,
        "--out", tmp_path / "out.parquet",
    )  # fmt: skip
    found = triage(*arguments, "--json")
    assert found.code == 0
    first, second = found.json["warnings"]
    assert "column 'Patient_ID' is not read" in first
    assert "case_id: 'A', 'a'" in second
    assert found.json["counts"]["read"] == 5
    assert "2 warnings" in triage(*arguments).out


def test_a_root_that_is_not_there_is_refused_and_stores_nothing(
    triage: Command, tiny_bundle: TinyBundle, inbox: Path, tmp_path: Path
) -> None:
    database, absent = tmp_path / "a.db", tmp_path / "absent"
    given = ("--bundle", tiny_bundle.folder, "--manifest", inbox, "--out", tmp_path / "a.parquet")
    answer = triage("score", *given, "--root", absent, "--db", f"sqlite:///{database}")
    assert answer.code == 2
    assert "no such folder" in answer.err
    assert not (tmp_path / "a.parquet").exists()


def test_a_root_without_any_of_the_files_is_noticed(
    tiny_bundle: TinyBundle, inbox: Path, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    result = score(tiny_bundle.folder, inbox, tmp_path / "other", tmp_path / "a.parquet")
    assert any("none of the files is below --root" in warning for warning in result.warnings)
