"""The counts in an audit report as cells, and the sums between them that a reader can know.

Sums are found in the numbers themselves: wherever the levels of an axis add up to all cases, or one
count is the sum of two others in every set of cases, that is taken for a known sum. So every sum
that holds by definition is found, also between metrics that a user defined; a sum that holds by
chance only withholds more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import permutations
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from triage.auditing.measurement import ALL, OVERALL, AuditEstimate, LevelSummary, NamedNumber
from triage.reports.audit_report import AuditReport
from triage.reports.cell_protection import Cells, Rule, Sum, is_small

Scope = tuple[str, str]
"""Axis and level."""
SIZES = ("n_cases", "n_patients", "n_labelled", "n_outliers", "n_urgent", "n_abstained")
Kind = Literal["n", "n_patients", "positive", "negative"]
Quantity = str | tuple[str, Kind]
"""A size of a set of cases, or a count of a metric."""

NO_COUNTS = ("ece", "ece_equal_mass", "classwise_ece", "adaptive_ece")
"""Metrics whose unit is a proportion, but that are no count divided by another."""
_EVERYTHING: Scope = (OVERALL, ALL)
_WORTH_OF_ALL_CASES = 1000
_TOLERANCE = 1e-6


def counts(found: AuditEstimate | NamedNumber, smallest_cost: float) -> dict[Kind, float]:
    """Return the counts that a number shows or that follow from its value.

    Of a proportion without `n_positive` they are value x n and its rest; of a mean cost, the most
    cases that can have had a cost.
    """
    name = found.metric if isinstance(found, AuditEstimate) else found.key
    positive = found.n_positive if isinstance(found, AuditEstimate) else None
    shown: dict[Kind, float] = {}
    if found.n is not None:
        shown["n"] = found.n
    if found.n_patients is not None:
        shown["n_patients"] = found.n_patients
    if found.value is not None and found.unit == "count":
        return shown | {"positive": abs(found.value)}
    if found.n is None or found.value is None:
        return shown
    if positive is not None:
        shown["positive"] = positive
    elif found.unit == "proportion" and name not in NO_COUNTS:
        shown["positive"] = abs(found.value) * found.n
    elif found.unit.startswith("cost"):
        return shown | {"positive": found.value * found.n / smallest_cost}
    if "positive" in shown:
        shown["negative"] = found.n - shown["positive"]
    return shown


class ReportCells(NamedTuple):
    """Cells of a report, and which of them each count of each set of cases is."""

    cells: Cells
    place: dict[tuple[Quantity, Scope], int]


def report_cells(report: AuditReport, smallest_cost: float) -> ReportCells:
    """Collect the counts of a report, the sums between them, and what is withheld together.

    Parameters
    ----------
    report : AuditReport
    smallest_cost : float
        Smallest cost above zero that a case can have.
    """
    table = _table(report, smallest_cost)
    scopes = list(dict.fromkeys(scope for column in table.values() for scope in column))
    grid = _Grid(scopes, table)
    _sums_in_scopes(grid)
    _sums_of_levels(grid, report)
    _sums_of_properties(grid, report)
    rules = [*_estimate_rules(grid, report), *_intersection_rules(grid, report)]
    cells = Cells(
        values=np.array(grid.values),
        printed=np.array(grid.printed),
        guarded=np.array(grid.guarded),
        weights=_weights(grid),
        sums=grid.sums,
        rules=rules,
    )
    return ReportCells(cells, grid.place())


def _table(report: AuditReport, smallest_cost: float) -> dict[Quantity, dict[Scope, float]]:
    table: dict[Quantity, dict[Scope, float]] = {}
    for level in (report, *report.levels):
        scope = (level.axis, level.level) if isinstance(level, LevelSummary) else _EVERYTHING
        for name in SIZES:
            size = getattr(level, name, None)
            if size is not None:
                table.setdefault(name, {})[scope] = size
    for each in (*report.estimates, *report.findings):
        for kind, count in counts(each, smallest_cost).items():
            table.setdefault((each.metric, kind), {})[each.axis, each.level] = count
    for analysis in report.analyses:
        for number in analysis.numbers:
            for kind, count in counts(number, smallest_cost).items():
                name = f"{analysis.key}.{number.key}"
                table.setdefault((name, kind), {})[number.axis, number.level] = count
    return table


class _Grid:
    """Cells of a report while they are collected: one for each class of equal counts and scope.

    Counts that are equal in every set of cases are one class, such as the cases of a level and
    those that its accuracy is taken of. Cells that are not printed come after the classes.
    """

    def __init__(self, scopes: list[Scope], table: dict[Quantity, dict[Scope, float]]) -> None:
        self.scopes = scopes
        self.number = {scope: i for i, scope in enumerate(scopes)}
        self.class_of: dict[Quantity, int] = {}
        rows: dict[tuple[float | None, ...], int] = {}
        for quantity, column in table.items():
            key = tuple(round(column[s], 6) if s in column else None for s in scopes)
            self.class_of[quantity] = rows.setdefault(key, len(rows))
        self.matrix = np.array(list(rows), dtype=np.float64)
        self.values: list[float] = self.matrix.ravel().tolist()
        self.printed: list[bool] = (~np.isnan(self.matrix)).ravel().tolist()
        self.guarded = [True] * len(self.values)
        self.sums: list[Sum] = []

    def cell(self, of_class: int, scope: Scope) -> int | None:
        """The cell of a class in a scope, None where there is none."""
        number = self.number.get(scope)
        if number is None or np.isnan(self.matrix[of_class, number]):
            return None
        return of_class * len(self.scopes) + number

    def cells(self, of_class: int, scopes: Iterable[Scope]) -> tuple[int, ...]:
        """The cells of a class in those of some scopes that have one."""
        found = (self.cell(of_class, scope) for scope in scopes)
        return tuple(cell for cell in found if cell is not None)

    def add_difference(self, whole: int, parts: tuple[int, ...]) -> None:
        """Protect what is left of a whole without some parts; no report prints it."""
        rest = self.values[whole] - sum(self.values[part] for part in parts)
        if rest > _TOLERANCE:
            self._append(whole, parts, rest, guarded=True)
        elif rest > -_TOLERANCE:
            self.sums.append(Sum(whole, parts))

    def add_order(self, larger: int, smaller: int) -> None:
        """Note that it is known which of two counts is not the smaller one."""
        self._append(larger, (smaller,), self.values[larger] - self.values[smaller], guarded=False)

    def _append(self, whole: int, parts: tuple[int, ...], rest: float, *, guarded: bool) -> None:
        self.sums.append(Sum(whole, (*parts, len(self.values))))
        self.values.append(rest)
        self.printed.append(False)
        self.guarded.append(guarded)

    def place(self) -> dict[tuple[Quantity, Scope], int]:
        """Cell of each count."""
        return {
            (quantity, scope): cell
            for quantity, of_class in self.class_of.items()
            for scope in self.scopes
            if (cell := self.cell(of_class, scope)) is not None
        }

    @property
    def sets(self) -> list[int]:
        """Classes that are numbers of cases, not of patients."""
        patients = "n_patients"
        return sorted({c for q, c in self.class_of.items() if patients not in (q, q[1])})

    @property
    def set_sizes(self) -> list[int]:
        """Classes that are sizes of sets of cases."""
        names = {*SIZES} - {"n_patients"}
        return sorted({c for q, c in self.class_of.items() if q in names or q[1] == "n"})


def _sums_in_scopes(grid: _Grid) -> None:
    """Find a = b + c among the classes, and protect differences of nested sets of cases."""
    known = list(_triples(grid.matrix))
    for whole, a, b in known:
        for scope in grid.scopes:
            found = grid.cells(whole, [scope]) + grid.cells(a, [scope]) + grid.cells(b, [scope])
            if len(found) == 3:
                grid.sums.append(Sum(found[0], (found[1], found[2])))
    pairs = {(whole, part) for whole, *parts in known for part in parts}
    for whole, part in permutations(grid.sets, 2):
        rest = grid.matrix[whole] - grid.matrix[part]
        if np.isnan(rest).all() or np.nanmin(rest) < 0:
            continue
        small = is_small(rest) & ~is_small(grid.matrix[whole]) & ((whole, part) not in pairs)
        # Differences that are not small tell those of the other levels of their axis.
        axes = {grid.scopes[number][0] for number in np.flatnonzero(small)}
        for number, scope in enumerate(grid.scopes):
            same = rest[number] == 0 < grid.matrix[whole, number]
            if same or (axes and scope[0] in axes | {OVERALL} and rest[number] > 0):
                larger, smaller = grid.cells(whole, [scope]) + grid.cells(part, [scope])
                grid.add_difference(larger, (smaller,))


def _triples(matrix: NDArray[np.float64]) -> Iterator[tuple[int, int, int]]:
    """Yield (whole, a, b) where whole = a + b wherever all three are known."""
    nonzero = np.flatnonzero(np.nanmax(matrix, axis=1, initial=0.0) > 0)
    a, b = (nonzero[each] for each in np.triu_indices(len(nonzero)))
    pairs = matrix[a] + matrix[b]
    for whole in nonzero:
        apart = np.abs(pairs - matrix[whole])
        fits = ((apart < _TOLERANCE) | np.isnan(apart)).all(axis=1) & ~np.isnan(apart).all(axis=1)
        yield from ((int(whole), int(a[i]), int(b[i])) for i in np.flatnonzero(fits))


def _levels(grid: _Grid, axis: str) -> list[Scope]:
    return [scope for scope in grid.scopes if scope[0] == axis]


def _sums_of_levels(grid: _Grid, report: AuditReport) -> None:
    """Add the sum over the levels of each axis, wherever levels add up to all cases."""
    crossed = {axis.name for axis in report.plan.axes if axis.of}
    for axis in {scope[0] for scope in grid.scopes} - crossed - {OVERALL}:
        for of_class in range(len(grid.matrix)):
            whole = grid.cell(of_class, _EVERYTHING)
            parts = grid.cells(of_class, _levels(grid, axis))
            if whole is None or not parts:
                continue
            if abs(sum(grid.values[part] for part in parts) - grid.values[whole]) < _TOLERANCE:
                grid.sums.append(Sum(whole, parts))
    for axis, reference in {(each.axis, each.reference) for each in report.comparisons}:
        # The level with most labelled cases is what others are compared with.
        (largest,) = grid.cells(grid.class_of["n_labelled"], [(axis, reference)]) or (None,)
        for cell in grid.cells(grid.class_of["n_labelled"], _levels(grid, axis)):
            if largest is not None and grid.values[cell] < grid.values[largest]:
                grid.add_order(largest, cell)


def _sums_of_properties(grid: _Grid, report: AuditReport) -> None:
    """Add the sums between axes that are properties of the condition, which the plan tells.

    A level such as an urgency is the sum of those conditions that have it. What is left of a level
    without the levels of another axis that lie within it is protected. A size of the set of all
    cases that equals a level's number of cases is taken for the same.
    """
    conditions: dict[Scope, set[str]] = {}
    for axis in report.plan.axes:
        for condition in report.plan.conditions if axis.property else ():
            stated = (
                condition.name
                if axis.property == "condition"
                else getattr(condition, axis.property or "")
            )
            if stated is not None:
                conditions.setdefault((axis.name, str(stated)), set()).add(condition.name)
    cases = grid.class_of["n_cases"]
    for outer, members in conditions.items():
        others = {scope[0] for scope in conditions} - {outer[0]}
        for other in others:
            inner = [s for s in conditions if s[0] == other and conditions[s] <= members]
            for of_class in range(len(grid.matrix)):
                whole, parts = grid.cell(of_class, outer), grid.cells(of_class, inner)
                if whole is not None and parts:
                    grid.add_difference(whole, parts)
        level = grid.cell(cases, outer)
        for of_class in grid.set_sizes:
            whole = grid.cell(of_class, _EVERYTHING)
            if whole is None or level is None or whole == level:
                continue
            if abs(grid.values[whole] - grid.values[level]) < _TOLERANCE:
                grid.sums.append(Sum(whole, (level,)))


def _estimate_rules(grid: _Grid, report: AuditReport) -> Iterator[Rule]:
    """The value of an estimate follows from its counts: it is shown with all of them or not."""
    for each in report.estimates:
        scope = (each.axis, each.level)
        found = {
            kind: grid.cell(grid.class_of[each.metric, kind], scope)
            for kind in ("n", "positive", "negative")
            if (each.metric, kind) in grid.class_of
        }
        of = tuple(cell for cell in found.values() if cell is not None)
        shown = tuple(
            cell for kind in ("positive", "negative") if (cell := found.get(kind)) is not None
        )
        if shown:
            yield Rule(of, shown)


def _intersection_rules(grid: _Grid, report: AuditReport) -> Iterator[Rule]:
    """A count is shown for a whole intersection or for none of it.

    It is shown if it is shown for all cases and for each level of both axes, too: no cell of the
    intersection is then small, and no sum over its rows or columns tells a withheld level.
    """
    for axis in report.plan.axes:
        for of_class in range(len(grid.matrix)) if axis.of else ():
            crossed = grid.cells(of_class, _levels(grid, axis.name))
            margins = [s for parent in axis.of or () for s in _levels(grid, parent)]
            if crossed:
                of = crossed + grid.cells(of_class, [_EVERYTHING, *margins])
                yield Rule(of, crossed)


def _weights(grid: _Grid) -> NDArray[np.float64]:
    """How many counts of the report are a cell; those of all cases are worth most."""
    weights = np.zeros(len(grid.values))
    for (_, scope), cell in grid.place().items():
        weights[cell] += _WORTH_OF_ALL_CASES if scope == _EVERYTHING else 1
    return weights
