"""Two audits compared, as sections of a document."""

from __future__ import annotations

from triage.auditing.comparison_result import AuditComparison, MetricChange
from triage.auditing.measurement import OVERALL
from triage.charts.number_format import MISSING, number, p_value, span
from triage.reports.document import (
    Block,
    Cell,
    Column,
    Facts,
    Items,
    Paragraph,
    Section,
    Table,
)
from triage.reports.names import group, words
from triage.reports.sections.cells import count, verdict_cell

CHANGES = "changes"
"""Name of the one CSV file that has the rows of every table of changes."""


def comparison_sections(found: AuditComparison) -> tuple[Section, ...]:
    """Return what is compared, the metrics of all cases, those of groups, and HEAL.

    Parameters
    ----------
    found : AuditComparison
    """
    return (
        _what(found),
        Section("overall", "All cases", (_changes(found, OVERALL),)),
        _groups(found),
        _heal(found),
    )


def _what(found: AuditComparison) -> Section:
    facts = Facts(
        (
            ("First", found.first),
            ("Second", found.second),
            ("Cases", found.kind),
            ("Cases compared", f"{found.n_first} and {found.n_second}"),
            ("Plan of the first, SHA-256", found.first_plan),
            ("Plan of the second, SHA-256", found.second_plan),
        )
    )
    lead = Paragraph(
        "Differences are the second less the first. P-values are those of no difference; metrics "
        "with a primary limit in the first plan are corrected by Holm's method, which the last "
        "column then names, all others by Benjamini and Hochberg's. Beside McNemar's test stand "
        "the cases with the property in the first only and in the second only.",
        "lead",
    )
    notes: tuple[Block, ...] = (Items(tuple(found.notes)),) if found.notes else ()
    return Section("compared", "What is compared", (lead, facts, *notes))


def _groups(found: AuditComparison) -> Section:
    axes = dict.fromkeys(each.axis for each in found.changes if each.axis != OVERALL)
    return Section(
        "groups", "Groups", tuple(_changes(found, axis) for axis in axes),
        unavailable="" if axes else "the two audits have no axis in common",
    )  # fmt: skip


def _changes(found: AuditComparison, axis: str) -> Table:
    columns = (
        Column("Group"), Column("Metric"), Column("First", "number"), Column("Second", "number"),
        Column("Difference", "number"), Column("p", "number"), Column("p, corrected", "number"),
        Column("Method"),
    )  # fmt: skip
    changes = [each for each in found.changes if each.axis == axis]
    rows = tuple(
        _row(each) for each in changes if each.first is not None or each.second is not None
    )
    title = "All cases" if axis == OVERALL else words(axis)
    left = len(changes) - len(rows)
    note = f"{count(left, 'row')} undefined in both left out here." if left else ""
    return Table(title, columns, rows, note, key=CHANGES)


def _row(each: MetricChange) -> tuple[Cell, ...]:
    unit = each.unit
    p_values = (Cell(p_value(p), weak=p is None, value=p) for p in (each.p_value, each.p_adjusted))
    return (
        Cell(group(each.axis, each.level)),
        Cell(each.title),
        Cell(number(each.first, unit), f"n = {each.n_first}", value=each.first),
        Cell(number(each.second, unit), f"n = {each.n_second}", value=each.second),
        Cell(
            number(each.difference, unit).replace("-", "−"),
            MISSING if each.low is None else span(each.low, each.high, unit).replace("-", "−"),
            weak=each.evidence == "not enough", value=each.difference,
        ),
        *p_values,
        Cell(_method(each)),
    )  # fmt: skip


def _method(each: MetricChange) -> str:
    found = [each.interval if each.interval != "none" else "no interval"]
    if each.test not in (each.interval, "none"):
        counts = "" if each.only_first is None else f" {each.only_first}, {each.only_second}"
        found.append(f"{each.test}{counts}")
    return "; ".join([*found, *(["Holm"] if each.primary else [])])


def _heal(found: AuditComparison) -> Section:
    title = "Health equity (HEAL) and the Pareto condition"
    if not found.heal:
        reason = "no axis of both audits has a burden and enough patients"
        return Section("heal", title, unavailable=reason)
    columns = (
        Column("Axis"), Column("Groups"), Column("First", "number"), Column("Second", "number"),
        Column("Pareto condition"), Column("Reason"), Column("Burden from"),
    )  # fmt: skip
    rows = tuple(
        (
            Cell(words(each.axis)), Cell(", ".join(each.groups)),
            Cell(number(each.first, "proportion"), value=each.first),
            Cell(number(each.second, "proportion"), value=each.second),
            verdict_cell(each.pareto), Cell(each.reason), Cell(each.source),
        )
        for each in found.heal
    )  # fmt: skip
    return Section("heal", title, (Table("HEAL by axis", columns, rows, key="heal"),))
