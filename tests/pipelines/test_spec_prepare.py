from __future__ import annotations

import csv
from pathlib import Path

from tests.pipelines.command import Command
from tests.public_sets.test_prepare import write_octdl
from triage.data.spec_files import shipped_spec
from triage.public_sets import SETS


def test_a_public_set_is_prepared_and_valid(triage: Command, tmp_path: Path) -> None:
    root = write_octdl(tmp_path / "set", 60)
    answer = triage("spec", "prepare", "oct_octdl", root, "--json")
    assert answer.code == 0, answer.err
    manifest = root / "manifest.csv"
    assert answer.json == {
        "manifest": str(manifest),
        "licence": SETS["oct_octdl"].licence,
        "source": SETS["oct_octdl"].source,
    }
    with manifest.open(newline="") as stream:
        assert len(list(csv.DictReader(stream))) == 420
    valid = triage("spec", "validate", shipped_spec("oct_octdl"), "--root", root)
    assert valid.code == 0, valid.err
    reported = triage("spec", "prepare", "oct_octdl", root)
    assert SETS["oct_octdl"].leak in " ".join(reported.out.split())


def test_what_cannot_be_prepared(triage: Command, tmp_path: Path) -> None:
    misspelt = triage("spec", "prepare", "oct_octd", tmp_path)
    assert misspelt.code == 2
    assert "Did you mean oct_octdl?" in misspelt.err
    assert triage("spec", "prepare", "oct_octdl", tmp_path / "none").code == 2
    assert triage("spec", "prepare", "oct_octdl", tmp_path).code == 2
