"""Charts of the analyses of audits."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from markupsafe import Markup

from tests.auditing.analyses.tables import plan, table
from triage.auditing.analyses.cost_sensitivity import cost_sensitivity
from triage.auditing.analyses.decision_curve import decision_curve
from triage.auditing.analyses.ood import ood
from triage.auditing.analyses.reliability import reliability
from triage.auditing.measurement import Analysis, Curve, CurvePoint
from triage.charts.analysis_charts import analysis_charts
from triage.charts.cost_charts import cost_curve_chart, tornado_chart
from triage.charts.level_panels import MOST_PANELS, coverage_risk_panels
from triage.charts.line_panel import draw_line, legend
from triage.charts.standalone import standalone
from triage.charts.svg import Scale

SVG = "{http://www.w3.org/2000/svg}"
SOME = table(600)
ANALYSES = [each(SOME, plan()) for each in (decision_curve, cost_sensitivity, ood, reliability)]
PICTURES = [
    (f"{analysis.key}: {title}", svg)
    for analysis in ANALYSES
    for title, svg in analysis_charts(analysis)
]


def parsed(svg: Markup) -> ElementTree.Element:
    return ElementTree.fromstring(standalone(svg).svg)


def words(svg: Markup) -> list[str]:
    return [str(each.text) for each in parsed(svg).iter(f"{SVG}text")]


@pytest.mark.parametrize("svg", [svg for _, svg in PICTURES], ids=[name for name, _ in PICTURES])
def test_a_chart_is_whole_by_itself(svg: Markup) -> None:
    root = parsed(svg)
    style = root.findtext(f"{SVG}style") or ""
    assert root.findtext(f"{SVG}title")
    assert root.findtext(f"{SVG}desc")
    classes = {name for each in root.iter() for name in str(each.get("class") or "").split()}
    drawn = classes - {"triage-chart", "weak", "soft", "number", "s0"}
    assert all(re.search(rf"\.{name}\b", style) for name in drawn), drawn
    width, height = (float(each) for each in str(root.get("viewBox")).split()[2:])
    for each in root.iter(f"{SVG}text"):
        if "rotate" in str(each.get("transform")):
            continue
        # Letters of the charts are at most 7.4 units wide on average.
        wide = 7.4 * len(str(each.text))
        x, y = float(str(each.get("x"))), float(str(each.get("y")))
        left = {"start": x, "middle": x - wide / 2, "end": x - wide}[str(each.get("text-anchor"))]
        assert left > -2
        assert left + wide < width + 2
        assert 0 < y < height


def test_keys_of_charts_are_distinct() -> None:
    titles = [str(parsed(svg).get("aria-labelledby")) for _, svg in PICTURES]
    assert len(set(titles)) == len(titles) == 6


def test_what_is_not_available_has_no_chart() -> None:
    missing = Analysis(key="ood", title="t", available=False, reason="none")
    assert analysis_charts(missing) == []
    assert analysis_charts(Analysis(key="team", title="t", available=True)) == []


def test_the_tornado_has_the_widest_bar_first() -> None:
    (costs,) = (each for each in ANALYSES if each.key == "cost_sensitivity")
    spans = [each for each in words(tornado_chart(costs)) if " to " in each]
    widths = [float(b) - float(a) for a, b in (each.split(" to ") for each in spans)]
    assert widths == sorted(widths, reverse=True)
    assert len(widths) == 6


def test_cost_curves_are_straight_and_cross_at_the_break_even() -> None:
    (costs,) = (each for each in ANALYSES if each.key == "cost_sensitivity")
    root = parsed(cost_curve_chart(costs))
    lines = [each for each in root.iter(f"{SVG}path") if "series" in str(each.get("class"))]
    assert len(lines) == len(costs.curves)
    for each in lines:
        at = [tuple(map(float, pair.split())) for pair in str(each.get("d"))[1:].split(" L")]
        (x1, y1), (x2, y2) = at[0], at[-1]
        assert all(
            y == pytest.approx(y1 + (y2 - y1) * (x - x1) / (x2 - x1), abs=0.05) for x, y in at
        )


def test_panels_are_capped_and_say_so() -> None:
    points = [CurvePoint(x=x, y=x / 2, low=x / 4, high=x) for x in (0.1, 0.5, 1.0)]
    curves = [
        Curve(name="risk", axis="a", level=f"level {number}", points=points)
        for number in range(MOST_PANELS + 3)
    ]
    many = Analysis(key="ood", title="t", available=True, curves=curves)
    shown = words(coverage_risk_panels(many))
    assert "3 more groups are not drawn" in shown
    assert f"a: level {MOST_PANELS}" not in shown


def test_names_stay_words() -> None:
    points = [CurvePoint(x=x, y=x) for x in (0.1, 1.0)]
    name = "<script>alert(1)</script>"
    bad = Analysis(
        key="ood", title="t", available=True,
        curves=[Curve(name=name, axis=name, level=name, points=points)],
    )  # fmt: skip
    assert "<script" not in str(coverage_risk_panels(bad))


def line_of(*ys: float | None) -> list[str]:
    curve = Curve(name="c", points=[CurvePoint(x=i, y=y) for i, y in enumerate(ys)])
    drawn = draw_line(curve, Scale(0, 10, 0, 10), Scale(0, 1, 1, 0), "series")
    return [str(ElementTree.fromstring(str(each)).get("d")) for each in drawn]


def test_lines_are_cut_at_the_ends_of_the_axis_and_broken_where_undefined() -> None:
    assert line_of(0.5, 0.5) == ["M0 0.5 L1 0.5"]
    assert line_of(0.0, 2.0) == ["M0 1 L0.5 0"]
    assert line_of(0.0, 1.0, None, 0.0, 1.0) == ["M0 1 L1 0", "M3 1 L4 0"]
    assert line_of(2.0, 3.0) == []
    assert line_of(0.5, 2.0, 0.5) == ["M0 0.5 L0.33 0", "M1.67 0 L2 0.5"]


def test_a_legend_goes_on_in_a_new_row() -> None:
    marks, tall = legend([("series", "a" * 30), ("series", "b" * 30)], 0, 0, 300)
    assert tall == 40
    assert len(marks) == 4
