import re
from xml.etree import ElementTree

import pytest

from tests.evaluation.synthetic import make_outcomes
from triage import charts
from triage.charts.svg import Scale, path, picture, round_range, tag, text, ticks
from triage.evaluation import evaluate


@pytest.fixture(scope="module")
def evaluation():
    return evaluate(make_outcomes(150), n_resamples=50)


def draw(evaluation):
    return {
        "forest": charts.forest_plot(evaluation, ("accuracy", "clinical_cost"), {"accuracy": 0.7}),
        "reliability": charts.reliability_diagram(evaluation.reliability),
        "risk": charts.risk_coverage_curve(evaluation.risk_coverage),
        "abstention": charts.abstention_bars(evaluation),
        "confusion": charts.confusion_matrix(evaluation.confusion),
    }


def test_charts_are_well_formed_and_stay_in_their_frame(evaluation):
    for drawing in draw(evaluation).values():
        root = ElementTree.fromstring(drawing)
        width, height = (float(n) for n in root.get("viewBox").split()[2:])
        for element in root.iter():
            for key, limit in (("x", width), ("x1", width), ("x2", width), ("cx", width)):
                assert 0 <= float(element.get(key, 0)) <= limit
            for key in ("y", "y1", "y2", "cy"):
                assert 0 <= float(element.get(key, 0)) <= height
            assert not re.search("nan|inf", element.get("d", ""))


def test_forest_has_a_mark_for_each_defined_estimate(evaluation):
    root = ElementTree.fromstring(draw(evaluation)["forest"])
    defined = sum(
        level.metrics[key].value is not None
        for level in evaluation.subgroups
        for key in ("accuracy", "clinical_cost")
    )
    assert len(root.findall(".//circle")) == defined
    assert len(root.findall(".//line[@class='limit']")) == 1


def test_confusion_shows_every_count(evaluation):
    root = ElementTree.fromstring(draw(evaluation)["confusion"])
    shown = [int(e.text) for e in root.iter("text") if "cell-text" in e.get("class")]
    assert shown == [count for row in evaluation.confusion.counts for count in row]
    right = [e for e in root.iter("rect") if e.get("class") == "cell right"]
    assert len(right) == len(evaluation.classes) + 1


def test_reliability_has_a_dot_for_each_filled_bin(evaluation):
    root = ElementTree.fromstring(draw(evaluation)["reliability"])
    filled = [b for b in evaluation.reliability if b.count]
    assert len(root.findall(".//circle")) == len(filled)


def test_elements_escape_their_text_and_attributes():
    drawn = tag("text", "<b>", class_='"x', data_name="a&b")
    assert drawn == '<text class="&#34;x" data-name="a&amp;b">&lt;b&gt;</text>'
    assert "&lt;i&gt;" in picture("k", "<i>", "d", 1, 1, text(0, 0, "<i>"))
    assert path([(0, 1.239), (2, -0.001)], "c") == '<path d="M0 1.24 L2 0" class="c"></path>'


def test_scale_and_ticks():
    scale = Scale(0, 2, 100, 300)
    assert [scale(0), scale(1), scale(2), scale(9)] == [100, 200, 300, 300]
    low, high, step = round_range([0.71, 0.86], within=(0, 1))
    assert (low, high, step) == pytest.approx((0.7, 0.9, 0.05))
    assert ticks(low, high, step) == pytest.approx([0.7, 0.75, 0.8, 0.85, 0.9])
    assert round_range([0.0, 1.3], within=(0, 1))[:2] == (0, 1)
    assert (
        round_range([0.5, 0.5], within=(0, 1))[0] < 0.5 < round_range([0.5, 0.5], within=(0, 1))[1]
    )
