"""Small panels of curves, one for each level of the axes of an audit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from triage.auditing.measurement import OVERALL, Analysis, Curve
from triage.charts.svg import Scale, line, path, picture, round_range, tag, text, ticks
from triage.reports.charts.line_panel import Axis, draw_line, frame, legend, turned
from triage.reports.names import group

MOST_PANELS = 24
_COLUMNS, _SIZE, _GAP, _LEFT, _TOP, _TITLE = 4, 150.0, 20.0, 56.0, 8.0, 24.0
_LONGEST = 24


@dataclass(frozen=True)
class _Look:
    """How the panels of a chart are drawn."""

    key: str
    title: str
    description: str
    y_high: float
    y_step: float
    diagonal: bool
    overall: Curve | None


def reliability_panels(analysis: Analysis, name: str) -> Markup:
    """Draw the reliability curve of one kind for all cases and each level.

    Parameters
    ----------
    analysis : Analysis
        Of `reliability`, available.
    name : str
        Of the curves, such as "confidence".
    """
    curves = [curve for curve in analysis.curves if curve.name == name]
    look = _Look(
        key=f"reliability-{name.split()[0]}",
        title=f"Reliability of the {name}",
        description="Observed share against predicted probability in each group, with Wilson's "
        "intervals; on the dashed diagonal both are equal.",
        y_high=1.0,
        y_step=0.5,
        diagonal=True,
        overall=None,
    )
    return _panels(curves, look, f"{name}, %", f"{analysis.y_title}, %")


def coverage_risk_panels(analysis: Analysis) -> Markup:
    """Draw risk against coverage for all cases and each level, that of all cases behind each.

    Parameters
    ----------
    analysis : Analysis
        Of `ood`, available.
    """
    curves = analysis.curves
    seen = [point.y for curve in curves for point in curve.points if point.y is not None]
    ends = [point.high for curve in curves for point in curve.points if point.high is not None]
    # An interval of a few cases may reach 1: it does not set the range.
    top = min(max([*seen, *ends]), 1.5 * max(seen))
    _, high, step = round_range([0.0, top], within=(0.0, 1.0))
    look = _Look(
        key="coverage-risk-levels",
        title="Risk against coverage by group",
        description="Share of wrong answers among the cases answered, as more cases are answered "
        "in order of their OOD score, in each group; the dashed line is that of all cases.",
        y_high=high,
        y_step=step,
        diagonal=False,
        overall=next((curve for curve in curves if curve.axis == OVERALL), None),
    )
    return _panels(curves, look, "coverage, %", "risk, %")


def _panels(curves: Sequence[Curve], look: _Look, x_title: str, y_title: str) -> Markup:
    shown = curves[:MOST_PANELS]
    rows = -(-len(shown) // _COLUMNS)
    columns = min(len(shown), _COLUMNS)
    pitch = _SIZE + _TITLE + _GAP
    marks = []
    for number, curve in enumerate(shown):
        row, column = divmod(number, _COLUMNS)
        left = _LEFT + column * (_SIZE + _GAP)
        top = _TOP + row * pitch + _TITLE
        lowest = number + _COLUMNS >= len(shown)
        marks.append(_panel(curve, look, left, top, first=column == 0, lowest=lowest))
    width = columns * (_SIZE + _GAP) - _GAP
    base = _TOP + rows * pitch
    marks.append(text(_LEFT + width / 2, base + 22, x_title, "muted", "middle"))
    marks.append(turned(14, _TOP + (rows * pitch - _GAP) / 2, y_title))
    entries = [("curve", "this group")] if look.overall else []
    if look.overall:
        entries.append(("reference", "all cases"))
    drawn, tall = legend(entries, _LEFT, base + 46, width) if entries else ([], 0.0)
    marks += drawn
    if len(curves) > len(shown):
        left_out = f"{len(curves) - len(shown)} more groups are not drawn"
        marks.append(text(_LEFT, base + 46 + tall, left_out, "muted small"))
        tall += 20
    return picture(
        look.key,
        look.title,
        look.description,
        _LEFT + max(width, 300.0) + 14,
        base + 34 + tall,
        *marks,
    )


def _panel(
    curve: Curve, look: _Look, left: float, top: float, *, first: bool, lowest: bool
) -> Markup:
    x = Axis(Scale(0.0, 1.0, left, left + _SIZE), (0.0, 0.5, 1.0), _percent)
    y = Axis(
        Scale(0.0, look.y_high, top + _SIZE, top), ticks(0.0, look.y_high, look.y_step), _percent
    )
    name = group(curve.axis, curve.level)
    short = name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
    marks = [text(left, top - 8, short, "strong small"), *frame(x, y, labels=False)]
    for value in y.ticks if first else ():
        marks.append(text(left - 8, y.scale(value) + 4, _percent(value), "muted small", "end"))
    for value, anchor in zip(x.ticks, ("start", "middle", "end"), strict=True) if lowest else ():
        place = x.scale(value)
        marks.append(text(place, top + _SIZE + 18, _percent(value), "muted small", anchor))
    if look.diagonal:
        marks.append(line(x.scale(0), y.scale(0), x.scale(1), y.scale(1), "reference"))
        marks += _points(curve, x.scale, y.scale)
        return tag("g", *marks)
    band = [point for point in curve.points if point.low is not None and point.high is not None]
    if len(band) > 1:
        upper = [(x.scale(point.x), y.scale(float(point.high or 0))) for point in band]
        lower = [(x.scale(point.x), y.scale(float(point.low or 0))) for point in reversed(band)]
        marks.append(path(upper + lower, "band", closed=True))
    if look.overall is not None and curve.axis != OVERALL:
        marks += draw_line(look.overall, x.scale, y.scale, "reference")
    marks += draw_line(curve, x.scale, y.scale, "curve")
    return tag("g", *marks)


def _points(curve: Curve, x: Scale, y: Scale) -> list[Markup]:
    marks = []
    for point in curve.points:
        if point.y is None or point.low is None or point.high is None:
            continue
        here = x(point.x)
        marks.append(line(here, y(point.low), here, y(point.high), "whisker"))
        marks.append(tag("circle", cx=here, cy=y(point.y), r=3.2, class_="dot"))
    return marks


def _percent(value: float) -> str:
    return f"{round(100 * value, 1):g}"
