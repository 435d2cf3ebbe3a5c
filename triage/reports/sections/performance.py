"""Overall performance, and analyses that belong to no other section."""

from __future__ import annotations

from triage.auditing.measurement import OVERALL, AuditEstimate, AuditFinding
from triage.charts.number_format import span
from triage.reports.audit_report import AuditReport
from triage.reports.document import Block, Cell, Column, Section, Table
from triage.reports.sections.analysis import analyses
from triage.reports.sections.cells import (
    count_cell,
    estimate_cell,
    limit_text,
    verdict_cell,
)

_ELSEWHERE = (
    "equalised_odds", "heal", "skin_tone_misclassification", "selective_labels", "team", "ood",
    "reliability", "error_list",
)  # fmt: skip
"""Analyses that other sections show."""


def performance(report: AuditReport) -> Section:
    """Every metric on all cases, then analyses of all cases."""
    keys = [each.key for each in report.analyses if each.key not in _ELSEWHERE]
    overall = [each for each in report.estimates if each.axis == OVERALL]
    if not overall and not keys:
        return Section("performance", "Overall performance", unavailable="nothing was measured")
    judged = {each.metric: each for each in report.findings if each.axis == OVERALL}
    rows = tuple(_row(each, judged.get(each.metric)) for each in overall)
    columns = (
        Column("Metric"), Column("Estimate", "number"), Column("Interval", "number"),
        Column("Method"), Column("Cases", "number"), Column("Patients", "number"),
        Column("Verdict"),
    )  # fmt: skip
    note = "Patients are those of the scarcest kind that the metric needs."
    table: tuple[Block, ...] = (Table("Metrics of all cases", columns, rows, note, "overall"),)
    return Section("performance", "Overall performance", (*table, *analyses(report, *keys)))


def _row(found: AuditEstimate, judged: AuditFinding | None) -> tuple[Cell, ...]:
    shown = estimate_cell(found)
    method = found.interval if found.interval != "none" else ""
    return (
        Cell(found.title, found.note),
        Cell(shown.text, weak=shown.weak, value=found.value),
        Cell(span(found.low, found.high, found.unit), weak=found.low is None),
        Cell(method),
        count_cell(found.n),
        count_cell(found.n_patients),
        Cell("")
        if judged is None
        else verdict_cell(judged.verdict, limit_text(judged, judged.unit)),
    )
