"""Executive summary: what fails, what is not known, on one page."""

from __future__ import annotations

from collections.abc import Sequence

from triage.auditing.measurement import OVERALL, AuditFinding
from triage.charts.number_format import number, span
from triage.reports.audit_report import AuditReport
from triage.reports.document import Block, Cell, Column, Heading, Items, Paragraph, Section, Table
from triage.reports.sections.cells import (
    count,
    estimate_text,
    group,
    limit_text,
    metric_key,
    tally_text,
    unless_empty,
    words,
)
from triage.vocabulary.verdicts import Verdict

_MOST = 6
"""Sentences of one list, so that the summary stays on one page."""


def summary(report: AuditReport) -> Section:
    """Sentences that a reader takes from the report."""
    overall = [each for each in report.findings if each.axis == OVERALL]
    groups = [each for each in report.findings if each.axis != OVERALL]
    blocks: list[Block] = [
        Paragraph(_what(report), "lead"),
        Paragraph(f"Verdicts for all cases: {tally_text(each.verdict for each in overall)}. "
                  f"Verdicts for groups: {tally_text(each.verdict for each in groups)}."),
        *_failing([*overall, *groups]),
        *_unknown([*overall, *groups]),
        *_differences(report),
        *unless_empty(_worst(report)),
        Heading("How far to trust this report"),
        Items(_trust(report)),
    ]  # fmt: skip
    return Section("summary", "Executive summary", tuple(blocks))


def _what(report: AuditReport) -> str:
    axes = ", ".join(words(axis.name).lower() for axis in report.plan.axes) or "none"
    patients = count(report.n_patients, "patient")
    of = f" of {patients}" if report.patients_known else ""
    return (
        f"{report.system.name} was audited on {count(report.n_cases, 'case')}{of}. "
        f"Axes of groups: {axes}."
    )


def _failing(findings: Sequence[AuditFinding]) -> tuple[Block, ...]:
    failing = [each for each in findings if each.verdict is Verdict.FAILS]
    if not failing:
        return (Heading("What fails"), Paragraph("No limit is failed by any set of cases."))
    first = [
        f"{group(each.axis, each.level)}: {each.title} {estimate_text(each)}, limit "
        f"{limit_text(each, each.unit)}, {count(each.n, 'case')}."
        for each in failing
    ]
    return Heading(f"What fails ({len(failing)})"), Items(_shortened(first))


def _unknown(findings: Sequence[AuditFinding]) -> tuple[Block, ...]:
    unknown = [each for each in findings if each.verdict is Verdict.NOT_ENOUGH]
    if not unknown:
        return ()
    metrics: dict[str, list[str]] = {}
    for each in unknown:
        metrics.setdefault(group(each.axis, each.level), []).append(each.title)
    lines = [f"{name}: {', '.join(titles)}." for name, titles in metrics.items()]
    return Heading(f"Not enough evidence ({len(unknown)})"), Items(_shortened(lines))


def _differences(report: AuditReport) -> tuple[Block, ...]:
    beyond = [
        f"{words(each.axis)}: {each.title} of {each.level} differs from {each.reference} by "
        f"{number(each.difference, '')} ({span(each.difference_low, each.difference_high, '')}), "
        f"margin {number(each.margin, '')}."
        for each in report.comparisons
        if each.verdict is Verdict.FAILS
    ]
    if not beyond:
        return ()
    heading = Heading(f"Differences between groups beyond their margin ({len(beyond)})")
    return heading, Items(_shortened(beyond))


def _worst(report: AuditReport) -> Table:
    judged = {metric_key(limit) for limit in report.plan.limits}
    units = {each.metric: each.unit for each in report.estimates}
    rows = tuple(
        (
            Cell(each.title), Cell(words(each.axis)), Cell(each.level or ""),
            Cell(number(each.value, units.get(each.metric, "")),
                 span(each.low, each.high, units.get(each.metric, ""))),
        )
        for each in report.worst
        if each.metric in judged and each.level is not None
    )  # fmt: skip
    columns = (
        Column("Metric"),
        Column("Axis"),
        Column("Worst level"),
        Column("Estimate", "number"),
    )
    return Table("Worst levels of the judged metrics", columns, rows[:_MOST])


def _trust(report: AuditReport) -> tuple[str, ...]:
    deviations = (
        f"{count(len(report.deviations), 'deviation')} from the plan, listed in the section on it."
        if report.deviations
        else "No deviation from the plan was recorded."
    )
    return (
        f"Plan {report.registration.sentence}.",
        deviations,
        _left_out(sum(report.excluded.values())),
        "The numbers describe the audited cases. They do not promise the same elsewhere.",
    )


def _left_out(n: int) -> str:
    if n == 0:
        return "No row of the data was left out."
    return f"{count(n, 'row')} of the data left out; the section on data gives the reasons."


def _shortened(lines: Sequence[str]) -> tuple[str, ...]:
    rest = len(lines) - _MOST
    if rest <= 0:
        return tuple(lines)
    return (*lines[:_MOST], f"And {rest} more, in the section on groups.")
