"""Selective curves: risk of the answered cases, for several scores and for random order."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from triage.benchmark.results import Curve
from triage.charts.svg import Scale, line, path, picture, round_range, text, ticks

_WIDTH, _HEIGHT, _LEFT, _TOP, _LEGEND = 460.0, 320.0, 58.0, 34.0, 22.0
LOOKS = ("curve", "curve second", "curve third", "curve chance")
"""Line styles, which differ in dashes as well as in colour; the last is the control's."""


def selective_curves(curves: Sequence[tuple[str, Curve]]) -> Markup:
    """Draw mean risk over draws against coverage.

    Parameters
    ----------
    curves : sequence of (name, Curve)
        The control last.
    """
    looks = [*LOOKS[: len(curves) - 1], LOOKS[-1]]
    risks = [risk for _, curve in curves for risk in curve.risk]
    _, high, step = round_range([0.0, *risks], within=(0.0, 1.0))
    x = Scale(0, 1, _LEFT, _LEFT + _WIDTH)
    y = Scale(0, high, _TOP + _HEIGHT, _TOP)
    marks = [text(_LEFT - 40, 16, "risk among answered cases, %", "muted")]
    for value in ticks(0, 1, 0.2):
        marks.append(text(x(value), y(0) + 18, f"{100 * value:.0f}", "muted small", "middle"))
    for value in ticks(0, high, step):
        marks.append(line(x(0), y(value), x(1), y(value), "grid"))
        marks.append(text(x(0) - 8, y(value) + 4, f"{100 * value:g}", "muted small", "end"))
    marks.append(line(x(0), y(0), x(1), y(0), "axis"))
    marks.append(text(x(0.5), y(0) + 40, "coverage: cases answered, %", "muted", "middle"))
    legend = y(0) + 66
    for index, ((name, curve), look) in enumerate(zip(curves, looks, strict=True)):
        points = [(x(c), y(r)) for c, r in zip(curve.coverage, curve.risk, strict=True)]
        marks.append(path(points, look))
        row = legend + _LEGEND * index
        marks.append(path([(_LEFT, row - 4), (_LEFT + 34, row - 4)], look))
        marks.append(text(_LEFT + 44, row, name))
    return picture(
        "selective",
        "Selective prediction",
        "Share of wrong answers among the cases answered, mean over draws, as more cases are "
        "answered in order of each score; random referral is the flat control.",
        _LEFT + _WIDTH + 16,
        legend + _LEGEND * len(curves),
        *marks,
    )
