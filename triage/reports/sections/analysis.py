"""Analyses beyond the table of metrics, as blocks."""

from __future__ import annotations

from triage.auditing.measurement import OVERALL, Analysis, NamedNumber
from triage.charts.analysis_charts import analysis_charts
from triage.reports.audit_report import AuditReport
from triage.reports.document import (
    Block,
    Cell,
    Column,
    Figure,
    Heading,
    Items,
    Paragraph,
    Table,
)
from triage.reports.sections.cells import group, number_cells

MOST_ROWS = 40
"""With more numbers than this only those of all cases are shown."""


def analyses(report: AuditReport, *keys: str) -> tuple[Block, ...]:
    """Return the blocks of some analyses, in the order of the keys; absent ones are left out."""
    found = {each.key: each for each in report.analyses}
    return tuple(block for key in keys if key in found for block in analysis_blocks(found[key]))


def analysis_blocks(analysis: Analysis) -> tuple[Block, ...]:
    """Return heading, chart, numbers and notes of one analysis, or why it is not available."""
    heading = Heading(analysis.title)
    if not analysis.available:
        return heading, Paragraph(f"not available: {analysis.reason}", "missing")
    blocks: list[Block] = [heading]
    blocks += [Figure(svg, title) for title, svg in analysis_charts(analysis)]
    if analysis.numbers:
        blocks.append(_numbers(analysis))
    if analysis.notes:
        blocks.append(Items(tuple(analysis.notes)))
    return tuple(blocks)


def _numbers(analysis: Analysis) -> Table:
    shown = analysis.numbers
    note = ""
    if len(shown) > MOST_ROWS and any(each.axis == OVERALL for each in shown):
        shown = [each for each in shown if each.axis == OVERALL]
        left = len(analysis.numbers) - len(shown)
        note = f"{left} numbers of groups are in tables/{analysis.key}.csv and report.json."
    columns = (
        Column("Group"), Column("Number"), Column("Value", "number"), Column("Interval", "number"),
        Column("n", "number"), Column("Method and notes"),
    )  # fmt: skip
    rows = tuple(_row(each) for each in shown)
    return Table(f"{analysis.title}: numbers", columns, rows, note, analysis.key)


def _row(found: NamedNumber) -> tuple[Cell, ...]:
    method = "" if found.interval == "none" else found.interval
    notes = "; ".join(part for part in (method, found.note) if part)
    return (
        Cell(group(found.axis, found.level)), Cell(found.title), *number_cells(found), Cell(notes),
    )  # fmt: skip
