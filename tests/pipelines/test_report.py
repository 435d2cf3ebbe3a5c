from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from triage.auditing.audit_table import OUTLIER
from triage.auditing.default_limits import DEFAULT_LIMITS, DEFAULT_SOURCE
from triage.auditing.measurement import ALL, OVERALL
from triage.errors import UsageError
from triage.learning.evaluate import EvaluationRun
from triage.reports.audit_report import AuditReport
from triage.reports.bundle_extra import BundleExtra
from triage.reports.bundle_report import audit_of_run, write_audit
from triage.reports.bundle_table import default_plan, table_of_run
from triage.reports.render import render_all
from triage.store import Store

WHEN = datetime(2026, 1, 6, 9, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def report(evaluated: EvaluationRun) -> AuditReport:
    return audit_of_run(evaluated, None, WHEN)


def test_the_table_holds_what_was_evaluated(evaluated: EvaluationRun) -> None:
    plan = default_plan(evaluated, WHEN)
    table, outcomes = table_of_run(evaluated, plan), evaluated.outcomes
    assert table.classes == outcomes.classes
    assert table.truth.tolist() == outcomes.truth.tolist()
    assert ((table.truth == OUTLIER) == outcomes.is_outlier).all()
    assert table.probabilities is not None
    assert np.abs(table.probabilities - outcomes.probabilities).max() < 1e-6
    for mine, its in (
        (table.ood_score, outcomes.ood_score),
        (table.cost, outcomes.cost),
        (table.abstained, outcomes.abstained),
        (table.true_urgency, outcomes.true_urgency),
        (table.queue_urgency, outcomes.queue_urgency),
    ):
        assert mine is not None
        assert mine.tolist() == its.tolist()
    pairs = {*zip(table.cluster.tolist(), outcomes.cluster.tolist(), strict=True)}
    assert len(pairs) == len({*table.cluster.tolist()}) == len({*outcomes.cluster.tolist()})
    for axis in plan.axes:
        if axis.column is not None:
            codes = table.axes[axis.name]
            shown = [codes.levels[code] for code in codes.codes]
            assert shown == outcomes.subgroups[axis.column].tolist()


def test_the_default_plan_is_that_of_the_spec_and_of_the_bundles_roles(
    evaluated: EvaluationRun,
) -> None:
    plan, spec = default_plan(evaluated, WHEN), evaluated.dataset.spec
    assert plan.limits == DEFAULT_LIMITS
    assert plan.source == DEFAULT_SOURCE
    assert plan.created_at == WHEN
    assert plan.bundle == evaluated.manifest.digest()
    assert plan.outlier_prevalence == spec.outlier_prevalence
    known = {one.name for one in plan.conditions if one.known}
    assert known == {*evaluated.manifest.roles.inliers}
    assert [axis.column for axis in plan.axes if axis.column] == [a.column for a in spec.subgroups]
    assert [axis.property for axis in plan.axes if axis.property] == ["risk", "urgency"]


def test_numbers_are_those_of_the_evaluation(evaluated: EvaluationRun, report: AuditReport) -> None:
    for key in ("accuracy", "ece"):
        found, its = report.estimate(OVERALL, ALL, key), evaluated.evaluation.overall[key]
        assert found is not None
        assert found.value == pytest.approx(its.value, abs=1e-5)
        assert found.n == its.n_cases
    extra = BundleExtra.of(report)
    assert extra is not None
    assert extra.confusion == evaluated.evaluation.confusion
    assert extra.policy_costs == evaluated.policy_costs
    assert extra.uncertainty == evaluated.uncertainty


def test_counts_and_exclusions(evaluated: EvaluationRun, report: AuditReport) -> None:
    extra, dataset = BundleExtra.of(report), evaluated.dataset
    assert extra is not None
    for split in ("train", "validation", "test"):
        assert sum(extra.data.counts[split].values()) == len(dataset.of_split(split))
    assert extra.data.exclusions == {
        "group belongs to another split": len(dataset.of_split("excluded"))
    }


def test_the_same_evaluation_gives_the_same_bytes_and_another_date_another_report(
    evaluated: EvaluationRun, report: AuditReport
) -> None:
    again = audit_of_run(evaluated, None, WHEN)
    assert again == report
    assert render_all(again) == render_all(report)
    later = audit_of_run(evaluated, None, datetime(2026, 1, 7, tzinfo=UTC))
    assert later.report_id != report.report_id


def test_every_format_is_written(evaluated: EvaluationRun, tmp_path: Path) -> None:
    written = write_audit(evaluated, tmp_path / "new" / "report", None)
    assert [*written] == ["html", "pdf", "json", "archive"]
    assert written["pdf"].read_bytes().startswith(b"%PDF")
    html, content = written["html"].read_text(), json.loads(written["json"].read_text())
    assert AuditReport.model_validate(content).schema_version == "triage-audit-report-1"
    value = evaluated.evaluation.overall["accuracy"].value
    assert value is not None
    for text in (html, written["json"].read_text()):
        assert evaluated.dataset.digest() in text
        assert evaluated.manifest.digest() in text
    assert f"{100 * value:.1f} %" in html
    assert "<script" not in html
    assert "http://" not in html.replace("http://www.w3.org", "")
    assert content["extra"]["reviews"] is None
    assert (tmp_path / "new" / "report" / "tables" / "confusion.csv").is_file()
    for path in (tmp_path / "new" / "report").rglob("*"):
        data = path.read_bytes() if path.is_file() else b""
        assert not [c for c in evaluated.predictions.cases["case_id"] if c.encode() in data]


def test_reviews_are_summarised_where_there_is_a_store(
    evaluated: EvaluationRun, store: Store
) -> None:
    extra = BundleExtra.of(audit_of_run(evaluated, store, WHEN))
    assert extra is not None
    assert extra.reviews is not None


def test_no_place_to_write(evaluated: EvaluationRun, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written"):
        write_audit(evaluated, tmp_path / "file" / "report", None)
    with pytest.raises(UsageError, match="is a file"):
        write_audit(evaluated, tmp_path / "file", None)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
