"""Chart of the curves of an analysis."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from triage.auditing.measurement import OVERALL, Analysis, Curve, CurvePoint
from triage.charts.number_format import plain
from triage.charts.svg import Scale, line, path, picture, rect, round_range, tag, text, ticks

_WIDTH, _HEIGHT, _LEFT, _TOP = 420.0, 260.0, 62.0, 16.0
_STYLES = ("curve", "curve second", "curve third")
_LONGEST = 34


def curve_chart(analysis: Analysis) -> Markup:
    """Draw the curves of all cases, with their intervals as bars, and their names beside them.

    Parameters
    ----------
    analysis : Analysis
        With at least one curve of all cases; at most three are drawn.
    """
    curves = [curve for curve in analysis.curves if curve.axis == OVERALL][: len(_STYLES)]
    points = [point for curve in curves for point in curve.points if point.y is not None]
    heights = [v for point in points for v in (point.low, point.y, point.high) if v is not None]
    left, right, x_step = _range([point.x for point in points])
    bottom, top, y_step = _range(heights)
    x = Scale(left, right, _LEFT, _LEFT + _WIDTH)
    y = Scale(bottom, top, _TOP + _HEIGHT, _TOP)
    marks = _axes(x, y, x_step, y_step)
    for curve, style in zip(curves, _STYLES, strict=False):
        marks += _curve(curve, style, x, y)
    for place, (curve, style) in enumerate(zip(curves, _STYLES, strict=False)):
        at = _TOP + 12 + 24 * place
        name = curve.name if len(curve.name) <= _LONGEST else f"{curve.name[: _LONGEST - 1]}…"
        start = _LEFT + _WIDTH + 24
        marks += [line(start, at, start + 26, at, style), text(start + 34, at + 4, name)]
    base = _TOP + _HEIGHT
    marks.append(text(_LEFT + _WIDTH / 2, base + 40, analysis.x_title, "muted", "middle"))
    place = f"translate(14 {_TOP + _HEIGHT / 2:.0f}) rotate(-90)"
    marks.append(
        tag("text", analysis.y_title, transform=place, class_="muted", text_anchor="middle")
    )
    names = ", ".join(curve.name for curve in curves)
    words = f"{analysis.y_title} by {analysis.x_title}: {names}."
    return picture(
        f"curves-{analysis.key}", analysis.title, words, _LEFT + _WIDTH + 290, base + 52, *marks
    )


def _range(values: Sequence[float]) -> tuple[float, float, float]:
    return round_range(list(values) or [0.0, 1.0], within=(float("-inf"), float("inf")))


def _axes(x: Scale, y: Scale, x_step: float, y_step: float) -> list[Markup]:
    marks = []
    for value in ticks(y.low, y.high, y_step):
        marks.append(line(x.start, y(value), x.end, y(value), "grid"))
        marks.append(text(x.start - 8, y(value) + 4, plain(value), "muted small", "end"))
    for value in ticks(x.low, x.high, x_step):
        marks.append(text(x(value), y.start + 18, plain(value), "muted small", "middle"))
    return [*marks, line(x.start, y.start, x.end, y.start, "axis")]


def _curve(curve: Curve, style: str, x: Scale, y: Scale) -> list[Markup]:
    drawn = [point for point in curve.points if point.y is not None]
    marks = [_bar(point, x, y) for point in drawn if point.low is not None]
    places = [(x(point.x), y(point.y)) for point in drawn if point.y is not None]
    if len(places) > 1:
        marks.append(path(places, style))
    return [*marks, *(rect(a - 2, b - 2, 4, 4, f"point {style}") for a, b in places)]


def _bar(point: CurvePoint, x: Scale, y: Scale) -> Markup:
    low, high = point.low or 0.0, point.high or 0.0
    return line(x(point.x), y(low), x(point.x), y(high), "whisker thin")
