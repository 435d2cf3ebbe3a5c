"""Reliability diagram: accuracy against confidence."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from triage.charts.svg import Scale, line, picture, rect, tag, text, ticks
from triage.evaluation.results import ReliabilityBin

_SIZE, _LEFT, _TOP, _BARS = 330.0, 58.0, 14.0, 62.0


def reliability_diagram(
    bins: Sequence[ReliabilityBin],
    *,
    key: str = "reliability",
    title: str = "Reliability diagram",
) -> Markup:
    """Draw accuracy against confidence by bin, with intervals, above the count of cases.

    Parameters
    ----------
    bins : sequence of ReliabilityBin
        Of `Evaluation.reliability`.
    key, title : str
        Unique on the page; what is drawn.
    """
    x = Scale(0, 1, _LEFT, _LEFT + _SIZE)
    y = Scale(0, 1, _TOP + _SIZE, _TOP)
    base = _TOP + _SIZE + 40 + _BARS
    marks = []
    for value in ticks(0, 1, 0.2):
        marks.append(line(x(value), y(0), x(value), y(1), "grid"))
        marks.append(line(x(0), y(value), x(1), y(value), "grid"))
        percent = f"{100 * value:.0f}"
        marks.append(text(x(0) - 8, y(value) + 4, percent, "muted small", "end"))
        marks.append(text(x(value), y(0) + 18, percent, "muted small", "middle"))
    marks.append(line(x(0), y(0), x(1), y(1), "reference"))
    marks.append(_turned(14, y(0.5), "accuracy, %"))
    largest = max((b.count for b in bins), default=0) or 1
    for b in bins:
        if b.accuracy is None or b.confidence is None or b.low is None or b.high is None:
            continue
        here = x(b.confidence)
        marks.append(line(here, y(b.low), here, y(b.high), "whisker"))
        marks.append(tag("circle", cx=here, cy=y(b.accuracy), r=4.5, class_="dot"))
        tall = _BARS * b.count / largest
        wide = x(b.upper) - x(b.lower) - 2
        marks.append(rect(x(b.lower) + 1, base - tall, wide, tall, "bar soft"))
    marks.append(line(x(0), base, x(1), base, "axis"))
    marks.append(text(x(0) - 8, base - _BARS + 8, str(largest), "muted small", "end"))
    marks.append(_turned(14, base - _BARS / 2, "cases"))
    marks.append(text(x(0.5), base + 20, "confidence in the first condition, %", "muted", "middle"))
    return picture(
        key,
        title,
        "Accuracy of inliers against the confidence of the system in 15 bins, with 95 % intervals; "
        "on the dashed diagonal, confidence equals accuracy. Bars below count the cases.",
        _LEFT + _SIZE + 12,
        base + 30,
        *marks,
    )


def _turned(x: float, y: float, content: str) -> Markup:
    place = f"translate({x:.0f} {y:.0f}) rotate(-90)"
    return tag("text", content, transform=place, class_="muted", text_anchor="middle")
