"""Scenarios of simulated streams, and what charts find on them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from tests.soak.cusum_simulation import goals
from triage.errors import SpecError
from triage.monitoring.simulated_streams import simulate_streams
from triage.monitoring.stream_scenario import StreamScenario, load_scenario

BASE: dict[str, Any] = {
    "seed": 4,
    "days": 30,
    "cases_per_day": 40,
    "baseline": {"ood_rate": 0.02, "abstention_rate": 0.1, "override_rate": 0.2},
    "change": {"day": 10, "ood_rate": 0.2, "abstention_rate": 0.5},
}


def scenario(**changed: Any) -> StreamScenario:
    return StreamScenario.model_validate(BASE | changed)


def test_the_goals_are_met_on_400_streams() -> None:
    assert goals(400, seed=2) == []


def test_each_chart_finds_the_change_of_its_rate_alone() -> None:
    found = simulate_streams(scenario())
    assert list(found) == ["ood_rate", "abstention_rate", "override_rate"]
    for name in ("ood_rate", "abstention_rate"):
        result = found[name]
        assert result.first_alarm_day is not None
        assert 10 <= result.first_alarm_day <= 13
        assert result.delay_days == result.first_alarm_day - 9
        assert not result.false_alarm
    assert found["override_rate"].change_day is None
    assert found["override_rate"].found_day is None


def test_an_alarm_before_the_change_is_a_false_alarm_and_the_chart_goes_on() -> None:
    eager = scenario(false_alarm=0.9999, horizon_days=5)
    result = simulate_streams(eager)["ood_rate"]
    assert result.false_alarm
    assert result.first_alarm_day is not None
    assert result.first_alarm_day < 10
    assert result.found_day is not None
    assert result.found_day >= 10
    assert result.n_alarms > 1


def test_a_chart_does_not_know_the_change() -> None:
    one, other = scenario(), scenario(change={"day": 5, "ood_rate": 0.9})
    assert simulate_streams(one)["ood_rate"].design == simulate_streams(other)["ood_rate"].design
    chosen = simulate_streams(scenario(alternatives={"ood_rate": 0.3}))["ood_rate"].design
    assert chosen is not None
    assert chosen.p1 == pytest.approx(0.3, abs=0.07)


def test_a_stream_depends_on_its_seed_chart_and_repeat_alone() -> None:
    alone = simulate_streams(scenario(charts=["abstention_rate"], repeats=1))
    among = simulate_streams(scenario(repeats=3))
    assert alone["abstention_rate"].model_dump(exclude={"repeats"}) == among[
        "abstention_rate"
    ].model_dump(exclude={"repeats"})
    assert among["abstention_rate"].repeats is not None


def test_a_fall_is_found_by_charts_of_falls() -> None:
    given = {"direction": "fall", "change": {"day": 10, "override_rate": 0.02}}
    result = simulate_streams(scenario(**given))["override_rate"]
    assert result.found_day is not None
    assert result.found_day <= 14
    rising = simulate_streams(scenario(change=given["change"]))["override_rate"]
    assert rising.found_day is None


def test_quantiles_over_repeats_are_of_streams() -> None:
    given = scenario(repeats=21, charts=["ood_rate"])
    repeats = simulate_streams(given)["ood_rate"].repeats
    assert repeats is not None
    assert repeats.n == 21
    firsts = []
    for seed in range(21):  # a stream of one repeat has the number 0 whatever its seed
        only = simulate_streams(scenario(charts=["ood_rate"], seed=seed))["ood_rate"]
        firsts.append(only.first_alarm_day)
    spread = np.ptp([day for day in firsts if day is not None])
    assert spread <= 25
    assert repeats.first_alarm_day["median"] in range(9, 14)
    assert repeats.found_share == 1.0


def test_a_short_baseline_is_not_enough_evidence() -> None:
    found = simulate_streams(scenario(baseline_cases=80, repeats=4))["ood_rate"]
    assert found.design is None
    assert found.first_alarm_day is None
    assert "not enough evidence" in found.note
    assert found.repeats is not None
    assert found.repeats.not_enough == 4
    longer = simulate_streams(scenario(baseline_cases=2000))["ood_rate"].design
    assert longer is not None
    assert longer.p0 > 0.015


def test_odd_numbers_of_cases_and_a_change_beyond_the_end() -> None:
    found = simulate_streams(scenario(cases_per_day=1.5, change={"day": 30, "ood_rate": 0.9}))
    assert found["ood_rate"].change_day is None
    zero = simulate_streams(scenario(baseline={"ood_rate": 0.0}, change=None))
    assert zero["ood_rate"].first_alarm_day is None


def test_scenarios_are_yaml_or_json(tmp_path: Path) -> None:
    as_yaml, as_json = tmp_path / "a.yaml", tmp_path / "a.json"
    as_yaml.write_text(yaml.safe_dump(BASE))
    as_json.write_text(json.dumps(BASE, indent=2))
    assert load_scenario(as_yaml) == load_scenario(str(as_json)) == scenario()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"cases_a_day": 4}, "Did you mean cases_per_day?"),
        ({"baseline": {"ood_rat": 0.1}}, "Did you mean ood_rate?"),
        ({"charts": ["ood_rates"]}, "Did you mean ood_rate?"),
        ({"charts": ["ood_rate", "ood_rate"]}, "twice"),
        ({"charts": ["ood_rate"], "baseline": {"override_rate": 0.1}}, "baseline lacks ood_rate"),
        ({"baseline": {}}, "there is no chart"),
        ({"baseline": {"ood_rate": 1.5}}, "less than or equal to 1"),
        ({"baseline": {"ood_rate": float("nan")}}, "baseline.ood_rate"),
        ({"days": 0}, "greater than or equal to 1"),
        ({"cases_per_day": 1e9}, "too long"),
        ({"cases_per_day": float("inf")}, "finite number"),
        ({"days": 3000, "cases_per_day": 1000, "repeats": 100_000}, "too large"),
    ],
)
def test_impossible_scenarios_are_refused(tmp_path: Path, changed: Any, said: str) -> None:
    path = tmp_path / "scenario.yaml"
    path.write_text(yaml.safe_dump(BASE | changed))
    with pytest.raises(SpecError) as caught:
        load_scenario(path)
    assert said in str(caught.value)
