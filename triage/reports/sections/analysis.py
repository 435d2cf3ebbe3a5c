"""Analyses beyond the table of metrics, as blocks."""

from __future__ import annotations

from triage.auditing.analyses.reliability import P_URGENT
from triage.auditing.measurement import OVERALL, Analysis, NamedNumber
from triage.reports.audit_report import AuditReport
from triage.reports.charts.analysis_charts import analysis_charts
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
from triage.reports.names import group
from triage.reports.sections.cells import number_cells

MOST_ROWS = 24
"""With more numbers than this only those of all cases are shown."""
LEAST_CASES = 30
"""Labelled cases of a group whose curve is drawn."""
_IN_PANELS = ("reliability", "ood")
"""Analyses with a small panel for each group."""
_SIDE_BY_SIDE = {
    "cost_sensitivity": {
        "mean_cost": "Mean cost",
        "cost_difference": "System less this policy",
        "break_even": "Break-even factor on under-triage prices",
    },
    "equalised_odds": {
        "equalised_odds_difference": "Largest gap between levels",
        "equalised_odds_to_overall": "Largest gap to all cases",
        "equalised_odds_by_chance": "Mean gap by chance",
        "equalised_odds_p": "p of the gap",
    },
}
"""Headings of numbers that stand in one row of a group, by analysis and key."""
_NOT_PRINTED = ("tornado_low", "tornado_high")
"""Numbers that a chart shows, and that are in the CSV file."""


def analyses(report: AuditReport, *keys: str) -> tuple[Block, ...]:
    """Return the blocks of some analyses, in the order of the keys; absent ones are left out."""
    found = {each.key: each for each in report.analyses}
    return tuple(
        block
        for key in keys
        if key in found
        for block in analysis_blocks(_with_drawn_curves(report, found[key]))
    )


def _with_drawn_curves(report: AuditReport, analysis: Analysis) -> Analysis:
    """Leave out the curves that would be too small to be read, and say so."""
    if analysis.key not in _IN_PANELS:
        return analysis
    crossed = {axis.name for axis in report.plan.axes if axis.of is not None}
    large = {
        (each.axis, each.level)
        for each in report.levels
        if each.axis not in crossed and (each.n_labelled or 0) >= LEAST_CASES
    }
    curves = [
        curve
        for curve in analysis.curves
        if curve.axis == OVERALL or ((curve.axis, curve.level) in large and curve.name != P_URGENT)
    ]
    if len(curves) == len(analysis.curves):
        return analysis
    note = (
        f"Groups with fewer than {LEAST_CASES} labelled cases and intersections are not drawn, and "
        f"of the {P_URGENT} only the curve of all cases; report.json has all curves."
        if analysis.key == "reliability"
        else f"Groups with fewer than {LEAST_CASES} labelled cases and intersections are not "
        "drawn; report.json has all curves."
    )
    return analysis.model_copy(update={"curves": curves, "notes": [*analysis.notes, note]})


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
    shown = [each for each in analysis.numbers if each.key not in _NOT_PRINTED]
    if len(shown) > MOST_ROWS and any(each.axis == OVERALL for each in shown):
        shown = [each for each in shown if each.axis == OVERALL]
    left = len(analysis.numbers) - len(shown)
    note = f"{left} further numbers are in tables/{analysis.key}.csv." if left else ""
    if analysis.key in _SIDE_BY_SIDE:
        return _side_by_side(analysis, shown, note)
    columns = (
        Column("Group"), Column("Number"), Column("Value", "number"), Column("Interval", "number"),
        Column("n", "number"), Column("Method and notes"),
    )  # fmt: skip
    rows = tuple(_row(each) for each in shown)
    return Table(f"{analysis.title}: numbers", columns, rows, note, analysis.key)


def _side_by_side(analysis: Analysis, shown: list[NamedNumber], note: str) -> Table:
    """Return a table with one row a group; methods and notes are in the CSV file."""
    headings = _SIDE_BY_SIDE[analysis.key]
    found = {(each.axis, each.level, each.key): each for each in shown}
    places = dict.fromkeys((each.axis, each.level) for each in shown)
    rows = tuple(
        (Cell(group(*place)), *(_with_interval(found.get((*place, key))) for key in headings))
        for place in places
    )
    columns = (Column("Group"), *(Column(title, "number") for title in headings.values()))
    return Table(f"{analysis.title}: numbers", columns, rows, note)


def _with_interval(found: NamedNumber | None) -> Cell:
    if found is None:
        return Cell("")
    value, interval, _ = number_cells(found)
    if found.value is None:
        reason = found.note.removeprefix("none: ")
        return Cell("none" if reason != found.note else value.text, reason, weak=True)
    return Cell(value.text, interval.text if found.low is not None else "", value=found.value)


def _row(found: NamedNumber) -> tuple[Cell, ...]:
    method = "" if found.interval == "none" else found.interval
    notes = "; ".join(part for part in (method, found.note) if part)
    return (
        Cell(group(found.axis, found.level)), Cell(found.title), *number_cells(found), Cell(notes),
    )  # fmt: skip
