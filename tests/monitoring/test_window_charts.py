"""Charts of windows, compared with computations of their own."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from tests.monitoring.plans import plan
from tests.monitoring.stream_maker import BEGIN, DayOfCases, add_days, make_bundle
from tests.store.migrated import migrated_url
from triage.monitoring.case_stream import DAY, microseconds
from triage.monitoring.chart_windows import Calendar, Looks
from triage.monitoring.monitoring_plan import BaselineCases, DriftPlan
from triage.monitoring.plan_file import write_monitoring_plan
from triage.monitoring.run_monitoring import run_monitoring
from triage.monitoring.stream_context import ChartContext
from triage.monitoring.under_call_chart import Missed, lower_bound, under_call_chart
from triage.store import open_store
from triage.vocabulary.monitoring import ChartKind, ChartVerdict

START = microseconds(BEGIN)
STREAM = (ChartKind.UNDER_CALL_ON_ABSTAINED, "", "", "")


def missed(shown: tuple[int, int], alone: tuple[int, int], days: int = 20) -> Missed:
    """Cases of both arms, given as (missed, all), spread over some days."""
    rows = [(False, place < shown[0]) for place in range(shown[1])]
    rows += [(True, place < alone[0]) for place in range(alone[1])]
    time = np.sort(START + (np.arange(len(rows)) * days * DAY) // max(len(rows), 1))
    order = np.random.default_rng(0).permutation(len(rows))
    return Missed(
        case=np.arange(len(rows)),
        time=time,
        missed=np.array([rows[place][1] for place in order], dtype=np.bool_),
        alone=np.array([rows[place][0] for place in order], dtype=np.bool_),
    )


@pytest.mark.parametrize(
    ("shown", "alone", "verdict"),
    [
        ((30, 60), (6, 60), ChartVerdict.ALARM),
        ((6, 60), (6, 60), ChartVerdict.IN_CONTROL),
        ((30, 60), (1, 5), ChartVerdict.NOT_ENOUGH),
        ((30, 60), (0, 0), ChartVerdict.NOT_ENOUGH),
    ],
)
def test_under_calls_are_compared_with_the_arm_without_ai(
    shown: tuple[int, int], alone: tuple[int, int], verdict: ChartVerdict
) -> None:
    given = plan(horizon_days=90)
    calendar = Calendar(START // DAY, START // DAY + 30, 7)
    answer = under_call_chart(ChartContext(given), missed(shown, alone), calendar, STREAM)
    assert answer.series.verdict is verdict
    (point,) = answer.series.points
    assert point.n_cases == shown[1] + alone[1]
    assert f"{shown[0]} of {shown[1]}" in answer.series.note
    assert f"{alone[0]} of {alone[1]}" in answer.series.note
    if verdict is not ChartVerdict.NOT_ENOUGH:
        assert point.value == pytest.approx(shown[0] / shown[1] - alone[0] / alone[1])
        z = stats.norm.ppf(1 - 0.05 / 3)  # three windows of 30 days in the horizon
        assert point.statistic == pytest.approx(lower_bound(*shown, *alone, z))
    assert len(answer.alarms) == (verdict is ChartVerdict.ALARM)


def test_the_lower_bound_is_newcombes() -> None:
    """Newcombe 1998, table II: 56/70 against 48/80, method 10: 0.0524 to 0.3339."""
    z = stats.norm.ppf(0.975)
    assert lower_bound(56, 70, 48, 80, z) == pytest.approx(0.0524, abs=5e-5)


def test_windows_are_whole_days_and_the_last_is_not_complete() -> None:
    time = START + np.array([0, 3, 6, 7, 20, 20]) * DAY + 5
    found = list(Calendar(START // DAY, START // DAY + 20, 5).windows(time, 7))
    assert [(one.first, one.end) for one in found] == [(0, 3), (3, 4)]
    assert found[0].at == BEGIN + timedelta(days=7)
    later = list(Calendar(START // DAY, START // DAY + 28, 5).windows(time, 7))
    assert [one.n_cases for one in later] == [3, 1, 2, 0]
    assert [one.after_gap for one in later] == [False, False, True, False]


def test_the_levels_of_a_horizon_add_up_to_its_budget_and_are_renewed() -> None:
    looks = Looks(0.05, 4)
    levels = []
    for tested in (True, False, True, True, True):
        levels.append(looks.level())
        looks.made(tested=tested)
    assert levels[0] == pytest.approx(0.0125)
    assert levels[0] + levels[2] + levels[3] == pytest.approx(0.05)
    assert levels[4] == levels[0]


def test_drift_of_a_column_and_of_vectors_is_found(tmp_path: Path) -> None:
    given = plan(
        charts=(ChartKind.INPUT_DRIFT, ChartKind.EMBEDDING_DRIFT),
        rates=(),
        start=BEGIN + timedelta(days=14),
        baseline=BaselineCases(
            begin=BEGIN,
            end=BEGIN + timedelta(days=14),
            stored_until=BEGIN + timedelta(days=9000),
            n_cases=280,
        ),
        drift=DriftPlan(columns=("age", "site"), n_permutations=199, max_window=100),
    )
    write_monitoring_plan(given, tmp_path / "plan.yaml")
    with migrated_url("sqlite", tmp_path) as url:
        store = open_store(url)
        parts = [
            DayOfCases(range(21), 20),
            DayOfCases(range(21, 29), 20, site="new", age=65, shift=2.0),
        ]
        add_days(store, make_bundle(store), parts, vectors=4)
        result = run_monitoring(store, tmp_path / "out", plan=tmp_path / "plan.yaml").result
        store.close()
    found = {(one.chart, one.key): one for one in result.charts}
    assert set(found) == {
        (ChartKind.INPUT_DRIFT, "age"),
        (ChartKind.INPUT_DRIFT, "site"),
        (ChartKind.EMBEDDING_DRIFT, ""),
    }
    for series in found.values():
        assert [point.n_cases for point in series.points] == [140, 140]
        assert [point.alarm for point in series.points] == [False, True]
        assert series.verdict is ChartVerdict.ALARM
    assert {one.crossed_at for one in result.alarms} == {BEGIN + timedelta(days=28)}
    site = found[ChartKind.INPUT_DRIFT, "site"].points
    assert site[0].value == 0  # one level on both sides
    floor = 1e-4  # PSI of 1 against 1e-4, twice
    assert site[1].value == pytest.approx(2 * (1 - floor) * np.log(1 / floor))
