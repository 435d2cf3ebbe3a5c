"""Analyses beyond the table of metrics, as blocks."""

from __future__ import annotations

from collections.abc import Callable

from markupsafe import Markup

from triage.auditing.measurement import Analysis, NamedNumber
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

CHARTS: dict[str, Callable[[Analysis], Markup]] = {}
"""Chart of the curves or numbers of an analysis, by its key."""


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
    if analysis.key in CHARTS:
        blocks.append(Figure(CHARTS[analysis.key](analysis), analysis.title))
    if analysis.numbers:
        blocks.append(_numbers(analysis))
    if analysis.notes:
        blocks.append(Items(tuple(analysis.notes)))
    return tuple(blocks)


def _numbers(analysis: Analysis) -> Table:
    columns = (
        Column("Group"), Column("Number"), Column("Value", "number"), Column("Interval", "number"),
        Column("n", "number"), Column("Method and notes"),
    )  # fmt: skip
    rows = tuple(_row(each) for each in analysis.numbers)
    return Table(f"{analysis.title}: numbers", columns, rows, key=analysis.key)


def _row(found: NamedNumber) -> tuple[Cell, ...]:
    method = "" if found.interval == "none" else found.interval
    notes = "; ".join(part for part in (method, found.note) if part)
    return (
        Cell(group(found.axis, found.level)), Cell(found.title), *number_cells(found), Cell(notes),
    )  # fmt: skip
