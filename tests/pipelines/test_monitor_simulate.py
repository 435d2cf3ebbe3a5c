"""`triage monitor simulate` as a user meets it."""

import json
from pathlib import Path

import pytest

from tests.pipelines.command import Command

SCENARIO = """
seed: 3
days: 40
cases_per_day: 50
baseline: {ood_rate: 0.02, abstention_rate: 0.1, override_rate: 0.1}
change: {day: 20, ood_rate: 0.3}
"""


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    path = tmp_path / "scenario.yaml"
    path.write_text(SCENARIO)
    return path


def test_json_is_the_day_of_each_chart_and_details(triage: Command, scenario: Path) -> None:
    answer = triage("monitor", "simulate", "--scenario", scenario, "--json")
    assert answer.code == 0
    found = answer.json
    assert list(found) == ["ood_rate", "abstention_rate", "override_rate", "details"]
    assert 20 <= found["ood_rate"] <= 22
    assert found["override_rate"] is None
    details = found["details"]["ood_rate"]
    assert details["first_alarm_day"] == found["ood_rate"]
    assert details["change_day"] == 20
    assert details["design"]["false_alarm"] <= 0.05
    assert triage("monitor", "simulate", "--scenario", scenario, "--json").json == found


def test_people_read_false_alarms_and_repeats(triage: Command, scenario: Path) -> None:
    scenario.write_text(SCENARIO + "repeats: 5\nfalse_alarm: 0.999\nhorizon_days: 2\n")
    said = triage("monitor", "simulate", "--scenario", scenario).out
    assert "a false alarm, the change comes on day 20; the change was found on day 2" in said
    assert "a false alarm, this rate does not change" in said
    assert "  5 streams" in said
    assert "100.0% with a false alarm in 40 days" in said


def test_a_short_baseline_is_said(triage: Command, scenario: Path) -> None:
    scenario.write_text(SCENARIO + "baseline_cases: 50\nrepeats: 2\n")
    said = triage("monitor", "simulate", "--scenario", scenario).out
    assert "ood_rate: not enough evidence: 50 baseline cases" in said
    assert "  0 streams, 2 more without enough baseline cases" in said


def test_an_unknown_key_is_refused_with_the_nearest(triage: Command, scenario: Path) -> None:
    scenario.write_text(SCENARIO.replace("cases_per_day", "cases_per_dy"))
    answer = triage("monitor", "simulate", "--scenario", scenario, "--json")
    assert answer.code == 2
    refused = json.loads(answer.out)
    assert any("Did you mean cases_per_day?" in problem for problem in refused["problems"])
    missing = triage("monitor", "simulate", "--scenario", scenario.parent / "none.yaml")
    assert missing.code == 2
