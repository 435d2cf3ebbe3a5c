"""The table of compared policies and the curve, only where they were measured."""

import numpy as np
import pytest

from tests.decisions.test_fitting import make_spec, simulate
from tests.reports.example import example
from tests.reports.test_write import Page
from triage.decisions.fitting import fit_policy
from triage.evaluation.from_predictions import outcomes_of
from triage.evaluation.policy_costs import RISK, compare_policies
from triage.reports import Report
from triage.reports.html import render_html
from triage.reports.write import render_json

HEADING = "Policies compared by cost"


@pytest.fixture(scope="module")
def costs():
    predictions, spec = simulate(160), make_spec()
    policy = fit_policy(predictions, spec, "outlier_mass")
    predictions = predictions.with_decisions(policy.decide(predictions))
    outcomes = outcomes_of(predictions, policy, spec)
    return compare_policies(predictions, policy, spec, outcomes, n_resamples=20)


def words(report):
    return " ".join(" ".join(Page(render_html(report)).text).split())


def test_every_policy_with_its_cost_and_difference(costs):
    report = example(60, policy_costs=costs)
    _, table = words(report).split(HEADING)
    whole = [row for row in costs.rows if not row.axis]
    for row in whole:
        assert row.policy in table
        assert f"{row.cost.value:.3f}" in table
    assert f"The same by {RISK}" in table
    # every outlier of the data is of low risk: the cost of the others is the mean of their cases
    high = next(row for row in costs.rows if row.level == "high")
    assert high.cost.value is not None
    assert f"{high.cost.value:.3f}" in table
    assert Report.model_validate_json(render_json(report)) == report


def test_the_curve_is_drawn(costs):
    page = render_html(example(60, policy_costs=costs))
    assert "Abstentions against wrong queues" in page
    assert np.isfinite([point.cost for point in costs.curve]).all()


def test_it_is_part_of_the_reports_identity_and_absent_where_not_measured(costs):
    without = example(60)
    assert HEADING not in words(without)
    assert example(60, policy_costs=costs).report_id != without.report_id
