"""The table of prediction sets, only where the system gives any."""

from __future__ import annotations

from tests.decisions.test_rules import fitted, simulate
from tests.reports.example import example
from tests.reports.test_uncertainty import words
from triage.decisions.rule_settings import PredictionSetSettings
from triage.evaluation.prediction_sets import evaluate_prediction_sets
from triage.reports import Report
from triage.reports.write import render_json

HEADING = "Prediction sets"


def test_every_group_with_its_coverage_and_size() -> None:
    asked = simulate(1)
    policy = fitted(simulate(0), prediction_set=PredictionSetSettings())
    found = evaluate_prediction_sets(asked.with_decisions(policy.decide(asked)))
    assert found is not None
    report = example(60, prediction_sets=found)
    _, table = words(report).split(HEADING)
    for row in found.rows[1:]:
        assert f"{row.axis}: {row.level}" in table
        assert f"{row.mean_size:.2f}" in table
    assert Report.model_validate_json(render_json(report)) == report
    without = example(60)
    assert HEADING not in words(without)
    assert without.report_id != report.report_id
