from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.decisions.make import CLASSES, CONDITIONS, make_policy, make_predictions
from triage.data.spec import Condition, Costs, DataSpec, OutcomeCosts, Rows
from triage.errors import UsageError
from triage.evaluation import evaluate
from triage.evaluation.from_predictions import outcomes_of
from triage.predictions import Predictions
from triage.vocabulary.clinical import Risk, Urgency


def a_spec(costs: Costs, prevalence: float) -> DataSpec:
    """Only what `outcomes_of` reads."""
    known = {c.name: (c.risk, c.urgency) for c in CONDITIONS}
    outliers = dict.fromkeys(CLASSES[len(CONDITIONS) :], (Risk.HIGH, Urgency.SEMI_URGENT))
    conditions = tuple(
        Condition.model_construct(name=name, risk=risk, urgency=urgency)
        for name, (risk, urgency) in (known | outliers).items()
    )
    return DataSpec.model_construct(
        name="made_up",
        conditions=conditions,
        costs=costs,
        outlier_prevalence=prevalence,
        rows=Rows.model_construct(),
    )


@pytest.fixture
def predictions() -> Predictions:
    """A right answer, a wrong one and an outlier that was answered."""
    sure = [0.97, 0.01, 0.01, 0.01, 0.0, 0.0]
    table = make_predictions(np.array([sure] * 3), ["melanoma", "naevus", "rare a"])
    return table.with_decisions(make_policy(saving_threshold=9.0).decide(table))


def test_the_costs_are_those_of_the_spec_not_of_the_bundle(predictions: Predictions) -> None:
    given = Costs(outcomes=OutcomeCosts(wrong_inlier=4.0, miss_outlier=7.0))
    policy = make_policy(saving_threshold=9.0)
    found = outcomes_of(predictions, policy, a_spec(given, 0.1))
    # urgent is three steps too much for a naevus, one for the semi-urgent outlier of high risk
    assert found.cost.tolist() == [0.0, 4.75, 8.0]
    assert (found.largest_cost, found.outlier_prevalence) == (25.0, 0.1)
    plain = outcomes_of(predictions, policy, a_spec(Costs(), 0.1))
    assert plain.cost.tolist() == [0.0, 1.75, 2.0]
    cost = evaluate(found, n_resamples=20).overall["clinical_cost"]
    assert cost.value == pytest.approx(0.9 * 4.75 / 2 + 0.1 * 8.0)
    assert cost.at_split_share == pytest.approx(12.75 / 3)


def test_predictions_without_decisions_or_labels_are_refused(predictions: Predictions) -> None:
    spec = a_spec(Costs(), 0.1)
    with pytest.raises(UsageError, match="no decisions"):
        outcomes_of(replace(predictions, decisions=None), make_policy(), spec)
    unlabelled = predictions.cases.assign(label=None)
    with pytest.raises(UsageError, match="no label"):
        outcomes_of(replace(predictions, cases=unlabelled), make_policy(), spec)
