"""A panel of lines over two axes, from which the charts of analyses are made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

from triage.auditing.measurement import Curve
from triage.charts.svg import Scale, line, path, tag, text

Format = Callable[[float], str]
SERIES = 5
"""Number of looks of lines, each of its own colour and dashes."""
_CHARACTER = 6.6


@dataclass(frozen=True)
class Axis:
    """An axis of a panel: its scale, where its ticks are, and how they are written."""

    scale: Scale
    ticks: Sequence[float]
    format: Format


def frame(x: Axis, y: Axis, *, grid: bool = True, labels: bool = True) -> list[Markup]:
    """Draw the ticks and the base line of a panel."""
    left, right = x.scale.start, x.scale.end
    base, top = y.scale.start, y.scale.end
    marks = []
    for value in y.ticks:
        if grid:
            marks.append(line(left, y.scale(value), right, y.scale(value), "grid"))
        if labels:
            marks.append(text(left - 8, y.scale(value) + 4, y.format(value), "muted small", "end"))
    for value in x.ticks:
        marks.append(line(x.scale(value), base, x.scale(value), base + 4, "axis"))
        if labels:
            here = x.scale(value)
            marks.append(text(here, base + 18, x.format(value), "muted small", "middle"))
    marks.append(line(left, base, right, base, "axis"))
    marks.append(line(left, base, left, top, "axis"))
    return marks


def series(number: int) -> str:
    """Class of a line by its number."""
    return f"series s{number % SERIES}"


def draw_line(curve: Curve, x: Scale, y: Scale, class_: str) -> list[Markup]:
    """Draw a curve; it is broken where a value is undefined or leaves the panel."""
    runs: list[list[tuple[float, float]]] = [[]]
    for one, other in pairwise(curve.points):
        piece = _clipped(one.x, one.y, other.x, other.y, y)
        if piece is None:
            runs.append([])
            continue
        start, end = ((x(a), y(b)) for a, b in piece)
        if not runs[-1] or runs[-1][-1] != start:
            runs.append([start])
        runs[-1].append(end)
    return [path(run, class_) for run in runs if len(run) > 1]


def _clipped(
    x1: float, y1: float | None, x2: float, y2: float | None, y: Scale
) -> tuple[tuple[float, float], tuple[float, float]] | None:
    """Part of a segment between the ends of the y axis."""
    if y1 is None or y2 is None or max(y1, y2) < y.low or min(y1, y2) > y.high:
        return None

    def inside(here: float, value: float) -> tuple[float, float]:
        bound = min(max(value, y.low), y.high)
        if bound == value:
            return here, value
        return x1 + (x2 - x1) * (bound - y1) / (y2 - y1), bound

    return inside(x1, y1), inside(x2, y2)


def legend(
    entries: Sequence[tuple[str, str]], left: float, top: float, width: float
) -> tuple[list[Markup], float]:
    """Draw samples of lines with their names, in rows; return them and their height.

    Parameters
    ----------
    entries : sequence of (str, str)
        Class of the line, name.
    """
    marks = []
    x, y = left, top
    for class_, name in entries:
        wide = 34 + _CHARACTER * len(name) + 18
        if x > left and x + wide > left + width:
            x, y = left, y + 20
        marks.append(line(x, y, x + 26, y, class_))
        marks.append(text(x + 33, y + 4, name, "small"))
        x += wide
    return marks, y - top + 20


def turned(x: float, y: float, content: str) -> Markup:
    """Return muted text that reads upwards, centred at a point."""
    place = f"translate({x:.0f} {y:.0f}) rotate(-90)"
    return tag("text", content, transform=place, class_="muted", text_anchor="middle")
