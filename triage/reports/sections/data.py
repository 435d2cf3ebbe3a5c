"""Data: how many cases there are, which were left out, what is not known of them; their labels."""

from __future__ import annotations

from triage.auditing.measurement import LevelSummary
from triage.charts.flow import flow_chart
from triage.charts.number_format import MISSING
from triage.reports.audit_report import AuditReport
from triage.reports.document import (
    Block,
    Cell,
    Column,
    Facts,
    Figure,
    Heading,
    Paragraph,
    Section,
    Table,
)
from triage.reports.names import group, words
from triage.reports.sections.analysis import analyses
from triage.reports.sections.cells import count, count_cell, known, share_text, unless_empty
from triage.reports.sections.cover import period_text
from triage.vocabulary.subgroup_levels import UNKNOWN


def data(report: AuditReport) -> Section:
    """Flow of cases, sizes of groups, missing values, hashes of what was read."""
    plan = report.plan
    blocks: list[Block] = [
        Facts(
            (
                ("Period", period_text(plan)),
                ("Cohorts", ", ".join(plan.cohorts) or "all of the source"),
                ("Patients", _patients(report)),
            )
        ),
        _flow(report),
        *unless_empty(_excluded(report)),
        Heading("Groups"),
        *unless_empty(_levels(report)),
        *_missing(report),
    ]
    return Section("data", "Data", tuple(blocks))


def reference(report: AuditReport) -> Section:
    """Where the labels come from, and which share of the cases has one."""
    share = share_text(report.n_labelled, report.n_cases)
    rule = {
        "refuse": "The plan refuses cases without a label.",
        "exclude": "Cases without a label are left out of every metric that needs one.",
    }[report.plan.unlabelled]
    blocks: list[Block] = [
        Facts(
            (
                ("Column of labels", report.plan.columns.label),
                (
                    "Cases with a label",
                    f"{known(report.n_labelled)} of {known(report.n_cases)} ({share})",
                ),
                ("How labels were made", None),
                ("Adjudication", None),
            )
        ),
        Paragraph(rule),
        *analyses(report, "selective_labels"),
    ]
    return Section("reference_standard", "Reference standard", tuple(blocks))


def _patients(report: AuditReport) -> str:
    if report.patients_known:
        return f"{known(report.n_patients)}; cases of one patient are resampled together"
    return "not named by the source; each case counts as a patient of its own"


def _flow(report: AuditReport) -> Figure:
    left_out = sum(report.excluded.values())
    patients = f", {count(report.n_patients, 'patient')}" if report.patients_known else ""
    rows = unlabelled = None
    if report.n_cases is not None:
        rows = report.n_cases + left_out
        unlabelled = None if report.n_labelled is None else report.n_cases - report.n_labelled
    steps = (
        (f"{known(rows)} rows read", f"{left_out} left out" if left_out else ""),
        (f"{count(report.n_cases, 'case')} audited{patients}",
         f"{unlabelled} without a reference label" if unlabelled else ""),
        (f"{count(report.n_labelled, 'case')} with a reference label", ""),
    )  # fmt: skip
    return Figure(flow_chart(steps), "Flow of cases", "Rows read, left out and audited.")


def _excluded(report: AuditReport) -> Table:
    rows = tuple((Cell(reason), count_cell(n)) for reason, n in report.excluded.items())
    columns = (Column("Reason"), Column("Rows", "number"))
    return Table("Rows left out, by reason", columns, rows, key="excluded")


def _levels(report: AuditReport) -> Table:
    columns = tuple(
        Column(title, "number")
        for title in ("Cases", "Patients", "Labelled", "Outliers", "Urgent", "Abstained")
    )
    return Table(
        "Cases and patients of each group",
        (Column("Group"), *columns),
        tuple(_level_row(each) for each in report.levels),
        f"{MISSING}: {'suppressed, or ' if report.public else ''}not known.",
        "levels",
    )


def _level_row(found: LevelSummary) -> tuple[Cell, ...]:
    counts = (
        found.n_cases, found.n_patients, found.n_labelled, found.n_outliers, found.n_urgent,
        found.n_abstained,
    )  # fmt: skip
    return (Cell(group(found.axis, found.level)), *(count_cell(n) for n in counts))


def _missing(report: AuditReport) -> tuple[Block, ...]:
    unknown = {each.axis: each.n_cases for each in report.levels if each.level == UNKNOWN}
    rows = tuple(
        (
            Cell(words(axis.name)),
            count_cell(unknown.get(axis.name, 0)),
            Cell(share_text(unknown.get(axis.name, 0), report.n_cases)),
        )
        for axis in report.plan.axes
        if axis.name in unknown
    )
    if not rows:
        return (Paragraph("No level of any axis is unknown."),)
    columns = (Column("Axis"), Column("Unknown", "number"), Column("Share", "number"))
    note = "Unknown values are a group of their own. None is filled in. Axes not listed have none."
    return (Table("Missing values, by axis", columns, rows, note, "missing"),)
