"""Abstention bars: share of cases without an AI opinion, for inliers and outliers."""

from __future__ import annotations

from markupsafe import Markup

from triage.charts.svg import Scale, line, picture, rect, tag, text, ticks
from triage.evaluation.results import Evaluation

_LABELS, _BARS, _COUNT, _ROW, _TOP = 190.0, 520.0, 80.0, 38.0, 46.0


def abstention_bars(evaluation: Evaluation) -> Markup:
    """Draw the abstention rate of each level: solid for inliers, hatched for outliers.

    Parameters
    ----------
    evaluation : Evaluation
    """
    x = Scale(0, 1, _LABELS, _LABELS + _BARS)
    marks, y = [_legend()], _TOP
    for axis in evaluation.axes:
        marks.append(text(0, y + 16, axis, "strong"))
        y += 26
        for level in evaluation.levels(axis):
            shown = level.level if len(level.level) <= 22 else f"{level.level[:21]}…"
            marks.append(text(14, y + 18, shown))
            pairs = (
                ("bar", level.inliers_abstained, level.inliers),
                ("bar hatched", level.outliers_abstained, level.outliers),
            )
            for index, (look, abstained, of) in enumerate(pairs):
                top = y + 2 + 14 * index
                end = x(abstained / of) if of else x(0)
                marks.append(rect(x(0), top, end - x(0), 11, look))
                counted = f"{abstained} of {of}" if of else "no case"
                marks.append(text(end + 8, top + 10, counted, "muted small number"))
            y += _ROW
    grid = [line(x(v), _TOP, x(v), y, "grid") for v in ticks(0, 1, 0.25)]
    labels = [
        text(x(v), y + 16, f"{100 * v:.0f} %", "muted small", "middle") for v in ticks(0, 1, 0.25)
    ]
    return picture(
        "abstention",
        "Abstention by subgroup",
        "Share of inliers (solid) and outliers (hatched) without an AI opinion in each subgroup, "
        "with counts.",
        _LABELS + _BARS + _COUNT,
        y + 26,
        _hatching(),
        *grid,
        *labels,
        *marks,
    )


def _legend() -> Markup:
    return tag(
        "g",
        rect(_LABELS, 8, 22, 11, "bar"),
        text(_LABELS + 30, 18, "inliers abstained on", "small"),
        rect(_LABELS + 190, 8, 22, 11, "bar hatched"),
        text(_LABELS + 220, 18, "outliers abstained on", "small"),
    )


def _hatching() -> Markup:
    stripe = tag("line", x1=0, y1=0, x2=0, y2=6, class_="hatch")
    pattern = tag(
        "pattern",
        stripe,
        id="hatching",
        width=5,
        height=6,
        patternUnits="userSpaceOnUse",
        patternTransform="rotate(45)",
    )
    return tag("defs", pattern)
