"""Small hand-made audit reports and their files, for tests of what is done with reports."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from typing import Any

from triage.auditing.audit_plan import AuditPlan, Axis, Limit
from triage.auditing.measurement import ALL, OVERALL, AuditFinding, LevelSummary
from triage.reports.audit_report import AuditReport, Registration, SystemFacts
from triage.vocabulary.verdicts import Verdict

PLAN = AuditPlan(
    title="Audit of the example",
    source="the tests",
    created_at=datetime(2026, 5, 1, 12, tzinfo=UTC),
    system="example 1.0",
    axes=(Axis(name="sex", column="sex"),),
    limits=(Limit(metric="accuracy", at_least=0.8),),
)


def finding(axis: str, level: str, right: int, n: int, **changes: Any) -> AuditFinding:
    """A finding on accuracy."""
    values = {
        "axis": axis, "level": level, "metric": "accuracy", "title": "Accuracy",
        "unit": "proportion", "value": right / n, "low": max(0.0, right / n - 0.1),
        "high": min(1.0, right / n + 0.1), "n": n, "n_patients": n, "n_positive": right,
        "interval": "Clopper-Pearson", "evidence": "enough", "at_least": 0.8, "at_most": None,
        "verdict": Verdict.MEETS, "p_value": 0.0123456, "p_adjusted": 0.0234567, "primary": True,
        "correction": "Holm",
    }  # fmt: skip
    return AuditFinding.model_validate(values | changes)


def summary(axis: str, level: str, n: int, **changes: Any) -> LevelSummary:
    """The size of a level in which each case is a patient with a label."""
    values = {"n_cases": n, "n_patients": n, "n_labelled": n, "n_outliers": 0}
    return LevelSummary.model_validate({"axis": axis, "level": level} | values | changes)


def audit_report(**changes: Any) -> AuditReport:
    """A report on 300 cases of two sexes."""
    findings = [
        finding(OVERALL, ALL, 250, 300),
        finding("sex", "female", 130, 160),
        finding("sex", "male", 120, 140),
    ]
    plan = changes.get("plan", PLAN)
    values = {
        "plan_sha256": plan.sha256(), "facts": {"predictions": "ab" * 32}, "excluded": {},
        "deviations": [], "n_cases": 300, "n_patients": 300, "n_labelled": 300,
        "patients_known": True, "classes": ["a", "b"],
        "levels": [
            summary(OVERALL, ALL, 300), summary("sex", "female", 160), summary("sex", "male", 140),
        ],
        "estimates": findings, "findings": findings, "comparisons": [], "worst": [],
        "analyses": [], "report_id": plan.sha256()[:16], "title": plan.title,
        "generated_at": plan.created_at.isoformat(), "code_version": "1.0",
        "command": "triage audit run", "plan": plan,
        "registration": Registration(kind="none", sentence="not registered in a ledger"),
        "system": SystemFacts(name="example 1.0"),
    }  # fmt: skip
    return AuditReport(**(values | changes))


def report_files(report: AuditReport) -> dict[str, bytes]:
    """A file of each kind that an archive holds."""
    table = io.StringIO(newline="")
    columns = ["axis", "level", "metric", "value", "low", "high", "n", "verdict"]
    writer = csv.DictWriter(table, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(each.model_dump(mode="json") for each in report.findings)
    return {
        "report.json": (report.model_dump_json(indent=2) + "\n").encode(),
        "report.html": b"<!doctype html><title>Audit</title>",
        "report.pdf": b"%PDF-1.7 an example",
        "tables/findings.csv": table.getvalue().encode(),
    }
