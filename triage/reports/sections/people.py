"""People and the system; errors."""

from __future__ import annotations

from triage.auditing.measurement import AuditEstimate
from triage.charts.number_format import MISSING, number
from triage.reports.audit_report import AuditReport
from triage.reports.document import Block, Cell, Column, Paragraph, Section, Table
from triage.reports.sections.analysis import analyses
from triage.reports.sections.cells import group

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
    table = _errors(report)
    found = analyses(report, "errors")
    if not table and not found:
        reason = "no wrong urgency was counted; the cases have no urgencies, or none is wrong"
        return Section("errors", "Error analysis", unavailable=reason)
    without = Paragraph(
        "Single cases are not listed: this report names none. The page of the audit shows the "
        "cases behind each number to those who may see them.",
        "note",
    )
    return Section("errors", "Error analysis", (*table, *found, without))


def _errors(report: AuditReport) -> tuple[Block, ...]:
    counted = {
        (each.axis, each.level, each.metric): each
        for each in report.estimates
        if each.metric in ERROR_METRICS and each.n_positive is not None
    }
    metrics = [key for key in ERROR_METRICS if any(key == metric for *_, metric in counted)]
    if not metrics:
        return ()
    titles = {each.metric: each.title for each in counted.values()}
    places = dict.fromkeys((axis, level) for axis, level, _ in counted)
    rows = tuple(
        (Cell(group(*place)), *(_counted(counted.get((*place, key))) for key in metrics))
        for place in places
    )
    columns = (Column("Group"), *(Column(titles[key], "number") for key in metrics))
    return (Table("Cases with an error, by kind and group", columns, rows),)


def _counted(found: AuditEstimate | None) -> Cell:
    if found is None:
        return Cell(MISSING, weak=True)
    return Cell(f"{found.n_positive} of {found.n}", number(found.value, found.unit))
