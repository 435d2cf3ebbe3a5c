"""Forest plot of an audit: estimates of every level of every axis, beside that of all cases."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from triage.auditing.measurement import ALL, OVERALL, AuditEstimate, AuditMeasurement
from triage.charts.estimate_mark import estimate_mark
from triage.charts.number_format import ceiling, tick
from triage.charts.svg import Scale, line, picture, round_range, tag, text, ticks
from triage.reports.names import level_name, words

_LABELS, _PANEL, _GAP, _VALUE = 236.0, 164.0, 26.0, 62.0
_ROW, _TOP, _BELOW = 21.0, 48.0, 28.0
_LONGEST = 24

_Rows = list[tuple[str, str, int | None, dict[str, AuditEstimate]]]


def level_forest(
    measured: AuditMeasurement, metrics: Sequence[str], axes: Sequence[str], key: str = "forest"
) -> Markup:
    """Draw one panel a metric over shared rows: all cases, then each axis and its levels.

    Hollow, dashed marks are not enough evidence; the dashed line is the value of all cases, the
    solid ones are the limits that findings were judged by. Where a metric has a limit the interval
    is that of the verdict, else Wilson's where there is one.

    Parameters
    ----------
    measured : AuditMeasurement
    metrics : sequence of str
        Keys of the panels; each has been measured.
    axes : sequence of str
    key : str
        Unique on the page.
    """
    rows = _rows(measured, axes)
    height = _TOP + _ROW * len(rows) + _BELOW
    marks = [text(_LABELS - 18, 18, "cases", "muted small", "end")]
    marks += [_label(row, _TOP + _ROW * (index + 0.5) + 4) for index, row in enumerate(rows)]
    titles = []
    for index, metric in enumerate(metrics):
        limits = sorted(
            {
                bound
                for each in measured.findings
                for bound in (each.at_least, each.at_most)
                if each.metric == metric and bound is not None
            }
        )
        found = [estimates.get(metric) for *_, estimates in rows]
        titles.append(next(each.title for each in found if each is not None))
        left = _LABELS + index * (_PANEL + _VALUE + _GAP)
        marks.append(_panel(found, limits, left, height - _BELOW))
    return picture(
        key,
        f"Groups: {', '.join(titles)}",
        "Dots are estimates and bars intervals, one row a group. The tables have the numbers.",
        _LABELS + len(metrics) * (_PANEL + _VALUE + _GAP) - _GAP,
        height,
        *marks,
    )


def _rows(measured: AuditMeasurement, axes: Sequence[str]) -> _Rows:
    found: dict[str, dict[str, dict[str, AuditEstimate]]] = {OVERALL: {ALL: {}}}
    for each in measured.estimates:
        found.setdefault(each.axis, {}).setdefault(each.level, {})[each.metric] = each
    sizes = {(each.axis, each.level): each.n_cases for each in measured.levels}
    rows: _Rows = [("overall", "All cases", measured.n_cases, found.pop(OVERALL)[ALL])]
    for axis, levels in found.items():
        if axis not in axes:
            continue
        rows.append(("axis", words(axis), None, {}))
        rows += [
            ("level", level_name(level), sizes.get((axis, level)), e) for level, e in levels.items()
        ]
    return rows


def _label(row: tuple[str, str, int | None, object], y: float) -> Markup:
    kind, name, n, _ = row
    shown = name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
    marks = [text(14 if kind == "level" else 0, y, shown, "" if kind == "level" else "strong")]
    if n is not None:
        marks.append(text(_LABELS - 18, y, str(n), "muted number", "end"))
    return tag("g", *marks)


def _panel(
    found: list[AuditEstimate | None], limits: list[float], left: float, bottom: float
) -> Markup:
    some = next(each for each in found if each is not None)
    title = text(left, 18, some.title, "strong")
    seen = [_drawn(each, bool(limits)) for each in found]
    valued = [each for each in seen if each is not None and each.value is not None]
    if not valued:
        return tag("g", title, text(left, 36, "undefined here", "muted"))
    solid = [each for each in valued if each.evidence == "enough"] or valued
    values = [v for e in solid for v in (e.low, e.value, e.high) if v is not None]
    lowest = float("-inf") if min(values) < 0 else 0.0
    low, high, step = round_range([*values, *limits], within=(lowest, ceiling(some.unit)))
    x = Scale(low, high, left, left + _PANEL)
    marks = [title]
    for value in ticks(low, high, step):
        marks.append(line(x(value), _TOP, x(value), bottom, "grid"))
        marks.append(text(x(value), bottom + 17, tick(value, some.unit), "muted small", "middle"))
    overall = seen[0]
    if overall is not None and overall.value is not None:
        marks.append(line(x(overall.value), _TOP, x(overall.value), bottom, "reference"))
    for limit in limits:
        marks.append(line(x(limit), _TOP - 4, x(limit), bottom, "limit"))
        marks.append(text(x(limit), _TOP - 8, "limit", "limit-text small", "middle"))
    marks += [
        estimate_mark(each, x, _TOP + _ROW * (i + 0.5), left + _PANEL + _VALUE, square=i == 0)
        for i, each in enumerate(seen)
        if each is not None
    ]
    return tag("g", *marks)


def _drawn(found: AuditEstimate | None, judged: bool) -> AuditEstimate | None:
    if found is None or judged or found.display_low is None:
        return found
    return found.model_copy(update={"low": found.display_low, "high": found.display_high})
