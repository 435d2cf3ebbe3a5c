"""Render a report to every format from one document."""

from __future__ import annotations

from triage.reports.audit_report import AuditReport

# PLACEHOLDER of the skeleton: JSON only.


def render_all(report: AuditReport) -> dict[str, bytes]:
    """Return the files of a report: name (`report.html`, `tables/findings.csv`, ...) to content."""
    return {"report.json": (report.model_dump_json(indent=2) + "\n").encode()}
