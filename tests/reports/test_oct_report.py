"""What a report says of OCT volumes: referral and tissue maps, only where they were measured."""

import json
from xml.etree import ElementTree

import numpy as np
import pytest

from tests.reports.example import DATA, example
from tests.reports.test_write import Page
from triage.charts import estimate_chart, referral_matrix
from triage.charts.number_format import number, span
from triage.evaluation.referral import evaluate_referral
from triage.evaluation.segmentation import TruthAndPrediction, evaluate_maps
from triage.reports import write_report
from triage.reports.html import render_html
from triage.vocabulary.diagnoses import DIAGNOSES

VOLUMES = DATA | {"modality": "oct_volumes"}
CLASSES = ("vitreous", "retina", "fluid")


@pytest.fixture(scope="module")
def referral():
    chance = np.random.default_rng(0)
    truth = np.arange(80) % 4
    probabilities = chance.dirichlet(np.ones(4), 80) / 2
    probabilities[np.arange(80), truth] += 0.5
    given = np.where(chance.uniform(size=80) < 0.2, chance.integers(4, size=80), truth)
    said = chance.uniform(size=(80, len(DIAGNOSES)))
    return evaluate_referral(
        truth,
        given,
        np.array([f"p{n}" for n in range(80)]),
        probabilities=probabilities,
        diagnoses=tuple(DIAGNOSES),
        diagnosis_truth=(said + chance.normal(0, 0.4, said.shape) > 0.6).astype(int),
        diagnosis_probabilities=said,
        n_resamples=50,
    )


@pytest.fixture(scope="module")
def tissue():
    chance = np.random.default_rng(1)
    volumes = []
    for n in range(12):
        truth = np.zeros((2, 16, 16), np.uint8)
        truth[:, 6:] = 1
        predicted = np.roll(truth, int(chance.integers(-1, 2)), axis=1)
        uncertainty = chance.uniform(0, 100, truth.shape)
        volumes.append(
            TruthAndPrediction(truth, predicted, f"p{n}", (0.1, 0.01, 0.05), None, uncertainty)
        )
    return evaluate_maps(volumes, CLASSES, n_resamples=50)


@pytest.fixture(scope="module")
def report(referral, tissue):
    return example(60, data=VOLUMES, referral=referral, tissue=tissue)


@pytest.fixture(scope="module")
def page(report):
    return Page(render_html(report))


def test_numbers_are_those_measured(page, referral, tissue):
    text = " ".join(" ".join(page.text).split())
    for found in (referral.error, referral.urgent_hit_rate, referral.urgent_auroc):
        assert number(found.value, found.unit) in text
        assert span(found.low, found.high, found.unit) in text
    for found in (referral.mean_penalty, *referral.diagnoses.values()):
        assert number(found.value, found.unit) in text
        assert span(found.low, found.high, found.unit) in text
    for row in tissue.classes[:2]:
        assert number(row.dice.value, "score") in text
        assert number(row.assd.value, "um") in text
    assert f"of {sum(referral.confusion[0])} urgent" in text
    assert "In no volume: fluid" in text
    for title in DIAGNOSES.values():
        assert title in text


def test_urgent_volumes_sent_to_observation_are_said_first(referral):
    missed = referral.model_copy(update={"urgent_to_observation": 2})
    words = {}
    for key, found in (("some", missed), ("none", missed.model_copy(update={
        "urgent_to_observation": 0}))):  # fmt: skip
        pages = Page(render_html(example(60, data=VOLUMES, referral=found)))
        words[key] = " ".join(" ".join(pages.text).split())
    assert "2 of 20 urgent volumes were sent to observation." in words["some"]
    assert "None of 20 urgent volumes was sent to observation." in words["none"]


def test_words_are_those_of_volumes(page):
    text = " ".join(" ".join(page.text).split())
    assert "labelled volumes" in text
    assert "referral classes" in text
    assert "scanners" in text
    assert "cameras" not in text
    other = " ".join(Page(render_html(example(60))).text)
    assert "labelled cases" in other
    assert "cameras" in other


def test_sections_stand_only_where_something_was_measured(page, referral):
    def sections(found):
        return {attributes["aria-labelledby"] for attributes in found.all("section")}

    assert {"referral", "tissue"} <= sections(page)
    only = sections(Page(render_html(example(60, data=VOLUMES, referral=referral))))
    assert only & {"referral", "tissue"} == {"referral"}
    assert not sections(Page(render_html(example(60)))) & {"referral", "tissue"}


def test_page_stays_accessible_and_the_same_twice(report, page, referral, tissue, tmp_path):
    ids = [attributes["id"] for _, attributes, _ in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert len(page.all("svg")) == len(page.all("desc")) == 8
    tables = [name for name, _, _ in page.elements if name == "table"]
    assert len(tables) == len([name for name, _, _ in page.elements if name == "caption"])
    again = example(60, data=VOLUMES, referral=referral, tissue=tissue)
    for one, other in zip(
        write_report(report, tmp_path / "a"), write_report(again, tmp_path / "b"), strict=True
    ):
        assert one.read_bytes() == other.read_bytes()


def test_json_holds_the_same_and_the_identity_depends_on_it(report, referral, tissue, tmp_path):
    _, path = write_report(report, tmp_path)
    content = json.loads(path.read_text())
    assert content["referral"] == referral.model_dump(mode="json")
    assert content["tissue"] == tissue.model_dump(mode="json")
    assert content["data"]["modality"] == "oct_volumes"
    identities = {
        example(60, data=VOLUMES, **parts).report_id
        for parts in ({}, {"referral": referral}, {"tissue": tissue})
    }
    assert len(identities) == 3


def test_referral_matrix_shows_counts_and_penalties(referral):
    root = ElementTree.fromstring(referral_matrix(referral))
    cells = [group for group in root.iter("g") if group.find("rect") is not None]
    shown = [[text.text for text in cell.findall("text")] for cell in cells]
    counts = [str(count) for row in referral.confusion for count in row]
    prices = [f"{price:g}" for row in referral.penalty for price in row]
    assert shown == [[count, price] for count, price in zip(counts, prices, strict=True)]
    assert sum(r.get("class") == "cell right" for r in root.iter("rect")) == 4


def test_estimate_chart_has_a_mark_a_row_and_owns_up_to_gaps(tissue):
    rows = [(row.name, row.n_volumes, row.dice) for row in tissue.classes]
    root = ElementTree.fromstring(estimate_chart("k", "Dice", "Dice", rows))
    assert len(root.findall(".//circle")) == 2
    written = [element.text for element in root.iter("text")]
    assert "undefined here" in written
    assert number(tissue.classes[1].dice.value, "score") in written
    width, height = (float(n) for n in root.get("viewBox").split()[2:])
    for element in root.iter():
        assert 0 <= float(element.get("x", element.get("cx", 0))) <= width
        assert 0 <= float(element.get("y", element.get("cy", 0))) <= height
    nothing = estimate_chart("k", "t", "h", rows[2:])
    assert "circle" not in nothing
