"""What a report says of OCT volumes: referral and tissue maps, only where they were measured."""

from xml.etree import ElementTree

import numpy as np
import pytest

from tests.reports.bundle_example import bundle_extra, sections, table, words
from triage.charts import estimate_chart, referral_matrix
from triage.charts.number_format import number, span
from triage.evaluation.referral import evaluate_referral
from triage.evaluation.segmentation import TruthAndPrediction, evaluate_maps
from triage.vocabulary.diagnoses import DIAGNOSES

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
def found(referral, tissue):
    return sections(bundle_extra(referral=referral, tissue=tissue))


def test_sections_are_there_only_where_something_was_measured(found, referral):
    assert {"referral", "tissue"} <= {*found}
    assert {"referral", "tissue"} & {*sections(bundle_extra(referral=referral))} == {"referral"}
    assert not {"referral", "tissue"} & {*sections(bundle_extra())}


def test_numbers_of_the_referral_are_those_measured(found, referral):
    text = words(found["referral"])
    estimates = (
        referral.error, referral.urgent_hit_rate, referral.urgent_auroc, referral.mean_penalty,
        *referral.diagnoses.values(),
    )  # fmt: skip
    for each in estimates:
        assert number(each.value, each.unit) in text
        assert span(each.low, each.high, each.unit) in text
    shown = table(found["referral"], "referral_matrix")
    assert [[int(cell) for cell in row[1:]] for row in shown] == referral.confusion
    assert [row[0] for row in table(found["referral"], "diagnoses")] == list(DIAGNOSES.values())


def test_numbers_of_the_tissues_are_those_measured(found, tissue):
    shown = table(found["tissue"], "tissue")
    assert [row[0] for row in shown] == list(CLASSES[:2])
    for row, cells in zip(tissue.classes[:2], shown, strict=True):
        assert cells[4:6] == [number(row.dice.value, "score"), number(row.assd.value, "um")]
    assert "In no volume: fluid" in words(found["tissue"])


@pytest.mark.parametrize(
    ("missed", "said"),
    [
        (0, "None of 20 urgent volumes was sent to observation."),
        (1, "1 of 20 urgent volumes was sent to observation."),
        (2, "2 of 20 urgent volumes were sent to observation."),
    ],
)
def test_urgent_volumes_sent_to_observation_are_said_first(referral, missed, said):
    changed = referral.model_copy(update={"urgent_to_observation": missed})
    section = sections(bundle_extra(referral=changed))["referral"]
    assert section.blocks[0].text == said


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
