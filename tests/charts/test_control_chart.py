"""Control charts: what is drawn, where, and what is said in words."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.monitoring.made_result import FIRST, Stream, made_charts, series
from triage.charts.chart_values import shown_interval, shown_tick, shown_value
from triage.charts.control_chart import MOST_POINTS, control_chart, description
from triage.charts.standalone import standalone
from triage.monitoring.monitoring_result import ChartPoint, ChartSeries
from triage.vocabulary.monitoring import ChartKind, ChartVerdict

SVG = "{http://www.w3.org/2000/svg}"


def drawn(chart: ChartSeries) -> ElementTree.Element:
    return ElementTree.fromstring(standalone(control_chart(chart, "c")).svg)


def of_class(root: ElementTree.Element, tag: str, name: str) -> list[ElementTree.Element]:
    return [one for one in root.iter(f"{SVG}{tag}") if one.get("class") == name]


def words(root: ElementTree.Element) -> list[str]:
    return [str(one.text) for one in root.iter(f"{SVG}text")]


def chart(*points: ChartPoint, **changes: Any) -> ChartSeries:
    fields: dict[str, Any] = {
        "chart": ChartKind.OOD_RATE,
        "title": "Rate",
        "unit": "proportion",
        "n_cases": sum(one.n_cases for one in points),
        "verdict": ChartVerdict.IN_CONTROL,
        "points": points,
    }
    return ChartSeries(**fields | changes)


def point(day: int, n: int = 100, value: float | None = 0.02, **changes: Any) -> ChartPoint:
    return ChartPoint(at=FIRST + timedelta(days=day), n_cases=n, value=value, **changes)


@pytest.mark.parametrize("n", [1, 2, 5, 16, 17, 100, 120])
def test_every_point_has_its_dot_and_its_cases(n: int) -> None:
    root = drawn(chart(*(point(day, n=50 + day) for day in range(n))))
    assert len(of_class(root, "circle", "dot")) == n + 1  # and the one of the legend
    bars = of_class(root, "rect", "bar soft")
    assert len(bars) == n
    heights = [float(bar.get("height", "")) for bar in bars]
    assert heights == sorted(heights)
    assert max(heights) == pytest.approx(44, abs=0.01)
    titles = [str(one.text) for one in root.iter(f"{SVG}title")][1:]
    assert titles[0].startswith("2026-08-01: 2.0 %, n = 50")
    assert len(titles) == n
    if n <= 16:
        assert {str(50 + day) for day in range(n)} <= set(words(root))


def test_dots_do_not_overlap_and_stand_in_order_of_time() -> None:
    for n in (5, 100):
        root = drawn(chart(*(point(day) for day in range(n))))
        places = [float(one.get("cx", "")) for one in of_class(root, "circle", "dot")][1:]
        radius = float(of_class(root, "circle", "dot")[1].get("r", ""))
        steps = [b - a for a, b in pairwise(places)]
        assert min(steps) > 2 * radius
        assert max(steps) == pytest.approx(min(steps), abs=0.02)


def test_values_stand_at_their_height() -> None:
    """Positions follow from the axis labels, read back from the drawing."""
    root = drawn(chart(point(0, value=0.0), point(1, value=0.1), baseline=0.05, changed=0.1))
    at = {
        str(one.text): float(one.get("y", "")) - 4
        for one in root.iter(f"{SVG}text")
        if one.get("text-anchor") == "end" and str(one.text) in ("0", "10")
    }
    low, high = (float(one.get("cy", "")) for one in of_class(root, "circle", "dot")[1:])
    assert at["10"] == high
    assert low > high
    (baseline,) = of_class(root, "line", "reference")
    assert float(baseline.get("y1", "")) == pytest.approx((low + high) / 2, abs=0.02)
    assert {"baseline 5.0 %", "to find 10.0 %"} <= set(words(root))


def test_an_alarm_is_told_by_its_shape_and_in_words() -> None:
    calm = [point(day, statistic=1.0) for day in range(4)]
    root = drawn(chart(*calm, point(4, statistic=5.0, alarm=True), limit=4.2))
    triangles = of_class(root, "path", "operating")
    assert len(triangles) == 3  # of the value, the statistic and the legend
    assert all(str(one.get("d")).count("L") == 2 for one in triangles)
    assert {"beyond the limit", "limit 4.2", "alarm 5 Aug", "statistic"} <= set(words(root))
    assert "Beyond the limit on 2026-08-05." in description(
        chart(*calm, point(4, statistic=5.0, alarm=True))
    )
    without = drawn(chart(*calm, limit=4.2))
    assert not of_class(without, "path", "operating")
    assert "beyond the limit" not in words(without)


def test_too_few_cases_are_hollow_and_break_the_line() -> None:
    root = drawn(chart(point(0), point(1), point(2, n=2, value=None), point(3), point(4)))
    assert len(of_class(root, "circle", "dot weak")) == 2  # and the legend
    assert "too few cases" in words(root)
    assert len(of_class(root, "path", "series s4")) == 2
    assert "Too few cases for a value at 1 of the points." in description(
        chart(point(0), point(2, n=2, value=None))
    )


def test_a_gap_breaks_the_line_and_is_named_with_its_days() -> None:
    days = [0, 1, 2, 24, 25, 26]
    root = drawn(chart(*(point(day, after_gap=day == 24) for day in days)))
    assert "gap, 22 days" in words(root)
    assert len(of_class(root, "path", "series s4")) == 2
    places = [float(one.get("cx", "")) for one in of_class(root, "circle", "dot")][1:]
    steps = [b - a for a, b in pairwise(places)]
    assert steps[2] == pytest.approx(4 * steps[0], abs=0.05)  # shortened
    # a long pause is a gap, whether or not the point says so
    assert "gap, 22 days" in words(drawn(chart(*map(point, days))))


def test_a_chart_without_a_statistic_has_its_limit_at_the_values() -> None:
    root = drawn(chart(point(0), point(1), limit=0.04, unit="KS distance"))
    assert "statistic" not in words(root)
    (limit,) = of_class(root, "line", "limit")
    dots = [float(one.get("cy", "")) for one in of_class(root, "circle", "dot")[1:]]
    assert float(limit.get("y1", "")) < min(dots)
    assert "KS distance" in words(root)


def test_without_a_point_it_says_so() -> None:
    root = drawn(chart(verdict=ChartVerdict.NOT_AVAILABLE, note="No label."))
    assert words(root) == ["No point: not available."]
    assert description(chart(verdict=ChartVerdict.NOT_AVAILABLE, note="No label.")) == (
        "not available: no point. No label."
    )


def test_the_newest_points_are_drawn() -> None:
    many = chart(*(point(day) for day in range(MOST_POINTS + 30)))
    assert len(of_class(drawn(many), "rect", "bar soft")) == MOST_POINTS
    assert f"The last {MOST_POINTS} points are drawn." in description(many)


def test_every_chart_is_whole_and_within_its_frame() -> None:
    odd = (
        chart(*(ChartPoint(at=datetime(2026, 1, 1, tzinfo=UTC), n_cases=0) for _ in range(3))),
        chart(point(0, value=1.0, n=1)),
        chart(point(0, value=-0.5), point(1, value=-1e-9), unit=""),
        series(Stream(30, 3, 0.01, 0.05), "<Rate> & co"),
    )
    for each in (*made_charts(), *odd):
        svg = standalone(control_chart(each, "c")).svg
        assert "nan" not in svg.lower()
        assert "inf" not in re.sub(r"<(title|text)[^>]*>[^<]*", "", svg).lower()
        root = ElementTree.fromstring(svg)
        _, _, width, height = map(float, str(root.get("viewBox")).split())
        for one in root.iter():
            for name, most in (("x", width), ("cx", width), ("y", height), ("cy", height)):
                if one.get(name) is not None:
                    assert -0.01 <= float(str(one.get(name))) <= most
        assert root.get("role") == "img"


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.0412, "proportion", "4.1 %"),
        (None, "proportion", "–"),
        (0.000626, "MMD²", "0.000626 MMD²"),
        (-0.1, "", "−0.1"),
        (4.19999, "", "4.2"),
    ],
)
def test_values_in_words(value: float | None, unit: str, text: str) -> None:
    assert shown_value(value, unit) == text


def test_intervals_and_ticks_in_words() -> None:
    assert shown_interval(0.0204, 0.071, "proportion") == "2.0 to 7.1 %"
    assert shown_interval(-0.1, 0.12345, "KS") == "−0.1 to 0.123"
    assert [shown_tick(v, "proportion") for v in (0.0, 0.05, 1.0)] == ["0", "5", "100"]
    assert shown_tick(-2.5, "") == "−2.5"
