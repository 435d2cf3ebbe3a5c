"""`triage spec duplicates`: a photograph that came twice under two names."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest

from tests.pipelines.command import Command
from triage.data.spec_files import shipped_spec

SPEC = shipped_spec("derm_phantoms")
TWIN = "=twin()\x1b[2J"


@pytest.fixture
def root(phantom_root: Path, tmp_path: Path) -> Path:
    """Phantoms, the first of which came once more as another patient's."""
    folder = tmp_path / "phantoms"
    shutil.copytree(phantom_root, folder)
    (manifest,) = folder.glob("*.csv")
    with manifest.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    counts = [sum(row["case_id"] == other["case_id"] for other in rows) for row in rows]
    first = rows[counts.index(1)]
    copied = f"{Path(first['image']).parent}/twin{Path(first['image']).suffix}"
    shutil.copy(folder / first["image"], folder / copied)
    twin = first | {"image": copied, "case_id": TWIN, "patient_id": "another"}
    with manifest.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(first))
        writer.writeheader()
        writer.writerows([*rows, twin])
    return folder


def test_the_twin_is_found(triage: Command, root: Path, tiny_hf: Path, tmp_path: Path) -> None:
    out = tmp_path / "groups.csv"
    arguments = (
        "spec", "duplicates", SPEC, "--root", root, "--backbone", f"hf:{tiny_hf}",
        "--similar", "0.99999", "--out", out,
    )  # fmt: skip
    answer = triage(*arguments, "--json")
    assert answer.code == 0
    twins = [pair for pair in answer.json["pairs"] if TWIN in (pair["case_a"], pair["case_b"])]
    assert len(twins) == 1
    assert twins[0]["likeness"] == pytest.approx(1.0, abs=1e-5)
    with out.open(newline="") as stream:
        groups = {row["case_id"]: row["similar_group"] for row in csv.DictReader(stream)}
    (other,) = {twins[0]["case_a"], twins[0]["case_b"]} - {TWIN}
    # As a spreadsheet may have it: no formula, and nothing that does not print.
    assert groups[r"'=twin()\x1b[2J"] == groups[other]
    shown = triage(*arguments)
    assert "=twin()" in shown.out
    assert "\x1b" not in shown.out
    assert "rows.group" in shown.out


def test_backbones_that_tell_nothing_apart_are_said_so(
    triage: Command, root: Path, tiny_hf: Path
) -> None:
    answer = triage(
        "spec", "duplicates", SPEC, "--root", root, "--backbone", f"hf:{tiny_hf}", "--similar", "0"
    )
    assert answer.code == 0
    assert "do not tell the cases apart" in answer.out


def test_random_weights_are_refused(triage: Command, root: Path) -> None:
    answer = triage(
        "spec", "duplicates", SPEC, "--root", root, "--backbone", "monai:resnet10_narrow"
    )
    assert answer.code == 2
    assert "pretrained" in answer.err
