"""Executive summary on one page: for whom the system works, for whom not, what is not known."""

from __future__ import annotations

from collections.abc import Sequence

from triage.auditing.measurement import OVERALL, AuditFinding, WorstLevel
from triage.charts.number_format import number, span
from triage.reports.audit_report import AuditReport
from triage.reports.document import Block, Cell, Column, Heading, Items, Paragraph, Section, Table
from triage.reports.names import ALL_CASES, group, level_name, words
from triage.reports.sections.cells import (
    count,
    estimate_text,
    limit_text,
    unless_empty,
)
from triage.reports.suppression import SUPPRESSED
from triage.vocabulary.verdicts import Verdict

_MOST = 6
"""Rows and sentences of one list, so that the summary stays on one page."""
_MOST_LEVELS = 8
"""Levels of an axis that a cell names; of more it gives the number."""
_Set = tuple[str, str]


def summary(report: AuditReport) -> Section:
    """What a reader takes from the report."""
    blocks: list[Block] = [
        Paragraph(_what(report), "lead"),
        *_answers(report),
        *unless_empty(_by_limit(report)),
        *_failing(report.findings),
        *_differences(report),
        *unless_empty(_worst(report)),
        Heading("How far to trust this report"),
        Items(_trust(report)),
    ]
    return Section("summary", "Executive summary", tuple(blocks))


def _what(report: AuditReport) -> str:
    axes = ", ".join(words(axis.name).lower() for axis in report.plan.axes)
    patients = count(report.n_patients, "patient")
    of = f" of {patients}" if report.patients_known else ""
    groups = f" Groups are those of: {axes}." if axes else " The plan names no groups."
    return f"{count(report.n_cases, 'case')}{of} were audited.{groups}"


def _answers(report: AuditReport) -> tuple[Block, ...]:
    """For whom it works, for whom not, for whom it is not known: sets by all of their verdicts."""
    if not report.findings:
        return (Paragraph("The plan states no limits: the report judges nothing."),)
    found: dict[_Set, list[Verdict]] = {}
    for each in _applicable(report.findings):
        found.setdefault((each.axis, each.level), []).append(each.verdict)
    failing = [place for place, verdicts in found.items() if Verdict.FAILS in verdicts]
    meeting = [place for place, verdicts in found.items() if {*verdicts} == {Verdict.MEETS}]
    unknown = [place for place in found if place not in failing and place not in meeting]
    return (
        Heading("For whom the system works, for whom not, and for whom it is not known"),
        Items((
            "It meets every limit that applies for: "
            f"{_named(report, meeting) or 'no set of cases'}.",
            f"It fails a limit for: {_named(report, failing) or 'no set of cases'}.",
            "It fails none, but the evidence for a limit is not enough, for: "
            f"{_named(report, unknown) or 'no set of cases'}.",
        )),
        Paragraph("A limit does not apply to a set that has no case of a kind that the metric "
                  "needs, such as an urgent case or an outlier; the table says which were judged."),
    )  # fmt: skip


def _applicable(findings: Sequence[AuditFinding]) -> list[AuditFinding]:
    """Return the findings but those without a value for want of such cases."""
    return [each for each in findings if each.value is not None or each.note == SUPPRESSED]


def _by_limit(report: AuditReport) -> Table:
    limits: dict[tuple[str, str], dict[Verdict, list[_Set]]] = {}
    for each in _applicable(report.findings):
        row = limits.setdefault((each.title, limit_text(each, each.unit)), {})
        row.setdefault(each.verdict, []).append((each.axis, each.level))
    rows = tuple(
        (
            Cell(title, limit),
            *(Cell(_named(report, found.get(verdict, [])) or "none") for verdict in Verdict),
        )
        for (title, limit), found in limits.items()
    )
    columns = (
        Column("Limit"), Column("Meet it"), Column("Fail it"), Column("Not enough evidence"),
    )  # fmt: skip
    left = len(rows) - _MOST
    note = f"{count(left, 'further limit')} in the section on groups." if left > 0 else ""
    return Table("Sets of cases by verdict on each limit", columns, rows[:_MOST], note)


def _named(report: AuditReport, places: Sequence[_Set]) -> str:
    """Name sets of cases in one line, the levels of an axis together."""
    by_axis: dict[str, list[str]] = {}
    for axis, level in places:
        by_axis.setdefault(axis, []).append(level)
    crossed = {axis.name for axis in report.plan.axes if axis.of is not None}
    sizes: dict[str, set[str]] = {}
    for each in report.findings:
        sizes.setdefault(each.axis, set()).add(each.level)
    parts = []
    for axis, levels in by_axis.items():
        if axis == OVERALL:
            parts.append(ALL_CASES.lower())
        elif len(levels) == len(sizes[axis]) > 1:
            parts.append(f"every level of {words(axis).lower()}")
        elif axis in crossed or len(levels) > _MOST_LEVELS:
            parts.append(f"{len(levels)} of {len(sizes[axis])} levels of {words(axis).lower()}")
        else:
            parts.append(f"{words(axis).lower()} {', '.join(map(level_name, levels))}")
    return "; ".join(parts)


def _failing(findings: Sequence[AuditFinding]) -> tuple[Block, ...]:
    lines = [
        f"{group(each.axis, each.level)}: {each.title} {estimate_text(each)}, limit "
        f"{limit_text(each, each.unit)}, {count(each.n, 'case')}."
        for each in findings
        if each.verdict is Verdict.FAILS
    ]
    return (Heading(f"What fails ({len(lines)})"), Items(_shortened(lines))) if lines else ()


def _differences(report: AuditReport) -> tuple[Block, ...]:
    beyond = [
        f"{words(each.axis)}: {each.title} of {level_name(each.level)} differs from "
        f"{level_name(each.reference)} by {number(each.difference, '')} "
        f"({span(each.difference_low, each.difference_high, '')}), "
        f"margin {number(each.margin, '')}."
        for each in report.comparisons
        if each.verdict is Verdict.FAILS
    ]
    if not beyond:
        return ()
    heading = Heading(f"Differences between groups beyond their margin ({len(beyond)})")
    return heading, Items(_shortened(beyond))


def _worst(report: AuditReport) -> Table:
    """Return the worst level of any axis for each metric with a limit."""
    judged = {each.metric: each for each in report.findings}
    worst: dict[str, WorstLevel] = {}
    for each in report.worst:
        if each.metric not in judged or each.level is None or each.value is None:
            continue
        seen = worst.get(each.metric)
        sign = 1.0 if judged[each.metric].at_least is not None else -1.0
        if seen is None or sign * each.value < sign * (seen.value or 0.0):
            worst[each.metric] = each
    rows = tuple(
        (
            Cell(each.title), Cell(group(each.axis, each.level or "")),
            Cell(number(each.value, judged[key].unit)),
            Cell(span(each.low, each.high, judged[key].unit)),
        )
        for key, each in worst.items()
    )  # fmt: skip
    columns = (
        Column("Metric"), Column("Worst group"), Column("Estimate", "number"),
        Column("Interval", "number"),
    )  # fmt: skip
    title = "Worst group for each metric with a limit, of those with enough evidence"
    return Table(title, columns, rows[:_MOST])


def _trust(report: AuditReport) -> tuple[str, ...]:
    deviations = (
        f"{count(len(report.deviations), 'deviation')} from the plan, listed in the section on it."
        if report.deviations
        else "No deviation from the plan was recorded."
    )
    return (
        f"Plan: {report.registration.sentence}. Limits: {report.plan.source}.",
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
