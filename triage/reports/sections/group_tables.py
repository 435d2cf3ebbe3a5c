"""Tables of metrics by group: one row a level, a few metrics side by side."""

from __future__ import annotations

from collections.abc import Sequence

from triage.auditing.measured import AS_FOUND
from triage.auditing.measurement import ALL, OVERALL, AuditEstimate
from triage.charts.number_format import NO_INTERVAL
from triage.reports.audit_report import AuditReport
from triage.reports.document import Cell, Column, Table
from triage.reports.names import ALL_CASES, level_name, words
from triage.reports.sections.cells import UNDEFINED, count_cell, estimate_cell
from triage.vocabulary.verdicts import Verdict

_SIDE_BY_SIDE = 5
"""Metrics of one table, so that it fits a page of A4."""
OTHER_METRICS = "Every metric of every group is in tables/estimates.csv and report.json."
_GRAVEST_FIRST = (Verdict.FAILS, Verdict.NOT_ENOUGH, Verdict.MEETS)


def levels_by_axis(report: AuditReport) -> dict[str, list[str]]:
    """Return the levels of each axis in the order of the estimates, without that of all cases."""
    found: dict[str, dict[str, None]] = {}
    for each in report.estimates:
        if each.axis != OVERALL:
            found.setdefault(each.axis, {})[each.level] = None
    return {axis: list(levels) for axis, levels in found.items()}


def metrics_of(report: AuditReport) -> dict[str, AuditEstimate]:
    """Return one estimate of each metric, in the order of the report."""
    found: dict[str, AuditEstimate] = {}
    for each in report.estimates:
        found.setdefault(each.metric, each)
    return found


def axis_tables(report: AuditReport, axis: str, metrics: Sequence[str]) -> tuple[Table, ...]:
    """Return the tables of an axis; all cases are the first row of each.

    Parameters
    ----------
    report : AuditReport
    axis : str
        "overall" for tables of all cases only.
    metrics : sequence of str
        Keys, in the order of columns; metrics that were not measured are left out.
    """
    levels = levels_by_axis(report).get(axis, [])
    places = [(OVERALL, ALL), *((axis, level) for level in levels)]
    estimates, verdicts = estimates_of(report), verdicts_of(report)
    sizes = {(OVERALL, ALL): report.n_cases}
    sizes |= {(each.axis, each.level): each.n_cases for each in report.levels}
    known = metrics_of(report)
    parts = _parts([key for key in metrics if key in known])
    tables = []
    for number, keys in enumerate(parts, 1):
        rows = [
            (
                Cell(ALL_CASES if place[0] == OVERALL else level_name(place[1])),
                count_cell(sizes.get(place)),
                *(
                    estimate_cell(estimates.get((*place, k)), verdicts.get((*place, k)))
                    for k in keys
                ),
            )
            for place in places
        ]
        columns = (
            Column("Level"), Column("Cases", "number"),
            *(Column(known[key].title, "number") for key in keys),
        )  # fmt: skip
        which = f", {number} of {len(parts)}" if len(parts) > 1 else ""
        title = f"{words(axis)}: metrics by level{which}"
        shown = [estimates.get((*place, key)) for key in keys for place in places]
        note = " ".join(each for each in (_why(rows), _as_found(shown)) if each)
        tables.append(Table(title, columns, tuple(rows), note))
    return tuple(tables)


def _why(rows: Sequence[Sequence[Cell]]) -> str:
    """Say once why estimates of a table are undefined or have no interval."""
    cells = [cell for row in rows for cell in row]
    reasons = []
    if any(cell.text == UNDEFINED for cell in cells):
        reasons.append(f"{UNDEFINED}: no case of a kind that the metric needs.")
    if any(cell.detail == NO_INTERVAL for cell in cells):
        reasons.append(f"{NO_INTERVAL}: too few patients of a kind that the metric needs.")
    return " ".join(reasons)


def _as_found(shown: Sequence[AuditEstimate | None]) -> str:
    """Say which estimates are not of the plan's share of outliers."""
    levels: dict[str, list[str]] = {}
    for each in shown:
        if each is not None and AS_FOUND in each.note:
            name = ALL_CASES if each.axis == OVERALL else level_name(each.level)
            levels.setdefault(each.title, []).append(name)
    named = "; ".join(f"{title} of {', '.join(names)}" for title, names in levels.items())
    return f"{named}: {AS_FOUND}." if named else ""


def _parts(keys: list[str]) -> list[list[str]]:
    """Split metrics into tables of about equal width."""
    n_tables = -(-len(keys) // _SIDE_BY_SIDE)
    wide = -(-len(keys) // max(n_tables, 1))
    return [keys[first : first + wide] for first in range(0, len(keys), max(wide, 1))]


def estimates_of(report: AuditReport) -> dict[tuple[str, str, str], AuditEstimate]:
    """Return the estimates by axis, level and metric."""
    return {(each.axis, each.level, each.metric): each for each in report.estimates}


def verdicts_of(report: AuditReport) -> dict[tuple[str, str, str], Verdict]:
    """Return the gravest verdict by axis, level and metric."""
    found: dict[tuple[str, str, str], Verdict] = {}
    for each in report.findings:
        place = (each.axis, each.level, each.metric)
        found[place] = min(found.get(place, each.verdict), each.verdict, key=_GRAVEST_FIRST.index)
    return found
