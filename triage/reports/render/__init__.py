"""Render a report to every format from one document."""

from __future__ import annotations

from triage.reports.audit_report import AuditReport
from triage.reports.build_document import build_document
from triage.reports.render.html import render_html
from triage.reports.render.pdf import render_pdf
from triage.reports.render.tables import render_tables


def render_all(report: AuditReport) -> dict[str, bytes]:
    """Return the files of a report.

    Parameters
    ----------
    report : AuditReport

    Returns
    -------
    dict of str to bytes
        `report.html`, `report.pdf`, `report.json`, and `tables/*.csv`; the same bytes for the same
        report.
    """
    document = build_document(report)
    return {
        "report.html": render_html(document).encode(),
        "report.pdf": render_pdf(document, report.plan.created_at),
        "report.json": (report.model_dump_json(indent=2) + "\n").encode(),
        **render_tables(document, report),
    }
