from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tests.monitoring.plans import plan, rate
from tests.monitoring.stream_maker import DIGEST
from triage.errors import SpecError
from triage.monitoring.monitoring_plan import BaselineCases, MonitoringPlan, OodRule
from triage.monitoring.plan_file import load_monitoring_plan, write_monitoring_plan
from triage.vocabulary.monitoring import ChartKind

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)


def full() -> MonitoringPlan:
    return plan(
        baseline=BaselineCases(
            begin=NOON, end=NOON + timedelta(days=30), stored_until=NOON, n_cases=900
        ),
        start=NOON + timedelta(days=30),
        axes=("site", "skin_type"),
        rates=(
            rate(),
            rate(axis="site", level="north", estimate=0.01, n_cases=800),
            rate(ChartKind.ABSTENTION_RATE, key="A4"),
        ),
        urgencies={"melanoma": "urgent"},
        high_risk=("melanoma",),
    )


def test_a_written_plan_is_read_as_the_same_plan(tmp_path: Path) -> None:
    given = full()
    write_monitoring_plan(given, tmp_path / "plan.yaml")
    assert load_monitoring_plan(tmp_path / "plan.yaml") == given
    (tmp_path / "plan.json").write_text(json.dumps(given.content()))
    assert load_monitoring_plan(tmp_path / "plan.json") == given
    assert load_monitoring_plan(str(tmp_path / "plan.json")).sha256() == given.sha256()


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("charst: [ood_rate]", "charst: there is no such key. Did you mean charts?"),
        ("charts: [ood_rates]", "Did you mean ood_rate?"),
        ("charts: []", "charts: there is none"),
        ("charts: [ood_rate, ood_rate]", "is given twice"),
        ("false_alarm: 1.5", "less than 1"),
        ("horizon_days: 0", "greater than or equal to 1"),
        ("gap_days: -1", "greater than 0"),
        ("after_gap: forget", "'keep' or 'restart'"),
        ("start: 2025-01-01T00:00:00", "timezone"),
        ("ood: {reasons: []}", "neither a reason nor a threshold"),
        ("ood: {reasons: [A9]}", "ood.reasons.0"),
        ("rates: [{chart: ood_rate, p0: 0, per_day: 1}]", "p0"),
        ("rates: [{chart: calibration, p0: 0.1, per_day: 1}]", "no chart of a rate"),
        ("rates: [{chart: ood_rate, key: A4, p0: 0.1, per_day: 1}]", "no reason of abstention"),
        ("rates: [{chart: ood_rate, axis: site, p0: 0.1, per_day: 1}]", "come together"),
        ("rates: [{chart: ood_rate, axis: eye, level: L, p0: 0.1, per_day: 1}]", "no axis 'eye'"),
        ("rates: [{chart: ood_rate, p0: 0.1, p1: 0.1, per_day: 1}]", "nothing to find"),
        ("drift: {columns: [age, age]}", "named twice"),
    ],
)
def test_a_plan_that_breaks_a_rule_is_refused_with_the_place(
    tmp_path: Path, line: str, problem: str
) -> None:
    file = tmp_path / "plan.yaml"
    file.write_text(f"bundle: {DIGEST}\n{line}\n")
    with pytest.raises(SpecError) as refusal:
        load_monitoring_plan(file)
    assert problem in str(refusal.value)


def test_a_level_without_a_rate_goes_by_that_of_all_cases() -> None:
    given = full()
    assert given.rate_of(ChartKind.OOD_RATE, "", "site", "north") == given.rates[1]
    assert given.rate_of(ChartKind.OOD_RATE, "", "site", "south") == given.rates[0]
    assert given.rate_of(ChartKind.OVERRIDE_RATE, "", "", "") is None


@pytest.mark.parametrize("change", [{"seed": -1}, {"bundle": "x"}, {"max_levels": 0}])
def test_values_outside_their_range_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        plan(**change)


def test_a_plan_is_frozen() -> None:
    with pytest.raises(ValidationError):
        full().seed = 3  # type: ignore[misc]
    assert OodRule().reasons == ("A1", "A3", "A4")
