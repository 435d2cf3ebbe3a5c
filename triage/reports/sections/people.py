"""People and the system; errors."""

from __future__ import annotations

from triage.auditing.measurement import OVERALL
from triage.charts.number_format import number
from triage.reports.audit_report import AuditReport
from triage.reports.document import Block, Cell, Column, Section, Table
from triage.reports.sections.analysis import analysis_blocks
from triage.reports.sections.by_group import metrics_by_group
from triage.reports.sections.cells import unless_empty

_PEOPLE = "People and the system"
TEAM_METRICS = (
    "first_read_accuracy", "final_accuracy", "team_gain", "helpful_switch_rate",
    "harmful_switch_rate", "final_sensitivity_urgent", "abstention_under_call_rate", "mean_seconds",
)  # fmt: skip


def team(report: AuditReport) -> Section:
    """What people decide before and after they see the system's opinion."""
    found = next((each for each in report.analyses if each.key == "team"), None)
    reason = found.reason if found else "the cases have no reads of people"
    if found is None or found.available:
        return metrics_by_group(report, "team", _PEOPLE, TEAM_METRICS, "team", reason)
    return Section("team", _PEOPLE, unavailable=reason)


def errors(report: AuditReport) -> Section:
    """Which urgent cases were missed; rates of errors are in the section on groups."""
    blocks = _missed(report)
    if not blocks:
        return Section("errors", "Error analysis", unavailable="no list of errors was made")
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
    # Those of groups are one less the sensitivity, which the section on groups has.
    shares = [each for each in found.numbers if each.key != "urgent_miss" and each.axis == OVERALL]
    blocks = analysis_blocks(found.model_copy(update={"numbers": shares}))
    columns = (Column("Case"), Column("What was done"))
    return (*blocks, *unless_empty(Table("Cases", columns, listed, key="urgent_missed")))
