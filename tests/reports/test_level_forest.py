"""Forest plot of an audit, and the flow of its cases."""

import re

from tests.reports import audit_example
from triage.charts.flow import flow_chart
from triage.reports.charts.level_forest import level_forest

AXES = {"skin_type": ("I", "VI", "<b>"), "sex": ("female", "unknown")}


def drawn(**changes):
    return audit_example.report(axes=AXES, metrics=("accuracy", "brier"), **changes)


def test_each_level_has_a_row_and_each_estimate_its_number():
    report = drawn()
    svg = str(level_forest(report, ["accuracy", "brier"], list(AXES)))
    for level in ("I", "VI", "&lt;b&gt;", "female", "unknown"):
        assert f">{level}</text>" in svg
    assert "<b>" not in svg
    for each in report.estimates:
        unit = f"{100 * each.value:.1f} %" if each.metric == "accuracy" else f"{each.value:.3f}"
        assert f">{unit}</text>" in svg


def test_only_the_axes_asked_for_are_drawn():
    svg = str(level_forest(drawn(), ["accuracy"], ["sex"]))
    assert ">female</text>" in svg
    assert ">VI</text>" not in svg


def test_a_limit_is_drawn_and_weak_evidence_is_hollow():
    report = drawn()
    svg = str(level_forest(report, ["accuracy"], list(AXES)))
    assert len(re.findall(r'class="limit"', svg)) == 1
    assert "dot weak" not in svg
    weak = [each.model_copy(update={"evidence": "not enough"}) for each in report.estimates]
    svg = str(level_forest(drawn(estimates=weak), ["accuracy"], list(AXES)))
    assert svg.count("dot weak") == sum(map(len, AXES.values()))


def test_panels_without_a_limit_draw_the_interval_for_display():
    report = drawn(findings=[])
    narrow = [
        each.model_copy(update={"display_low": each.value, "display_high": each.value})
        for each in report.estimates
    ]
    bare = [
        each.model_copy(update={"low": each.value, "high": each.value, "display_low": None})
        for each in report.estimates
    ]
    a, b = (
        str(level_forest(report.model_copy(update={"estimates": rows}), ["accuracy"], list(AXES)))
        for rows in (narrow, bare)
    )
    assert a == b


def test_a_metric_that_is_undefined_everywhere_says_so():
    report = drawn(findings=[])
    undefined = [each.model_copy(update={"value": None}) for each in report.estimates]
    svg = str(level_forest(report.model_copy(update={"estimates": undefined}), ["brier"], ["sex"]))
    assert "undefined here" in svg


def test_the_flow_names_what_is_there_and_what_leaves():
    svg = str(flow_chart([("1299 rows read", "15 left out"), ("1284 cases <audited>", "")]))
    for words in ("1299 rows read", "15 left out", "1284 cases &lt;audited&gt;"):
        assert f">{words}</text>" in svg
    assert svg.count("<rect") == 3
