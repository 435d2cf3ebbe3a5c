"""The page: self-contained, well-formed, accessible, escaped, the same twice."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from tests.evaluation.synthetic import make_outcomes
from tests.evaluation.test_metrics import small
from tests.reports.example import DATA, example
from triage.charts.number_format import interval, number
from triage.errors import UsageError
from triage.evaluation import METRICS, evaluate
from triage.reports import Report, build_report, write_report
from triage.reports.html import render_html

VOID = {"meta", "br", "link", "img", "hr", "input"}
EVIL = "<script>alert('x')</script>\x1b[31m\u202e"
SHOWN = r"<script>alert('x')</script>\x1b[31m\u202e"


class Page(HTMLParser):
    """Collects elements and text, and fails on tags that do not nest."""

    def __init__(self, html):
        super().__init__()
        self.open, self.elements, self.text = [], [], []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs), tuple(self.open)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.text.append(data)

    def all(self, tag):
        return [attributes for name, attributes, _ in self.elements if name == tag]


@pytest.fixture(scope="module")
def report():
    return example()


@pytest.fixture(scope="module")
def html(report):
    return render_html(report)


@pytest.fixture(scope="module")
def page(html):
    return Page(html)


def test_written_twice_the_files_are_byte_identical(report, tmp_path):
    first = write_report(report, tmp_path / "one")
    second = write_report(example(), tmp_path / "two" / "deep")
    assert [path.name for path in first] == ["report.html", "report.json"]
    for a, b in zip(first, second, strict=True):
        assert a.read_bytes() == b.read_bytes()
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == [
        "report.html",
        "report.json",
    ]


def test_selective_risk_of_every_level_stands_on_the_page_with_its_interval(report, page):
    text = " ".join("".join(page.text).split())
    shown = text.split("Worst group of each axis")[1]
    for axis in report.evaluation.axes:
        table = shown.split(f"By {axis} ")[1].split(" By ")[0]
        assert METRICS["selective_risk"].title in table.split(" All cases ")[0]
        for level in report.evaluation.levels(axis):
            found = level.metrics["selective_risk"]
            assert found.low < found.high
            assert number(found.value, found.unit) in table
            shown_as = interval(found) if found.evidence == "enough" else "not enough evidence"
            assert shown_as in table


def test_json_reads_back_as_the_same_report(report, tmp_path):
    _, path = write_report(report, tmp_path)
    assert Report.model_validate_json(path.read_text()) == report
    assert json.loads(path.read_text())["schema_version"] == "triage-report-1"


def test_the_page_loads_and_runs_nothing(html, page):
    tags = {name for name, _, _ in page.elements}
    assert not tags & {"script", "link", "img", "iframe", "object", "embed", "form"}
    assert not re.search(r"https?://|@import|url\((?!#)", html)
    for _, attributes, _ in page.elements:
        assert not any(key.startswith("on") for key in attributes)
        for key in ("src", "href", "xlink:href"):
            assert attributes.get(key, "#").startswith("#")


def test_every_link_leads_somewhere_and_ids_are_unique(page):
    ids = [attributes["id"] for _, attributes, _ in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for attributes in page.all("a"):
        assert attributes["href"].removeprefix("#") in ids
    for _, attributes, _ in page.elements:
        for name in attributes.get("aria-labelledby", "").split():
            assert name in ids


def test_tables_have_captions_and_scopes_and_pictures_have_words(page):
    tables = [name for name, _, _ in page.elements if name == "table"]
    captions = [name for name, _, above in page.elements if name == "caption" and "table" in above]
    assert len(tables) == len(captions) > 8
    assert all("scope" in attributes for attributes in page.all("th"))
    pictures = page.all("svg")
    assert len(pictures) == 5
    assert (
        len([above for name, _, above in page.elements if name == "title" and "svg" in above]) == 5
    )
    assert len(page.all("desc")) == 5
    assert all(p["role"] == "img" for p in pictures)
    assert page.all("html")[0]["lang"] == "en"


def test_numbers_of_the_page_are_those_of_the_report(report, page):
    text = " ".join(page.text)
    for found in report.evaluation.overall.values():
        assert number(found.value, found.unit) in text
    for note in DATA["notes"]:
        assert note in text
    for digest in (report.predictions_hash, report.manifest_hash, "c" * 64, "a" * 64):
        assert digest in text
    assert "not enough evidence" in text


def test_text_from_the_data_cannot_become_markup():
    outcomes = make_outcomes(60, classes=(EVIL, "b", "c"))
    outcomes.subgroups["sex"] = [EVIL if i % 2 else "male" for i in range(len(outcomes))]
    outcomes.subgroups[EVIL] = "unknown"
    hostile = build_report(
        evaluate(outcomes, n_resamples=20),
        bundle={"name": EVIL, "members": [EVIL], EVIL: {EVIL: EVIL}, "files": {EVIL: EVIL}},
        data={"spec": EVIL, "notes": [EVIL], "counts": {EVIL: {EVIL: 1}}, "exclusions": {EVIL: 1}},
        reviews={EVIL: 1, "reasons": {EVIL: 2}},
        predictions_hash=EVIL,
        generated_at=EVIL,
        abstention_reasons={EVIL: 1},
    )
    html = render_html(hostile)
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert SHOWN in " ".join(Page(html).text)
    assert all(line.isprintable() for line in html.split("\n"))


def test_what_is_missing_is_said_to_be_missing():
    bare = build_report(
        evaluate(make_outcomes(60), n_resamples=20),
        bundle={},
        data={"spec": "derm_phantoms"},
        reviews=None,
        predictions_hash="f" * 64,
        generated_at="2026-01-06",
    )
    text = " ".join(" ".join(Page(render_html(bare)).text).split())
    for sentence in (
        "does not state an intended use",
        "The manifest lists no files.",
        "No hashes of the data are stated.",
        "Counts by split and role are not stated.",
        "Abstentions by reason are not stated.",
        "No reviews yet",
        "not stated",
    ):
        assert sentence in text


@pytest.mark.parametrize(
    "outcomes",
    [
        small([0], [[0.7, 0.3]]),
        small([-1] * 3, [[0.7, 0.3]] * 3, abstained=np.ones(3, dtype=bool)),
        small([0] * 3, [[1.0]] * 3),
    ],
    ids=["single case", "only outliers, all abstained", "one condition"],
)
def test_the_poorest_evaluation_still_makes_a_page(outcomes):
    inputs = {"bundle": {}, "data": {"spec": "s"}, "reviews": None, "predictions_hash": "f"}
    evaluation = evaluate(outcomes, n_resamples=10)
    report = build_report(evaluation, generated_at="2026", **inputs)
    text = " ".join(Page(render_html(report)).text)
    assert "undefined" in text or "no interval" in text
    assert "NaN" not in text
    assert "nan" not in text.split()


def test_a_folder_that_cannot_be_made_is_a_clear_error(report, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written"):
        write_report(report, tmp_path / "file" / "folder")


def test_the_page_gives_both_prevalences():
    outcomes = replace(make_outcomes(60), outlier_prevalence=0.1)
    evaluation = evaluate(outcomes, n_resamples=20)
    inputs = {"bundle": {}, "data": {"spec": "s"}, "reviews": None, "predictions_hash": "f"}
    page = render_html(build_report(evaluation, generated_at="2026", **inputs))
    text = " ".join(" ".join(Page(page).text).split())
    cost = evaluation.overall["clinical_cost"]
    assert "stated prevalence of outliers, 10.0 %" in text
    share = f"{100 * evaluation.outlier_share:.1f} % outliers"
    assert f"{cost.at_split_share:.3f} with the split’s {share}" in text
    assert f"{cost.value:.3f}" in text
