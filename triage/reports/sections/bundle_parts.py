"""Blocks that several sections of a bundle's report are made of."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from triage.charts.number_format import MISSING, interval, number, span
from triage.charts.standalone import standalone
from triage.evaluation.results import Estimate
from triage.reports.document import Cell, Column, Figure, Table
from triage.reports.sections.cells import count_cell


def estimate_cell(found: Estimate, unit: str = "") -> Cell:
    """Return an estimate above its interval, or what is said where evidence is lacking.

    Parameters
    ----------
    found : Estimate
    unit : str
        Another unit than its own, for the text.
    """
    if found.value is None:
        return Cell("undefined", weak=True)
    shown = number(found.value, unit or found.unit)
    if found.evidence == "not enough":
        return Cell(shown, detail="not enough evidence", weak=True, value=found.value)
    return Cell(shown, detail=interval(found, unit), value=found.value)


def share_cell(value: float | None, low: float | None = None, high: float | None = None) -> Cell:
    """Return a proportion, above its interval where there is one."""
    if value is None:
        return Cell(MISSING, weak=True)
    detail = "" if low is None else span(low, high, "proportion")
    return Cell(number(value, "proportion"), detail=detail, value=value)


def count_table(title: str, first: str, second: str, counts: Mapping[str, int], key: str) -> Table:
    """Return a table of names with their counts."""
    rows = tuple((Cell(name), count_cell(count)) for name, count in counts.items())
    return Table(title, (Column(first), Column(second, "number")), rows, key=key)


def figure(picture: Markup, title: str, caption: str) -> Figure:
    """Return a chart of `triage.charts` as a figure that is complete by itself."""
    return Figure(Markup(standalone(picture).svg), title, caption)
