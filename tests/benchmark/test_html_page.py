"""The page of a benchmark: self-contained, escaped, and true to the result."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from tests.benchmark.page_example import SCORES, around, example
from tests.html_page import EVIL, Page
from triage.benchmark import charts
from triage.benchmark.findings import coverage_verdict, difference_verdict, findings
from triage.benchmark.html_page import _seconds, render_benchmark, write_benchmark_page
from triage.benchmark.results import BenchmarkResult, Cost, Number
from triage.benchmark.rows.ordering import ranked
from triage.errors import UsageError


@pytest.fixture(scope="module")
def result() -> BenchmarkResult:
    return example()


@pytest.fixture(scope="module")
def html(result: BenchmarkResult) -> str:
    return render_benchmark(result)


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def words(page: Page) -> str:
    return " ".join(" ".join(page.text).split())


def table(html: str, caption: str) -> list[list[str]]:
    """Cells of the body of the table whose caption starts so, their tags left out."""
    body = re.search(rf"<caption>{re.escape(caption)}.*?<tbody>(.*?)</tbody>", html, re.S)
    assert body is not None
    rows = re.findall(r"<tr.*?</tr>", body[1], re.S)
    plain = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.S) for row in rows]
    return [[" ".join(re.sub("<.*?>", " ", cell).split()) for cell in row] for row in plain]


def test_written_twice_the_files_are_byte_identical(result: BenchmarkResult, tmp_path) -> None:
    again = BenchmarkResult.model_validate_json(result.to_json())
    write_benchmark_page(result, tmp_path / "deep" / "a.html")
    write_benchmark_page(again, tmp_path / "b.html")
    assert (tmp_path / "deep" / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["a.html"]


def test_a_place_that_cannot_be_written_is_a_clear_error(result: BenchmarkResult, tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written"):
        write_benchmark_page(result, tmp_path / "file" / "page.html")


def test_the_page_loads_and_runs_nothing(html: str, page: Page) -> None:
    tags = {name for name, _, _ in page.elements}
    assert not tags & {"script", "link", "img", "iframe", "object", "embed", "form"}
    assert not re.search(r"https?://|@import|url\((?!#)", html)
    for _, attributes, _ in page.elements:
        assert not any(key.startswith("on") for key in attributes)
        assert attributes.get("href", "#").startswith("#")


def test_it_can_be_read_by_ear(page: Page) -> None:
    ids = [attributes["id"] for _, attributes, _ in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes, _ in page.elements:
        for name in attributes.get("aria-labelledby", "").split():
            assert name in ids
    for attributes in page.all("a"):
        assert attributes["href"].removeprefix("#") in ids
    tables = [name for name, _, _ in page.elements if name == "table"]
    captions = [name for name, _, above in page.elements if name == "caption" and "table" in above]
    assert len(tables) == len(captions) >= 11
    assert all("scope" in attributes for attributes in page.all("th"))
    assert len(page.all("svg")) == len(page.all("desc")) == 6
    assert all(drawing["role"] == "img" for drawing in page.all("svg"))


def test_near_table_is_sorted_and_marks_the_best_baseline(html: str) -> None:
    rows = table(html, "Sorted by AUROC.")
    auroc = [float(row[1].split()[0]) for row in rows]
    assert auroc == sorted((row[-1] for row in SCORES), reverse=True)
    marked = [row for row in rows if "best baseline" in row[0]]
    assert len(marked) == 1
    assert marked[0][0].startswith("Energy")
    assert marked[0][2] == "the reference"
    first = rows[0]
    assert first[1] == "0.744 0.714 to 0.774"
    assert first[2] == "+0.083 +0.058 to +0.108 ✓ better"
    assert "saw outliers in training" in first[0]
    by_name = {row[0].split(" softmax")[0]: row for row in rows}
    assert "no difference shown" in by_name["Mahalanobis distance"][2]
    assert "✕ worse" in by_name["Gram matrices"][2]
    assert first[-1] == "18 MiB"


def test_every_number_of_every_score_is_on_the_page(result: BenchmarkResult, html: str) -> None:
    near, far = table(html, "Sorted by AUROC."), table(html, result.far)
    shifted = table(html, "AUROC of clean test inliers against the shifted")
    for place, row in enumerate(ranked(result.scores)):
        shown = " ".join(near[place])
        assert f"{row.near['ood_aupr'].value:.3f}" in shown
        assert f"{100 * row.near['ood_fpr95'].value:.1f} %" in shown
        assert f"{row.near['aurc'].value:.3f}" in shown
        assert f"{row.near['clinical_cost'].value:.3f}" in shown
        assert f"{row.far.value:.3f}" in far[place][1]
        assert [f"{found.value:.3f}" for found in row.shifted.values()] == [
            cell.split()[0] for cell in shifted[place][1:]
        ]


def test_what_depends_on_the_outliers_stands_beside_its_value_in_the_split(html: str) -> None:
    own = "with the split’s 22.8 % outliers"
    first = table(html, "Sorted by AUROC.")[0]
    assert "AUPR, AURC, costs and rates are at a prevalence of 10.0 %." in html
    aupr, fpr, aurc, cost, abstained = first[3:8]
    assert aupr == f"0.444 0.414 to 0.474 0.644 {own}"
    assert aurc.endswith(f"0.206 {own}")
    assert cost.endswith(f"0.456 {own}")
    assert abstained.endswith(f"15.0 % {own}")
    assert "split’s" not in first[1] + first[2] + fpr
    rules = table(html, "Thresholds fixed on validation")
    assert rules[1][1] == f"0.371 0.341 to 0.401 0.471 {own}"
    assert rules[1][2] == f"−0.031 −0.050 to −0.012 −0.044 {own} ✓ better"
    assert rules[1][3].endswith(f"15.0 % {own}")
    risks = table(html, "Risk among the cases answered")
    assert risks[0][-1] == f"36.0 % 45.0 % {own}"
    assert risks[-1][1:] == ["36.0 %"] * 4  # kept by a version that did not measure the rest


def test_files_of_versions_without_the_splits_share_still_make_a_page(
    result: BenchmarkResult,
) -> None:
    def without(value):
        if isinstance(value, dict):
            new = ("at_split_share", "outlier_share")
            return {key: without(found) for key, found in value.items() if key not in new}
        return [without(found) for found in value] if isinstance(value, list) else value

    old = BenchmarkResult.model_validate(without(result.model_dump()))
    assert old.outlier_share is None
    assert old.scores[0].near["ood_aupr"].at_split_share is None
    text = words(Page(render_benchmark(old)))
    assert "with the split’s" not in text
    assert not re.search(r"\b(nan|None|inf)\b", text)


def test_pairs_have_every_part_with_its_verdict_or_reason(html: str) -> None:
    rows = table(html, "Near AUROC, outlier_mass@hod minus outlier_mass@reject.")
    assert rows[0][:5] == ["overall", "all", "10", "81", "203"]
    assert rows[0][5:] == [
        "0.750 0.720 to 0.780", "0.738 0.708 to 0.768",
        "+0.013 −0.007 to +0.033 ? no difference shown",
    ]  # fmt: skip
    assert [row[-1].split(" ", 4)[-1] for row in rows[1:4]] == [
        "✕ worse", "✓ better", "? no difference shown",
    ]  # fmt: skip
    assert rows[4][:2] == ["skin type", "V-VI"]
    assert rows[4][-1] == "– too few draws have ten groups"
    heads = table(html, "Their ensembles on test inliers")
    assert [row[0] for row in heads] == ["Inlier accuracy", "ECE"]
    assert heads[1][1].endswith("✓ better")  # a smaller calibration error
    (forest,) = re.findall(r'<svg[^>]*aria-labelledby="pair-\d.*?</svg>', html, re.S)
    for words in ("All of the near set", "risk", "skin type", "I-II", "+0.058", "−0.031"):
        assert f">{words}</text>" in forest
    assert "V-VI" not in forest  # nothing to draw


def test_joint_log_likelihoods_are_in_the_page(html: str) -> None:
    rows = table(html, "Joint log-likelihood, nats a label")
    assert [row[:2] for row in rows] == [["softmax", "9"], ["reject", "9"], ["hod", "9"]]
    assert rows[0][2].startswith("-0.830 ")
    assert rows[0][4].startswith("0.070 ")


def test_what_could_not_run_is_named_with_its_reason(page: Page) -> None:
    assert "image_text@softmax" in words(page)
    assert "needs an image-text model" in words(page)


def test_rows_that_fail_say_so_in_words(html: str) -> None:
    rows = table(html, "Draws together:")
    verdicts = {row[1]: row[2] for row in rows}
    assert verdicts["melanoma"] == "✕ falls short"
    assert verdicts["naevus"] == "✓ holds"
    assert verdicts["V-VI"] == "? not enough evidence"
    overall = table(html, "All test inliers.")
    assert [row[-1] for row in overall] == ["1 of 5 melanoma", "0 of 5"]


def test_guarantees_count_the_draws_above_the_promise(html: str) -> None:
    kept, none = table(html, "Certified on validation")
    assert kept[2:5] == ["9 of 10", "5.7 % draws: 2.0 % to 11.0 %", "1 of 9"]
    assert none[2:5] == ["0 of 10", "no draw to check", "–"]


def test_findings_follow_from_the_numbers(result: BenchmarkResult) -> None:
    sentences = " ".join(findings(result))
    assert "Outlier mass on the hod head has the largest AUROC, 0.744 (0.714 to 0.774)" in sentences
    assert "Mahalanobis++, on features of unit length on the softmax head comes first" in sentences
    assert "5 of 9 methods are better and 1 worse" in sentences
    assert "Temperature scaling on the hod head has the least log loss" in sentences
    assert "2.1 % (1.1 to 3.1 %), where perfect calibration would show 1.8 %." in sentences
    assert "falls short of 90.0 % in 1 of 5 rows: condition melanoma." in sentences
    assert "1 method could not run" in sentences
    assert (
        "outlier_mass@hod against outlier_mass@reject: the near AUROC differs by +0.013 (−0.007 to "
        "+0.033), the first does not differ significantly from the second. By risk and subgroup, "
        "2 of 3 parts differ significantly: risk low (worse), risk high (better)."
    ) in sentences
    assert "energy@hod" not in sentences  # nothing was compared


def test_verdicts_take_the_whole_interval() -> None:
    def of(low, high, **kind):
        return difference_verdict(Number(value=(low + high) / 2, low=low, high=high), **kind).words

    assert of(0.01, 0.02) == "better"
    assert of(-0.02, -0.01) == "worse"
    assert of(-0.02, -0.01, larger_is_better=False) == "better"
    assert of(0.01, 0.02, larger_is_better=False) == "worse"
    assert of(0.0, 0.02) == of(-0.01, 0.01) == "no difference shown"
    assert difference_verdict(None) is difference_verdict(Number(value=0.1)) is None
    assert of(1e-17, 0.02) == of(-0.02, -1e-17) == "no difference shown"  # zero but for rounding
    row = example().conformal[0].rows[0]
    assert coverage_verdict(row).words == "holds"
    assert coverage_verdict(row.model_copy(update={"holds": False})).words == "falls short"
    assert coverage_verdict(row.model_copy(update={"low": 0.79})).words == "not enough evidence"


def test_text_from_the_data_cannot_become_markup(result: BenchmarkResult) -> None:
    content = result.model_dump()

    def poison(value, key=""):
        if isinstance(value, dict):
            return {k: poison(v, k) for k, v in value.items()}
        if isinstance(value, list):
            return [poison(v, key) for v in value]
        return EVIL if isinstance(value, str) and key != "schema_version" else value

    content = poison(content)
    for row in content["scores"]:
        row["shifted"] = {EVIL: {"value": 0.5, "low": 0.4, "high": 0.6}}
    content["counts"] = {EVIL: 3}
    for head in content["heads"]:
        head["shifted"] = {EVIL: {}}
    page = render_benchmark(BenchmarkResult.model_validate(content))
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    Page(page)


def test_without_a_near_set_the_rest_still_stands(result: BenchmarkResult) -> None:
    scores = [
        row.model_copy(
            update={
                "near": {key: Number() for key in row.near},
                "difference": Number(),
                "near_auroc_by_draw": [None] * 10,
            }
        )
        for row in result.scores
    ]
    page = Page(render_benchmark(example(scores=scores, rejection=[], guarantees=[])))
    text = words(page)
    assert "undefined" in text
    assert "Far set: " in text
    assert not re.search(r"\b(nan|None|inf)\b", text)
    assert "Near set: Outlier" not in text


def test_the_emptiest_result_still_makes_a_page() -> None:
    nothing = {
        key: []
        for key in (
            "scores", "pairs", "heads", "calibrators", "conformal", "rejection", "guarantees",
            "curves", "skipped", "notes",
        )
    }  # fmt: skip
    text = words(Page(render_benchmark(example(best_baseline=None, counts={}, **nothing))))
    for sentence in (
        "Nothing was measured.",
        "No score was measured.",
        "No two scores were compared",
        "No calibrator was measured.",
        "No prediction set was measured.",
        "a threshold needs validation outliers",
        "Every method that was asked for ran.",
    ):
        assert sentence in text


def test_one_draw_one_score_and_no_baseline(result: BenchmarkResult) -> None:
    alone = result.scores[3].model_copy(
        update={
            "near": {key: Number(value=0.7) for key in result.scores[3].near},
            "far": Number(value=1.0, low=1.0, high=1.0),
            "difference": None,
            "near_auroc_by_draw": [0.7],
            "shifted": {},
            "cost": Cost(fit_seconds=0, score_seconds=0),
        }
    )
    text = words(
        Page(render_benchmark(example(scores=[alone], seeds=[4], best_baseline=None, curves=[])))
    )
    assert "no interval" in text
    assert "on 1 draw of the roles" in text
    assert "of which there is none here" in text
    assert "No shift was asked for." in text


def test_charts_are_well_formed_and_stay_in_their_frame(result: BenchmarkResult) -> None:
    numbers = [around(0.7), None, Number(), Number(value=0.65), around(0.5)]
    labels = [("A score with a very long name that will not fit at all", "softmax")] * 5
    drawn = charts.methods_chart(
        "k", "t", "d", labels,
        [
            charts.Panel("one", "", numbers, reference=0.6),
            charts.Panel("two", "", [None] * 5),
            charts.Panel("three", "", numbers, draws=[[0.6, None, 0.8]] * 5),
        ],
    )  # fmt: skip
    root = ElementTree.fromstring(drawn)
    assert len(root.findall(".//circle[@class='dot']")) == 3
    assert len(root.findall(".//circle[@class='draw']")) == 2 * 3
    assert len(root.findall(".//line[@class='whisker']")) == 2
    names = [element.text for element in root.iter("text") if element.get("x") == "0"]
    assert len(names) == 5
    assert all(name.endswith("…, softmax") for name in names)
    curves = [(curve.key, curve) for curve in result.curves]
    for drawing in (drawn, charts.selective_curves(curves)):
        root = ElementTree.fromstring(drawing)
        width, height = (float(n) for n in root.get("viewBox").split()[2:])
        for element in root.iter():
            assert all(0 <= float(element.get(key, 0)) <= width for key in ("x", "x1", "x2", "cx"))
            assert all(0 <= float(element.get(key, 0)) <= height for key in ("y", "y1", "y2", "cy"))


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(0.0, "< 1 ms"), (0.0012, "1.2 ms"), (0.0999, "100 ms"), (1.26, "1.3 s"), (61.0, "61 s"),
     (150.0, "2.5 min")],
)  # fmt: skip
def test_durations(seconds: float, written: str) -> None:
    assert _seconds(seconds) == written
