"""Decision curve of an audit."""

from __future__ import annotations

from markupsafe import Markup

from triage.auditing.measurement import OVERALL, Analysis
from triage.charts.line_panel import Axis, draw_line, frame, legend, series, turned
from triage.charts.number_format import plain
from triage.charts.svg import Scale, picture, round_range, tag, text, ticks

_WIDTH, _HEIGHT, _LEFT, _TOP = 480.0, 280.0, 70.0, 14.0


def decision_chart(analysis: Analysis) -> Markup:
    """Draw the net benefit of the system and of referring everyone and no one, of all cases.

    Values far below zero are cut off: referring everyone falls without bound.

    Parameters
    ----------
    analysis : Analysis
        Of `decision_curve`, available.
    """
    curves = [curve for curve in analysis.curves if curve.axis == OVERALL]
    values = [point.y for curve in curves for point in curve.points if point.y is not None]
    most = max([*values, 0.01])
    own = [point.y for point in curves[0].points if point.y is not None]
    least = max(min([*values, 0.0]), min([-most / 2, *own]))
    low, high, step = round_range([least, most], within=(-1e9, 1.0))
    at = [point.x for point in curves[0].points]
    x = Axis(
        Scale(0.0, max(at), _LEFT, _LEFT + _WIDTH),
        ticks(0.0, max(at), 0.1 if max(at) > 0.25 else 0.05),
        lambda value: f"{100 * value:.0f}",
    )
    y = Axis(Scale(low, high, _TOP + _HEIGHT, _TOP), ticks(low, high, step), plain)
    marks = frame(x, y)
    entries = []
    for number, curve in enumerate(curves):
        marks += draw_line(curve, x.scale, y.scale, series(number))
        entries.append((series(number), curve.name))
        if number == 0:
            marks += [
                tag("circle", cx=x.scale(point.x), cy=y.scale(point.y), r=3.5, class_="dot")
                for point in curve.points
                if point.y is not None
            ]
    base = _TOP + _HEIGHT
    marks.append(text(_LEFT + _WIDTH / 2, base + 40, f"{analysis.x_title}, %", "muted", "middle"))
    marks.append(turned(16, _TOP + _HEIGHT / 2, analysis.y_title))
    drawn, tall = legend(entries, _LEFT, base + 66, _WIDTH)
    return picture(
        "decision-curve",
        "Decision curve",
        "Net benefit of the system at each threshold probability, of referring every case as "
        "urgent and of referring none; the highest line is the best choice at a threshold.",
        _LEFT + _WIDTH + 16,
        base + 62 + tall,
        *marks,
        *drawn,
    )
