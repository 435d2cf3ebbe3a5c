"""Control chart: what is watched over time, the statistic with its limit, and the cases behind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from markupsafe import Markup

from triage.charts.chart_values import (
    SHARE,
    axis_unit,
    percent_only,
    shown_interval,
    shown_tick,
    shown_value,
)
from triage.charts.svg import Scale, line, path, picture, rect, round_range, tag, text, ticks
from triage.monitoring.monitoring_result import ChartPoint, ChartSeries

MOST_POINTS = 120
"""So many are drawn, the newest; further ones would not be told apart."""
_LEFT, _WIDE, _RIGHT = 66.0, 620.0, 124.0
_TOP, _VALUES, _STATISTIC, _CASES, _BETWEEN = 62.0, 170.0, 90.0, 44.0, 30.0
_LONGEST_STEP = 4
"""A longer pause than so many usual steps between points is shortened to it, and named."""
_NUMBERED = 16
"""Up to so many points have their number of cases in figures; with more it is in bars."""
_LABEL_WIDTH = 84.0
_NEAR_ZERO = 0.5
"""The axis of shares begins with 0 where one of them is below this."""


@dataclass(frozen=True)
class _Place:
    """A point and where it stands."""

    x: float
    point: ChartPoint


def control_chart(series: ChartSeries, key: str) -> Markup:
    """Draw a chart of one stream: values, statistic where there is one, numbers of cases.

    Dots are values with their 95 % interval, hollow ones at the base have too few cases for one.
    A triangle is an alarm. The lines are broken where no case came.

    Parameters
    ----------
    series : ChartSeries
    key : str
        Unique on the page.

    Returns
    -------
    Markup
        An SVG picture; its description has the numbers in words.
    """
    points = series.points[-MOST_POINTS:]
    if not points:
        width = _LEFT + _WIDE + _RIGHT
        return picture(key, series.title, description(series), width, 30, _nothing(series))
    places = _places(points)
    marks: list[Markup] = []
    top = _TOP
    marks += _legend(points)
    base = top + _VALUES
    marks += _values(series, places, top, base)
    if any(one.statistic is not None for one in points):
        top, base = base + _BETWEEN, base + _BETWEEN + _STATISTIC
        marks += _statistic(series, places, top, base)
    marks += _alarm_lines(places, _TOP, base)
    top, base = base + _BETWEEN, base + _BETWEEN + _CASES
    marks += _cases(places, top, base)
    marks += _gaps(places, _TOP, base)
    marks += _dates(places, base)
    return picture(
        key, series.title, description(series), _LEFT + _WIDE + _RIGHT, base + 30, *marks
    )


def _nothing(series: ChartSeries) -> Markup:
    return text(0, 20, f"No point: {series.verdict.value}.", "muted")


def description(series: ChartSeries) -> str:
    """Return in words what the chart shows, for those who do not see it."""
    points = series.points
    if not points:
        return f"{series.verdict.value}: no point. {series.note}".strip()
    seen = [one for one in points if one.value is not None]
    parts = [
        f"{series.verdict.value}: {len(points)} points from {points[0].last_day:%Y-%m-%d} to "
        f"{points[-1].last_day:%Y-%m-%d}, {series.n_cases} cases."
    ]
    if series.baseline is not None:
        parts.append(f"Baseline {shown_value(series.baseline, series.unit)}.")
    if series.changed is not None:
        parts.append(f"Made to find {shown_value(series.changed, series.unit)}.")
    if seen:
        values = [one.value for one in seen if one.value is not None]
        low, high = min(values), max(values)
        parts.append(
            f"Values from {shown_interval(low, high, series.unit)}, "
            f"the last {shown_value(seen[-1].value, series.unit)} of {seen[-1].n_cases} cases."
        )
    if few := len(points) - len(seen):
        parts.append(f"Too few cases for a value at {few} of the points.")
    if alarms := [one for one in points if one.alarm]:
        days = ", ".join(f"{one.last_day:%Y-%m-%d}" for one in alarms[:5])
        more = f" and {len(alarms) - 5} more" if len(alarms) > 5 else ""
        parts.append(f"Beyond the limit on {days}{more}.")
    if gaps := sum(one.after_gap for one in points):
        parts.append(f"{gaps} {'gap' if gaps == 1 else 'gaps'} without cases.")
    if len(points) > MOST_POINTS:
        parts.append(f"The last {MOST_POINTS} points are drawn.")
    return " ".join(parts)


def _places(points: Sequence[ChartPoint]) -> list[_Place]:
    """Where the points stand: by time, with long pauses shortened."""
    steps = [(b.at - a.at).total_seconds() for a, b in pairwise(points)]
    usual = median([one for one in steps if one > 0] or [1.0])
    # Equal times, such as two windows that end with the same case, still need a place each.
    shortened = [min(max(one, usual / 2), _LONGEST_STEP * usual) for one in steps]
    at, positions = 0.0, [0.0]
    for step in shortened:
        at += step
        positions.append(at)
    margin = min(24.0, _WIDE / (2 * len(points)))
    if at == 0.0:
        return [_Place(_LEFT + _WIDE / 2, points[0])]
    scale = Scale(0.0, at, _LEFT + margin, _LEFT + _WIDE - margin)
    return [_Place(scale(each), point) for each, point in zip(positions, points, strict=True)]


def _is_gap(before: _Place, after: _Place, usual: float) -> bool:
    pause = (after.point.at - before.point.at).total_seconds()
    return after.point.after_gap or pause > _LONGEST_STEP * usual


def _gap_ends(places: Sequence[_Place]) -> list[tuple[_Place, _Place]]:
    """Return the points before and after each gap."""
    steps = [(b.point.at - a.point.at).total_seconds() for a, b in pairwise(places)]
    usual = median([one for one in steps if one > 0] or [1.0])
    return [(a, b) for a, b in pairwise(places) if _is_gap(a, b, usual)]


def _runs(
    places: Sequence[_Place], y: Scale, heights: Sequence[float | None]
) -> list[list[tuple[float, float]]]:
    """Unbroken parts of a line over the points."""
    breaks = {id(after) for _, after in _gap_ends(places)}
    runs: list[list[tuple[float, float]]] = [[]]
    for place, height in zip(places, heights, strict=True):
        if height is None or id(place) in breaks:
            runs.append([])
        if height is not None:
            runs[-1].append((place.x, y(height)))
    return [run for run in runs if len(run) > 1]


def _values(series: ChartSeries, places: Sequence[_Place], top: float, base: float) -> list[Markup]:
    points = [one.point for one in places]
    known = [v for p in points for v in (p.value, p.low, p.high) if v is not None]
    lines = _lines(series, points)
    known += [value for value, *_ in lines]
    known = known or [0.0, 1.0]
    share = series.unit == SHARE
    # Differences of shares are below 0, too.
    lowest = -1.0 if min(known) < 0 else 0.0
    within = (lowest, 1.0) if share else (_floor(known), float("inf"))
    low, high, step = round_range(
        [*known, 0.0] if share and min(known) < _NEAR_ZERO else known, within=within
    )
    y = Scale(low, high, base, top)
    marks = _axis(y, ticks(low, high, step), series.unit)
    marks.append(text(0, top - 12, axis_unit(series.unit) or "value", "muted small"))
    marks += [line(_LEFT, y(at), _LEFT + _WIDE, y(at), look) for at, look, *_ in lines]
    # The unit stands at the axis; a percent sign is short enough to be repeated.
    unit = percent_only(series.unit)
    marks += _beside(
        [(y(at), f"{name} {shown_value(at, unit)}", style) for at, _, name, style in lines]
    )
    heights = [one.value for one in points]
    marks += [path(run, "series s4") for run in _runs(places, y, heights)]
    small = 2.4 if len(points) > 45 else 3.6
    marks += [_dot(place, series.unit, y, small, base) for place in places]
    marks += [_triangle(p.x, top - 4) for p in places if p.point.alarm]
    return marks


def _lines(series: ChartSeries, points: Sequence[ChartPoint]) -> list[tuple[float, str, str, str]]:
    """Value, look, name and look of the name of the lines across the panel of values."""
    lines = [
        (series.baseline, "reference", "baseline", "muted small"),
        (series.changed, "series s1", "to find", "limit-text small"),
    ]
    if all(one.statistic is None for one in points):
        lines.append((series.limit, "limit", "limit", "limit-text small"))
    return [(value, look, name, style) for value, look, name, style in lines if value is not None]


def _floor(values: Sequence[float]) -> float:
    """Where an axis begins at the lowest: what is never below 0 has no negative part."""
    return 0.0 if min(values) >= 0 else float("-inf")


def _dot(place: _Place, unit: str, y: Scale, radius: float, base: float) -> Markup:
    point = place.point
    title = tag("title", _told(point, unit))
    if point.value is None:
        hollow = tag("circle", cx=place.x, cy=base - 5, r=max(radius, 2.8), class_="dot weak")
        return tag("g", title, hollow)
    marks = [title]
    if point.low is not None and point.high is not None:
        marks.append(line(place.x, y(point.low), place.x, y(point.high), "whisker"))
    marks.append(tag("circle", cx=place.x, cy=y(point.value), r=radius, class_="dot"))
    return tag("g", *marks)


def _told(point: ChartPoint, unit: str) -> str:
    """A point in words, shown where a pointer rests on it."""
    parts = [f"{point.last_day:%Y-%m-%d}: {shown_value(point.value, unit)}"]
    if point.value is None:
        parts = [f"{point.last_day:%Y-%m-%d}: too few cases for a value"]
    elif point.low is not None and point.high is not None:
        parts.append(f"95 % interval {shown_interval(point.low, point.high, unit)}")
    parts.append(f"n = {point.n_cases}")
    if point.statistic is not None:
        parts.append(f"statistic {shown_value(point.statistic, '')}")
    return ", ".join(parts) + (", alarm" if point.alarm else "")


def _triangle(x: float, y: float) -> Markup:
    return path([(x - 6.5, y - 11), (x + 6.5, y - 11), (x, y)], "operating", closed=True)


def _statistic(
    series: ChartSeries, places: Sequence[_Place], top: float, base: float
) -> list[Markup]:
    points = [one.point for one in places]
    known = [one.statistic for one in points if one.statistic is not None]
    ends = [*known, 0.0, *([] if series.limit is None else [series.limit])]
    low, high, step = round_range(ends, within=(_floor(ends), float("inf")))
    y = Scale(low, high, base, top)
    marks = _axis(y, ticks(low, high, step)[:: 2 if (high - low) / step > 3 else 1], "")
    marks.append(text(_LEFT, top - 8, "statistic", "muted small"))
    if series.limit is not None:
        marks.append(line(_LEFT, y(series.limit), _LEFT + _WIDE, y(series.limit), "limit"))
        label = f"limit {shown_value(series.limit, '')}"
        marks += _beside([(y(series.limit), label, "limit-text small")])
    marks += [path(run, "series") for run in _runs(places, y, [one.statistic for one in points])]
    for place in places:
        if place.point.statistic is not None:
            height = y(place.point.statistic)
            if place.point.alarm:
                # A sum has begun again by the end of the day on which it went beyond the limit.
                beyond = height if series.limit is None else min(height, y(series.limit))
                marks.append(_triangle(place.x, beyond + 5))
            else:
                marks.append(tag("circle", cx=place.x, cy=height, r=2.2, class_="dot"))
    return marks


def _cases(places: Sequence[_Place], top: float, base: float) -> list[Markup]:
    """Number of cases of each point: in bars, and in figures where there is room for them."""
    most = max((one.point.n_cases for one in places), default=0)
    marks = [text(_LEFT - 8, (top + base) / 2 + 4, "cases", "muted small", "end")]
    y = Scale(0, max(most, 1), base, top)
    apart = min((b.x - a.x for a, b in pairwise(places)), default=40.0)
    wide = min(max(0.7 * apart, 1.2), 30.0)
    numbered = len(places) <= _NUMBERED
    marks.append(text(_LEFT - 8, top + 4, str(most), "muted small number", "end"))
    marks.append(text(_LEFT - 8, base + 4, "0", "muted small number", "end"))
    for place in places:
        count = place.point.n_cases
        height = y(count)
        marks.append(rect(place.x - wide / 2, height, wide, base - height, "bar soft"))
        if numbered:
            marks.append(text(place.x, height - 3, str(count), "small number", "middle"))
    marks.append(line(_LEFT, base, _LEFT + _WIDE, base, "axis"))
    return marks


def _gaps(places: Sequence[_Place], top: float, base: float) -> list[Markup]:
    marks = []
    for before, after in _gap_ends(places):
        middle = (before.x + after.x) / 2
        earlier = [one.point for one in places if one.x < after.x and one.point.n_cases]
        since = earlier[-1] if earlier else before.point
        days = (after.point.at - since.at).total_seconds() / 86400
        shown = f"{days:.0f} days" if days >= 2 else f"{24 * days:.0f} h"
        for at in (middle - 2.5, middle + 2.5):
            marks.append(line(at, top, at, base, "reference"))
        marks.append(text(middle, top - 4, f"gap, {shown}", "muted small", "middle"))
    return marks


def _alarm_lines(places: Sequence[_Place], top: float, base: float) -> list[Markup]:
    """Mark the first alarm of each run of alarms across the panels, with its day."""
    marks: list[Markup] = []
    was, free = False, float("-inf")
    for place in places:
        if place.point.alarm and not was:
            marks.append(line(place.x, top, place.x, base, "reference"))
            if place.x > free:
                words = f"alarm {place.point.last_day.day} {place.point.last_day:%b}"
                marks.append(text(place.x - 6, top - 20, words, "limit-text small"))
                free = place.x + _LABEL_WIDTH
        was = place.point.alarm
    return marks


def _dates(places: Sequence[_Place], base: float) -> list[Markup]:
    """Dates of some points, as many as there is room for, the last one always."""
    chosen: list[_Place] = []
    for place in reversed(places):
        if not chosen or chosen[-1].x - place.x >= _LABEL_WIDTH:
            chosen.append(place)
    return [
        tag(
            "g",
            line(one.x, base, one.x, base + 4, "axis"),
            text(one.x, base + 18, f"{one.point.last_day:%Y-%m-%d}", "muted small", "middle"),
        )
        for one in chosen
    ]


def _axis(y: Scale, values: Sequence[float], unit: str) -> list[Markup]:
    marks = []
    for value in values:
        marks.append(line(_LEFT, y(value), _LEFT + _WIDE, y(value), "grid"))
        marks.append(text(_LEFT - 8, y(value) + 4, shown_tick(value, unit), "muted small", "end"))
    marks.append(line(_LEFT, y.start, _LEFT + _WIDE, y.start, "axis"))
    return marks


def _beside(labels: Sequence[tuple[float, str, str]]) -> list[Markup]:
    """Labels at the right of their lines, moved apart where they would overlap."""
    marks = []
    last = float("-inf")
    for height, words, style in sorted(labels):
        last = max(height + 4, last + 14)
        marks.append(text(_LEFT + _WIDE + 8, last, words, style))
    return marks


def _legend(points: Sequence[ChartPoint]) -> list[Markup]:
    """Explain the marks that the chart has."""
    entries: list[tuple[Markup, str]] = []
    if any(one.value is not None for one in points):
        shown = "value, 95 % interval" if any(p.low is not None for p in points) else "value"
        dot = tag(
            "g", line(4, 3, 4, 17, "whisker"), tag("circle", cx=4, cy=10, r=3.6, class_="dot")
        )
        entries.append((dot, shown))
    if any(one.value is None for one in points):
        entries.append((tag("circle", cx=4, cy=10, r=3.6, class_="dot weak"), "too few cases"))
    if any(one.alarm for one in points):
        entries.append((_triangle(4, 15), "beyond the limit"))
    marks = []
    left = _LEFT
    for mark, name in entries:
        place = f"translate({left:.0f} -4)"
        marks.append(tag("g", mark, text(14, 14, name, "small"), transform=place))
        left += 14 + 6.4 * len(name) + 26
    return marks
