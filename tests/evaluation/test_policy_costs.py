"""Policies compared by cost, and the curve of the threshold, against costs made by hand."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from tests.decisions.test_fitting import make_spec, simulate
from triage.charts import trade_off_curve
from triage.data.spec import DataSpec
from triage.decisions.cost_matrix import case_costs, cost_matrix
from triage.decisions.fitting import fit_policy
from triage.evaluation.from_predictions import outcomes_of
from triage.evaluation.policy_costs import RISK, THIS, PolicyCosts, compare_policies
from triage.predictions import Predictions
from triage.uncertainty.outlier_probability import prevalence_weights

SPEC = make_spec()


@pytest.fixture(scope="module")
def decided() -> Predictions:
    predictions = simulate(160)
    policy = fit_policy(predictions, SPEC, "outlier_mass")
    return predictions.with_decisions(policy.decide(predictions))


@pytest.fixture(scope="module")
def found(decided: Predictions) -> PolicyCosts:
    policy = fit_policy(decided, SPEC, "outlier_mass")
    outcomes = outcomes_of(decided, policy, SPEC)
    return compare_policies(decided, policy, SPEC, outcomes, n_resamples=50)


def test_costs_of_each_policy_on_the_same_cases(decided: Predictions, found: PolicyCosts) -> None:
    policy = fit_policy(decided, SPEC, "outlier_mass")
    outcomes = outcomes_of(decided, policy, SPEC)
    choices = policy.choices(outcomes.probabilities, policy.outlier_probability(outcomes.ood_score))
    weights = prevalence_weights(outcomes.is_outlier, SPEC.outlier_prevalence)
    right = outcomes.probabilities.argmax(axis=1) == outcomes.truth
    whole = {row.policy: row for row in found.rows if not row.axis}
    assert list(whole) == [THIS, "no abstentions", "abstaining on every case"]
    never = np.zeros(len(right), dtype=bool)
    for name, abstained, queue in (
        ("no abstentions", never, choices.urgency),
        ("abstaining on every case", ~never, choices.queue),
        (THIS, outcomes.abstained, outcomes.queue_urgency),
    ):
        labels = list(decided.cases["label"])
        cost = case_costs(cost_matrix(SPEC), labels, outcomes.is_outlier, right, queue, abstained)
        row = whole[name]
        assert row.cost.value == pytest.approx(weights @ cost)
        assert row.cost.low < row.cost.value < row.cost.high
        if row.difference is not None:
            own = whole[THIS].cost.value
            assert row.difference.value == pytest.approx(row.cost.value - own)
    assert whole[THIS].difference is None
    risks = {(row.policy, row.level) for row in found.rows if row.axis == RISK}
    assert risks == {(name, level) for name in whole for level in ("high", "low")}


def test_a_risk_of_known_conditions_alone_has_a_cost(decided: Predictions) -> None:
    content = SPEC.model_dump(mode="json")
    for one in content["conditions"]:
        if one["name"] not in decided.inliers:
            one["risk"] = "high"
    spec = DataSpec.model_validate(content)
    policy = fit_policy(decided, spec, "outlier_mass")
    labelled = decided.with_decisions(policy.decide(decided))
    outcomes = outcomes_of(labelled, policy, spec)
    found = compare_policies(labelled, policy, spec, outcomes, n_resamples=50)
    costs = {row.level: row.cost for row in found.rows if row.axis == RISK and row.policy == THIS}
    low = [spec.by_name[name].risk == "low" for name in decided.cases["label"]]
    assert not outcomes.is_outlier[low].any()
    assert costs["low"].value == pytest.approx(outcomes.cost[low].mean())
    high = ~np.array(low)
    weights = prevalence_weights(outcomes.is_outlier[high], spec.outlier_prevalence)
    assert costs["high"].value == pytest.approx(weights @ outcomes.cost[high])


def test_the_curve_goes_from_no_abstention_to_nearly_all(found: PolicyCosts) -> None:
    shares = sorted(point.abstained for point in found.curve)
    assert shares[0] == 0.0
    assert shares[-1] > 0.9
    by_share = sorted(found.curve, key=lambda point: point.abstained)
    assert by_share[0].abstained_under_triaged is None
    # every abstained case waits at semi-urgent or above
    rates = [point.urgent_at_observation for point in by_share]
    assert all(rate is not None for rate in rates)
    assert all(late <= early + 1e-12 for early, late in pairwise(rates))
    assert 0.0 < found.operating.abstained < 1.0


def test_the_chart_has_both_rates_and_the_operating_point(found: PolicyCosts) -> None:
    drawn = str(trade_off_curve(found))
    assert "urgent queued at observation" in drawn
    assert "abstained and under-triaged" in drawn
    assert drawn.count("operating") == 2
