"""Falls of the OOD and abstention rate, and the number of charts that share a budget."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import select

from tests.monitoring.plans import OOD, plan, rate
from tests.monitoring.stream_maker import BEGIN, DayOfCases, add_days, make_bundle
from triage.errors import SpecError
from triage.monitoring.alarm_budget import share_of_budget
from triage.monitoring.bernoulli_cusum import design_cusum
from triage.monitoring.make_plan import PlanRequest, make_plan
from triage.monitoring.monitoring_plan import FALL, DriftPlan, StreamRate
from triage.monitoring.plan_file import write_monitoring_plan
from triage.monitoring.run_monitoring import run_monitoring
from triage.store import Store, open_store
from triage.store.tables import Case, Prediction
from triage.vocabulary.monitoring import ChartKind


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path / 'cases.db'}", create=True)
    make_bundle(opened)
    yield opened
    opened.close()


def test_a_detector_that_finds_nothing_any_more_raises_an_alarm(
    store: Store, tmp_path: Path
) -> None:
    add_days(
        store, 1, [DayOfCases(range(15), 50, ood=0.06), DayOfCases(range(15, 30), 50, ood=0.0)]
    )
    fall = rate(p0=0.05, p1=0.01, key=FALL)
    write_monitoring_plan(plan(rates=(rate(p0=0.07, p1=0.15), fall)), tmp_path / "plan.yaml")
    found = run_monitoring(store, tmp_path / "out", plan=tmp_path / "plan.yaml").result
    (alarm,) = found.alarms
    assert (alarm.chart, alarm.key) == (OOD, FALL)
    design = design_cusum(0.05, 0.01, horizon=1500, false_alarm=0.05)
    with store.reading() as session:
        rows = session.execute(
            select(Case.received_at, Prediction.reason_code)
            .join(Prediction, Prediction.case_id == Case.id)
            .order_by(Case.received_at, Case.id)
        ).all()
    total = 0
    crossed = None
    for received, reason in rows:
        total = max(0, total + (-design.steps_down if reason == "A4" else design.steps_up))
        if total >= design.limit:
            crossed = received
            break
    assert crossed is not None
    assert alarm.crossed_at == crossed
    assert crossed > BEGIN + timedelta(days=15)
    (series,) = [one for one in found.charts if one.key == FALL]
    assert series.title.endswith(", fall")
    assert series.changed is not None
    assert series.changed < 0.05


def test_a_plan_watches_falls_and_counts_every_chart_in_its_budget(store: Store) -> None:
    days = range(30)
    parts = [
        DayOfCases(days, 5, ood=0.04, ambiguous=0.3, site=f"site{number:02}")
        for number in range(18)
    ]
    add_days(store, 1, parts)
    with store.reading() as session:
        made = make_plan(session, PlanRequest(columns=("age", "modality"))).plan
    falls = {one.chart: one for one in made.rates if one.key == FALL}
    assert {*falls} == {OOD, ChartKind.ABSTENTION_RATE}
    for one in falls.values():
        assert one.estimate is not None
        assert one.p1 is not None
        assert one.p1 < one.p0 < one.estimate
    # 19 streams with an OOD and an abstention rate, two columns, embeddings, under-calls and
    # calibration; two falls, and the reasons of abstention of all cases.
    reasons = sum(one.key not in ("", FALL) for one in made.rates)
    assert reasons >= 2
    assert made.false_alarm == share_of_budget(19 * 7 + 2 + reasons) < 0.05


def test_a_plan_by_hand_need_not_ask_for_falls(store: Store, tmp_path: Path) -> None:
    add_days(store, 1, [DayOfCases(range(3), 20)])
    write_monitoring_plan(plan(), tmp_path / "plan.yaml")
    found = run_monitoring(store, tmp_path / "out", plan=tmp_path / "plan.yaml").result
    assert [one.key for one in found.charts] == [""]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"axis": "site", "level": "north"}, "of all cases have a 'fall'"),
        ({"chart": ChartKind.OVERRIDE_RATE}, "of all cases have a 'fall'"),
        ({"p1": 0.2}, "p1 of a 'fall' is above p0"),
    ],
)
def test_falls_that_cannot_be_watched_are_refused(changes: dict[str, Any], message: str) -> None:
    given = {"chart": OOD, "key": FALL, "p0": 0.05, "p1": 0.01, "per_day": 10} | changes
    with pytest.raises(ValidationError, match=message):
        StreamRate(**given)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"axes": ("site", "site")}, "axes"),
        ({"columns": ("age", "age")}, "a column is named twice"),
        ({"false_alarm": 7.0}, "false_alarm"),
        ({"false_alarm": 0.0}, "false_alarm"),
        ({"seed": 2**40}, "seed"),
        ({"score_threshold": float("nan")}, "score_threshold"),
    ],
)
def test_settings_of_a_plan_outside_of_their_range_are_told(
    store: Store, changes: dict[str, Any], named: str
) -> None:
    add_days(store, 1, [DayOfCases(range(1), 20)])
    with store.reading() as session, pytest.raises(SpecError) as caught:
        make_plan(session, PlanRequest(**changes))
    assert named in "\n".join(caught.value.problems)


def test_drift_plans_have_no_column_twice() -> None:
    with pytest.raises(ValidationError, match="twice"):
        DriftPlan(columns=("age", "age"))
