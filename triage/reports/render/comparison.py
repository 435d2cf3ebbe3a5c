"""Render two audits compared to every format from one document."""

from __future__ import annotations

from triage.auditing.comparison_result import MetricChange
from triage.reports.build_comparison import build_comparison
from triage.reports.comparison_report import ComparisonReport
from triage.reports.render.html import render_html
from triage.reports.render.pdf import render_pdf
from triage.reports.render.tables import document_tables, model_table
from triage.reports.sections.comparison import CHANGES


def render_comparison(report: ComparisonReport) -> dict[str, bytes]:
    """Return the files of a comparison.

    Parameters
    ----------
    report : ComparisonReport

    Returns
    -------
    dict of str to bytes
        `comparison.html`, `comparison.pdf`, `comparison.json`, and `tables/*.csv`; the same bytes
        for the same report.
    """
    document = build_comparison(report)
    created_at = max(report.plan.created_at, report.against.plan.created_at)
    return {
        "comparison.html": render_html(document).encode(),
        "comparison.pdf": render_pdf(document, created_at),
        "comparison.json": (report.model_dump_json(indent=2) + "\n").encode(),
        **document_tables(document),
        f"tables/{CHANGES}.csv": model_table(MetricChange, report.changes),
    }
