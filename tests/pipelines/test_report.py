from __future__ import annotations

import json
from pathlib import Path

import pytest

from triage.errors import UsageError
from triage.learning.evaluate import EvaluationRun
from triage.reports.bundle_report import write_audit
from triage.store import Store


def test_one_page_and_its_numbers(evaluated: EvaluationRun, tmp_path: Path) -> None:
    page, data = write_audit(evaluated, tmp_path / "new" / "report", None)
    html, content = page.read_text(), json.loads(data.read_text())
    value = evaluated.evaluation.overall["accuracy"].value
    for text in (html, data.read_text()):
        assert evaluated.dataset.digest()[:12] in text
    assert f"{100 * value:.1f} %" in html
    assert "<script" not in html
    assert "http://" not in html.replace("http://www.w3.org", "")
    assert content["reviews"] is None
    assert not [case for case in evaluated.predictions.cases["case_id"] if case in html]


def test_counts_and_exclusions(evaluated: EvaluationRun, tmp_path: Path) -> None:
    _, data = write_audit(evaluated, tmp_path, None)
    reported = json.loads(data.read_text())["data"]
    dataset = evaluated.dataset
    for split in ("train", "validation", "test"):
        assert sum(reported["counts"][split].values()) == len(dataset.of_split(split))
    assert reported["exclusions"] == {
        "group belongs to another split": len(dataset.of_split("excluded"))
    }


def test_reviews_are_summarised_where_there_is_a_store(
    evaluated: EvaluationRun, store: Store, tmp_path: Path
) -> None:
    _, data = write_audit(evaluated, tmp_path, store)
    assert json.loads(data.read_text())["reviews"] is not None


def test_no_place_to_write(evaluated: EvaluationRun, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written"):
        write_audit(evaluated, tmp_path / "file" / "report", None)
