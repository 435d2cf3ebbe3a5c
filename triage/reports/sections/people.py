"""People and the system; errors."""

from __future__ import annotations

from triage.auditing.measurement import AuditEstimate
from triage.reports.audit_report import AuditReport
from triage.reports.document import Block, Cell, Column, Paragraph, Section, Table
from triage.reports.sections.analysis import analyses
from triage.reports.sections.cells import count_cell, estimate_cell, group

ERROR_METRICS = ("under_triage_rate", "urgent_at_observation_rate", "over_triage_rate")
"""Proportions of cases with an error, the gravest first."""


def team(report: AuditReport) -> Section:
    """What people decide before and after they see the system's opinion."""
    title = "People and the system"
    found = next((each for each in report.analyses if each.key == "team"), None)
    if found is None or not found.available:
        reason = found.reason if found else "the cases have no reads of people"
        return Section("team", title, unavailable=reason)
    return Section("team", title, analyses(report, "team"))


def errors(report: AuditReport) -> Section:
    """How many cases have an error of each kind, by group."""
    rows = tuple(
        _row(each)
        for metric in ERROR_METRICS
        for each in report.estimates
        if each.metric == metric and each.n_positive
    )
    found = analyses(report, "errors")
    columns = (
        Column("Error"), Column("Group"), Column("Cases with it", "number"),
        Column("of", "number"), Column("Share", "number"),
    )  # fmt: skip
    table: tuple[Block, ...] = (Table("Errors, by kind and group", columns, rows, key="errors"),)
    without = Paragraph(
        "Single cases are not listed: this report names none. The page of the audit shows the "
        "cases behind each number to those who may see them.",
        "note",
    )
    if not rows and not found:
        reason = "no wrong urgency was counted; the cases have no urgencies, or none is wrong"
        return Section("errors", "Error analysis", unavailable=reason)
    return Section("errors", "Error analysis", (*(table if rows else ()), *found, without))


def _row(found: AuditEstimate) -> tuple[Cell, ...]:
    return (
        Cell(found.title),
        Cell(group(found.axis, found.level)),
        count_cell(found.n_positive),
        count_cell(found.n),
        estimate_cell(found),
    )
