"""People and the system; errors."""

from __future__ import annotations

from triage.auditing.measurement import AuditEstimate
from triage.charts.number_format import MISSING, number
from triage.reports.audit_report import AuditReport
from triage.reports.document import Block, Cell, Column, Section, Table
from triage.reports.sections.analysis import analysis_blocks
from triage.reports.sections.by_group import metrics_by_group
from triage.reports.sections.cells import group, known, unless_empty

_PEOPLE = "People and the system"
TEAM_METRICS = (
    "first_read_accuracy", "final_accuracy", "team_gain", "helpful_switch_rate",
    "harmful_switch_rate", "final_sensitivity_urgent", "abstention_under_call_rate", "mean_seconds",
)  # fmt: skip
ERROR_METRICS = ("under_triage_rate", "urgent_at_observation_rate", "over_triage_rate")
"""Proportions of cases with an error, the gravest first."""


def team(report: AuditReport) -> Section:
    """What people decide before and after they see the system's opinion."""
    found = next((each for each in report.analyses if each.key == "team"), None)
    reason = found.reason if found else "the cases have no reads of people"
    if found is None or found.available:
        return metrics_by_group(report, "team", _PEOPLE, TEAM_METRICS, "team", reason)
    return Section("team", _PEOPLE, unavailable=reason)


def errors(report: AuditReport) -> Section:
    """How many cases have an error of each kind, by group, and which urgent ones were missed."""
    blocks = (*_errors(report), *_missed(report))
    if not blocks:
        reason = "no wrong urgency was counted; the cases have no urgencies, or none is wrong"
        return Section("errors", "Error analysis", unavailable=reason)
    return Section("errors", "Error analysis", blocks)


def _missed(report: AuditReport) -> tuple[Block, ...]:
    """Shares of urgent cases that were missed, and the cases by their number."""
    found = next((each for each in report.analyses if each.key == "error_list"), None)
    if found is None:
        return ()
    listed = tuple(
        (Cell(number(each.value, each.unit), value=each.value), Cell(each.title))
        for each in found.numbers
        if each.key == "urgent_miss"
    )
    shares = [each for each in found.numbers if each.key != "urgent_miss"]
    blocks = analysis_blocks(found.model_copy(update={"numbers": shares}))
    columns = (Column("Case"), Column("What was done"))
    return (*blocks, *unless_empty(Table("Cases", columns, listed, key="urgent_missed")))


def _errors(report: AuditReport) -> tuple[Block, ...]:
    counted = {
        (each.axis, each.level, each.metric): each
        for each in report.estimates
        if each.metric in ERROR_METRICS
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
    if found.n_positive is None:
        return Cell(MISSING, number(found.value, found.unit), weak=True)
    return Cell(f"{found.n_positive} of {known(found.n)}", number(found.value, found.unit))
