"""Cover: what was audited, how, and every verdict on one table."""

from __future__ import annotations

from triage.auditing.audit_plan import AuditPlan, Limit
from triage.auditing.measurement import OVERALL
from triage.reports.audit_report import AuditReport
from triage.reports.document import Block, Cell, Column, Facts, Paragraph, Section, Table
from triage.reports.names import words
from triage.reports.sections.cells import (
    count_cell,
    estimate_cell,
    known,
    limit_text,
    metric_key,
    tally,
    unless_empty,
    verdict_cell,
)
from triage.vocabulary.verdicts import Verdict

_NOTHING = Cell("not judged", weak=True)


def cover(report: AuditReport) -> Section:
    """Facts of the audit and its verdicts."""
    verdicts = (*unless_empty(_limits(report)), *unless_empty(_margins(report)))
    without = Paragraph("The plan states no limits, so there are no verdicts.", "missing")
    return Section("cover", "Verdicts", (*_facts(report), *(verdicts or (without,))))


def period_text(plan: AuditPlan) -> str:
    """Write the period of the cases."""
    if plan.period is None:
        return "all cases of the source"
    return f"{plan.period.first:%Y-%m-%d} to {plan.period.last:%Y-%m-%d}"


def _facts(report: AuditReport) -> tuple[Block, ...]:
    plan = report.plan
    return (
        Facts(
            (
                ("System", report.system.name),
                ("Version", report.system.version),
                ("Intended use", report.system.intended_use),
                ("Period", period_text(plan)),
                (
                    "Cases",
                    f"{known(report.n_cases)}, of which {known(report.n_labelled)} with a "
                    "reference label",
                ),
                (
                    "Patients",
                    known(report.n_patients)
                    if report.patients_known
                    else "not named by the source",
                ),
                ("Limits set by", plan.source),
                ("Plan", report.plan_sha256),
                ("Registration", report.registration.sentence),
                *((("Small cells", "suppressed in this copy"),) if report.public else ()),
            )
        ),
    )


def _limits(report: AuditReport) -> Table:
    # A limit may be stated twice: of all cases, and of groups.
    limits = {(each.metric, each.at_least, each.at_most): each for each in report.plan.limits}
    rows = tuple(_limit_row(report, limit) for limit in limits.values())
    return Table(
        title="Verdict on each limit: for all cases, and number of groups",
        columns=(
            Column("Metric"), Column("Limit"), Column("All cases", "number"), Column("Verdict"),
            Column("Groups: meet", "number"), Column("fail", "number"),
            Column("not enough", "number"),
        ),
        rows=rows,
        note="Intervals are at "
        f"{report.plan.intervals.confidence:.0%} confidence. A limit is met, or failed, where the "
        "estimate is on that side of it and the p-value, corrected for the number of verdicts, is "
        f"below {1 - report.plan.intervals.confidence:.2g}; else there is not enough evidence. "
        "Numbers are rounded here; verdicts use those of report.json.",
        key="verdicts",
    )  # fmt: skip


def _limit_row(report: AuditReport, limit: Limit) -> tuple[Cell, ...]:
    found = [
        each
        for each in report.findings
        if (each.metric, each.at_least, each.at_most)
        == (metric_key(limit), limit.at_least, limit.at_most)
    ]
    overall = next((each for each in found if each.axis == OVERALL), None)
    groups = tally(each.verdict for each in found if each.axis != OVERALL)
    first = found[0] if found else None
    return (
        Cell(first.title if first else words(limit.metric)),
        Cell(limit_text(limit, first.unit if first else "")),
        estimate_cell(overall) if overall else _NOTHING,
        verdict_cell(overall.verdict) if overall else _NOTHING,
        *(count_cell(groups[verdict]) for verdict in Verdict),
    )


def _margins(report: AuditReport) -> Table:
    rows = []
    for margin in report.plan.margins:
        found = [
            each
            for each in report.comparisons
            if (each.metric, each.axis) == (metric_key(margin), margin.axis) and each.verdict
        ]
        groups = tally(each.verdict for each in found if each.verdict)
        rows.append(
            (
                Cell(found[0].title if found else words(margin.metric)),
                Cell(words(margin.axis)),
                Cell(f"{margin.at_most:.3f}", value=margin.at_most),
                Cell(found[0].reference if found else margin.reference or "not compared"),
                *(count_cell(groups[verdict]) for verdict in Verdict),
            )
        )
    return Table(
        title="Verdict on each margin: largest tolerated difference between levels of an axis",
        columns=(
            Column("Metric"), Column("Axis"), Column("Margin", "number"), Column("Compared with"),
            Column("Levels: meet", "number"), Column("fail", "number"),
            Column("not enough", "number"),
        ),
        rows=tuple(rows),
        key="margins",
    )  # fmt: skip
