"""Forest plot: estimates and intervals of every subgroup, with the overall value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from markupsafe import Markup

from triage.charts.estimate_mark import estimate_mark
from triage.charts.number_format import ceiling, tick
from triage.charts.svg import Scale, line, picture, round_range, tag, text, ticks
from triage.evaluation.metrics.audit_registry import AUDIT_METRICS
from triage.evaluation.results import Estimate

_LABELS, _PANEL, _GAP, _VALUE = 226.0, 190.0, 26.0, 62.0
_ROW, _TOP = 23.0, 62.0


class PlottedLevel(Protocol):
    """The cases of one level of an axis, and the metrics on them."""

    @property
    def level(self) -> str:
        """Name of the level."""

    @property
    def n_cases(self) -> int:
        """Its number of cases."""

    @property
    def metrics(self) -> Mapping[str, Estimate]:
        """Estimates by key."""


class Plotted(Protocol):
    """What a forest plot reads of an `Evaluation`, or of an audit."""

    @property
    def n_cases(self) -> int:
        """Number of all cases."""

    @property
    def overall(self) -> Mapping[str, Estimate]:
        """Estimates of all cases by key."""

    @property
    def axes(self) -> Sequence[str]:
        """Subgroup axes."""

    def levels(self, axis: str) -> Sequence[PlottedLevel]:
        """Return the levels of one axis."""


def forest_plot(
    evaluation: Plotted, metrics: tuple[str, ...], limits: Mapping[str, float]
) -> Markup:
    """Draw one panel per metric over shared rows: overall, then each axis and level.

    Hollow, dashed marks are not enough evidence; the dashed line is the overall value,
    the solid one the limit, if the audit plan states any.

    Parameters
    ----------
    evaluation : Plotted
        Such as an `Evaluation`.
    metrics : tuple of str
        Keys of the panels.
    limits : mapping of str to float
        Limit by metric.
    """
    rows = _rows(evaluation)
    height = _TOP + _ROW * len(rows) + 30
    width = _LABELS + len(metrics) * (_PANEL + _VALUE + _GAP) - _GAP
    marks = [_row_label(kind, label, n, i) for i, (kind, label, n, _) in enumerate(rows)]
    for index, key in enumerate(metrics):
        left = _LABELS + index * (_PANEL + _VALUE + _GAP)
        found = [estimates.get(key) if estimates else None for *_, estimates in rows]
        marks.append(_panel(key, found, left, height, limits.get(key)))
    titles = ", ".join(_title(key) for key in metrics)
    return picture(
        "forest",
        f"Subgroups: {titles}",
        "Dots are estimates and bars 95 % intervals, one row a subgroup. The same numbers stand "
        "in the subgroup tables.",
        width,
        height,
        *marks,
    )


def _title(key: str) -> str:
    """Return the title of a metric; of a user's own, its key."""
    return AUDIT_METRICS[key].title if key in AUDIT_METRICS else key


def _rows(
    evaluation: Plotted,
) -> list[tuple[str, str, int | None, Mapping[str, Estimate] | None]]:
    rows: list[tuple[str, str, int | None, Mapping[str, Estimate] | None]]
    rows = [("overall", "All cases", evaluation.n_cases, evaluation.overall)]
    for axis in evaluation.axes:
        rows.append(("axis", axis, None, None))
        rows += [("level", x.level, x.n_cases, x.metrics) for x in evaluation.levels(axis)]
    return rows


def _row_label(kind: str, label: str, n: int | None, index: int) -> Markup:
    y = _TOP + _ROW * (index + 0.5) + 4
    shown = label if len(label) <= 22 else f"{label[:21]}…"
    indent = 14 if kind == "level" else 0
    marks = [text(indent, y, shown, "strong" if kind != "level" else "")]
    if n is not None:
        marks.append(text(_LABELS - 18, y, str(n), "muted number", "end"))
    return tag("g", *marks)


def _panel(
    key: str, found: list[Estimate | None], left: float, height: float, limit: float | None
) -> Markup:
    metric, bottom = AUDIT_METRICS.get(key), height - 30
    seen = [e for e in found if e is not None and e.value is not None]
    title = text(left, 18, _title(key), "strong")
    if not seen:
        return tag("g", title, text(left, 36, "undefined here", "muted"))
    solid = [e for e in seen if e.evidence == "enough"] or seen
    values = [v for e in solid for v in (e.low, e.value, e.high) if v is not None]
    low, high, step = round_range(
        values + ([limit] if limit is not None else []), within=(0.0, ceiling(seen[0].unit))
    )
    x = Scale(low, high, left, left + _PANEL)
    marks = [title]
    if metric is not None and metric.larger_is_better is not None:
        hint = "larger is better →" if metric.larger_is_better else "← smaller is better"
        marks.append(text(left, 36, hint, "muted small"))
    for value in ticks(low, high, step):
        marks.append(line(x(value), _TOP, x(value), bottom, "grid"))
        marks.append(
            text(x(value), bottom + 18, tick(value, seen[0].unit), "muted small", "middle")
        )
    overall = found[0]
    if overall is not None and overall.value is not None:
        marks.append(line(x(overall.value), _TOP, x(overall.value), bottom, "reference"))
    if limit is not None:
        marks.append(line(x(limit), _TOP - 6, x(limit), bottom, "limit"))
        marks.append(text(x(limit), _TOP - 10, "limit", "limit-text small", "middle"))
    marks += [
        estimate_mark(e, x, _TOP + _ROW * (i + 0.5), left + _PANEL + _VALUE, square=i == 0)
        for i, e in enumerate(found)
        if e is not None
    ]
    return tag("g", *marks)
