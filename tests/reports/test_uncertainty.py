"""The table of doubt and where it comes from, only where it was measured."""

import numpy as np
import pytest

from tests.evaluation.test_uncertainty import OUTLIER, decided
from tests.reports.example import DATA, example
from tests.reports.test_write import Page
from triage.evaluation.uncertainty import evaluate_uncertainty
from triage.reports import Report
from triage.reports.html import render_html
from triage.reports.write import render_json

HEADING = "Where the doubt comes from"


@pytest.fixture(scope="module")
def uncertainty():
    return evaluate_uncertainty(decided(), OUTLIER, n_resamples=50)


def words(report):
    return " ".join(" ".join(Page(render_html(report)).text).split())


def test_every_group_with_its_three_numbers(uncertainty):
    report = example(60, uncertainty=uncertainty)
    text = words(report)
    _, table = text.split(HEADING)
    for row in uncertainty.rows:
        name = f"{row.axis}: {row.level}" if row.axis else row.level
        numbers = [f"{found.value:.3f}" for found in (row.total, row.aleatoric, row.epistemic)]
        assert name in table
        assert all(number in table for number in numbers)
    assert "not enough evidence" in table
    assert Report.model_validate_json(render_json(report)) == report


def test_one_member_is_said_and_no_zero_is_written():
    found = evaluate_uncertainty(decided(members=1), np.zeros_like(OUTLIER), n_resamples=20)
    _, table = words(example(60, uncertainty=found)).split(HEADING)
    assert table.count("one model: not known") == 2 * len(found.rows)
    assert "0.000" not in table.split("Abstention")[0]


def test_it_is_part_of_the_reports_identity_and_absent_where_not_measured(uncertainty):
    without = example(60)
    assert HEADING not in words(without)
    assert example(60, uncertainty=uncertainty).report_id != without.report_id


def test_of_volumes_the_words_are_theirs(uncertainty):
    text = words(example(60, uncertainty=uncertainty, data=DATA | {"modality": "oct_volumes"}))
    assert "Mean doubt between the referral classes" in text
    assert "The volumes themselves (aleatoric)" in text
