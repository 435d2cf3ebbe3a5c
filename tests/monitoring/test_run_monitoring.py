"""Runs of monitoring over databases with a stream whose OOD rate changes on a day."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, func, select

from tests.monitoring.plans import OOD, plan, rate
from tests.monitoring.stream_maker import BEGIN, DIGEST, DayOfCases, add_days, make_bundle
from tests.store.make import bundle as bundle_record
from tests.store.migrated import migrated_url
from triage.backups import back_up, restore
from triage.errors import SpecError, UsageError
from triage.monitoring.alarms import assign_alarm, close_alarm
from triage.monitoring.bernoulli_cusum import design_cusum
from triage.monitoring.monitoring_plan import BaselineCases, DriftPlan, MonitoringPlan
from triage.monitoring.monitoring_result import AlarmSummary, ChartSeries, MonitoringResult
from triage.monitoring.plan_file import write_monitoring_plan
from triage.monitoring.run_monitoring import MonitoringRun, run_monitoring
from triage.store import Store, events, open_store, register_bundle, verify_ledger
from triage.store.bundles import set_champion
from triage.store.monitoring_tables import AlarmRow, MonitoringPlanRow, MonitoringRunRow
from triage.store.tables import Case, Prediction
from triage.vocabulary.event_types import EventType
from triage.vocabulary.monitoring import ChartKind, ChartVerdict, ClosingReason

BOTH = pytest.mark.parametrize(
    "store", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)
CHANGE = 20
STEADY = DayOfCases(range(CHANGE), per_day=50)
CHANGED = DayOfCases(range(CHANGE, 30), per_day=50, ood=0.2)


@pytest.fixture
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    with migrated_url(getattr(request, "param", "sqlite"), tmp_path) as url:
        opened = open_store(url)
        make_bundle(opened)
        yield opened
        opened.close()


def run(store: Store, out: Path, given: MonitoringPlan | None = None, **more: Any) -> MonitoringRun:
    file = None
    if given is not None:
        file = out.parent / "plan.yaml"
        write_monitoring_plan(given, file)
    return run_monitoring(store, out, plan=file, **more)


def keys(alarms: Sequence[AlarmSummary]) -> list[tuple[object, ...]]:
    return [(one.chart, one.key, one.axis, one.level, one.crossed_at, one.facts) for one in alarms]


def chart(
    result: MonitoringResult, kind: ChartKind = OOD, level: str = "", key: str = ""
) -> ChartSeries:
    (found,) = [
        one for one in result.charts if (one.chart, one.level, one.key) == (kind, level, key)
    ]
    return found


def stored(store: Store) -> tuple[int, int, int]:
    """Plans, runs and alarms."""
    with store.reading() as session:
        return tuple(  # type: ignore[return-value]
            session.scalar(select(func.count()).select_from(table))
            for table in (MonitoringPlanRow, MonitoringRunRow, AlarmRow)
        )


def expected_alarm(store: Store) -> tuple[int, Any]:
    """The first case at which the sum reaches the limit, computed from the rows one by one."""
    design = design_cusum(0.01, 0.05, horizon=1500, false_alarm=0.05)
    with store.reading() as session:
        rows = session.execute(
            select(Case.id, Case.received_at, Prediction.reason_code)
            .join(Prediction, Prediction.case_id == Case.id)
            .order_by(Case.received_at, Case.id)
        ).all()
    total = 0
    for number, received, reason in rows:
        total = max(0, total + (design.steps_up if reason == "A4" else -design.steps_down))
        if total >= design.limit:
            return number, received
    raise AssertionError("no alarm")


@BOTH
def test_a_change_is_found_once_at_the_case_where_the_sum_reaches_the_limit(
    store: Store, tmp_path: Path
) -> None:
    add_days(store, 1, [STEADY, CHANGED])
    found = run(store, tmp_path / "out", plan())
    number, received = expected_alarm(store)
    (alarm,) = found.result.alarms
    assert alarm.crossed_at == received
    assert BEGIN + timedelta(days=CHANGE) <= received < BEGIN + timedelta(days=CHANGE + 2)
    with store.reading() as session:
        row = session.scalars(select(AlarmRow)).one()
        assert row.case_id == number
    series = chart(found.result)
    assert series.verdict is ChartVerdict.ALARM
    assert [point.n_cases for point in series.points] == [50] * 30
    assert series.points[0].at == BEGIN + timedelta(days=1)
    first = next(point for point in series.points if point.alarm)
    assert first.at == BEGIN + timedelta(days=(received - BEGIN).days + 1)
    assert found.new_alarms == (alarm.id,)
    again = run(store, tmp_path / "out")
    assert again.new_alarms == ()
    assert again.result == found.result
    assert stored(store) == (1, 1, 1)
    assert (tmp_path / "out" / "monitoring.json").read_text() == (
        found.result.model_dump_json(indent=1) + "\n"
    )


def test_runs_over_parts_raise_what_one_run_over_everything_does(
    store: Store, tmp_path: Path
) -> None:
    wide = plan(
        axes=("site", "skin_type"),
        rates=(rate(), rate(ChartKind.ABSTENTION_RATE, p0=0.06, p1=0.12)),
        charts=(OOD, ChartKind.ABSTENTION_RATE, ChartKind.INPUT_DRIFT),
        baseline=BaselineCases(
            begin=BEGIN, end=BEGIN + timedelta(days=10),
            stored_until=BEGIN + timedelta(days=9000), n_cases=500,
        ),
        drift=DriftPlan(columns=("age",)),
    )  # fmt: skip
    whole_url = f"sqlite:///{tmp_path / 'whole.db'}"
    whole = open_store(whole_url, create=True)
    make_bundle(whole)
    for first in range(0, 30, 6):
        for each in (store, whole):
            parts = [
                DayOfCases(range(first, first + 6), 30, ood=0.15 if first >= 18 else 0.01),
                DayOfCases(range(first, first + 6), 20, site="south", age=50 + first),
            ]
            add_days(each, 1, parts, seed=first)
        run(store, tmp_path / "out", wide)
    found = run(store, tmp_path / "out", wide).result
    shutil.rmtree(tmp_path / "out")  # the parts are kept for speed only
    assert run(store, tmp_path / "out").result == found
    other = run(whole, tmp_path / "whole", wide).result
    whole.close()
    assert keys(other.alarms) == keys(found.alarms)
    assert {one.chart for one in other.alarms} == {OOD, *wide.charts}
    assert other.charts == found.charts
    assert stored(store)[2] == len(other.alarms)


def test_late_cases_count_after_the_run_and_move_no_alarm(store: Store, tmp_path: Path) -> None:
    add_days(store, 1, [STEADY, CHANGED])
    first = run(store, tmp_path / "out", plan()).result
    add_days(store, 1, [DayOfCases(range(5), per_day=20, ood=0.9)], seed=3)
    second = run(store, tmp_path / "out")
    assert second.new_alarms == ()
    assert keys(second.result.alarms) == keys(first.alarms)
    assert chart(second.result).points[:-1] == chart(first).points[:-1]
    assert chart(second.result).points[-1].n_cases == 50 + 100
    assert any("100 cases came" in note for note in second.result.notes)
    assert run(store, tmp_path / "out").result == second.result


def test_rows_that_change_raise_no_alarm_again(store: Store, tmp_path: Path) -> None:
    numbers = add_days(store, 1, [STEADY, CHANGED])
    first = run(store, tmp_path / "out", plan()).result
    with store.transaction() as session:
        session.execute(delete(Prediction).where(Prediction.case_id.in_(numbers[100:300])))
    second = run(store, tmp_path / "out")
    assert second.new_alarms == ()
    assert keys(second.result.alarms) == keys(first.alarms)
    assert second.result.n_cases == first.n_cases - 200


def test_a_stream_has_one_alarm_until_it_is_closed(store: Store, tmp_path: Path) -> None:
    days = range(400, 430)  # in the past of this clock, and after the closing below
    add_days(store, 1, [STEADY, CHANGED])
    found = run(store, tmp_path / "out", plan())
    assert len(found.result.alarms) == 1
    with store.transaction() as session:
        assign_alarm(session, 1, "Gus", actor="Gus")
        close_alarm(session, 1, ClosingReason.ACTED_ON, "Camera replaced.", actor="Gus")
        closed = session.get_one(AlarmRow, 1)
        closed.closed_at = BEGIN + timedelta(days=32)
    quiet = run(store, tmp_path / "out")
    assert quiet.new_alarms == ()
    assert quiet.open_alarms == 0
    assert chart(quiet.result).verdict is ChartVerdict.IN_CONTROL
    add_days(store, 1, [DayOfCases(days, per_day=50, ood=0.2)], seed=9)
    again = run(store, tmp_path / "out")
    assert len(again.new_alarms) == 1
    assert again.result.alarms[-1].crossed_at > BEGIN + timedelta(days=400)
    assert chart(again.result).verdict is ChartVerdict.ALARM


@BOTH
def test_two_runs_at_once_raise_each_alarm_once(store: Store, tmp_path: Path) -> None:
    add_days(store, 1, [STEADY, CHANGED])
    write_monitoring_plan(plan(), tmp_path / "plan.yaml")
    together, failures = threading.Barrier(4), []

    def work(number: int) -> None:
        together.wait()
        try:
            run_monitoring(store, tmp_path / f"out{number}", plan=tmp_path / "plan.yaml")
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert failures == []
    assert stored(store) == (1, 1, 1)
    with store.reading() as session:
        kinds = [one.kind for one in events(session)]
    assert kinds.count(EventType.ALARM_RAISED) == kinds.count(EventType.MONITORED) == 1
    results = {(tmp_path / f"out{n}" / "monitoring.json").read_bytes() for n in range(4)}
    assert len(results) == 1


def test_a_site_with_five_cases_has_not_enough_evidence(store: Store, tmp_path: Path) -> None:
    tiny = DayOfCases(range(5), per_day=1, ood=1.0, site="tiny")
    add_days(store, 1, [STEADY, tiny])
    found = run(store, tmp_path / "out", plan(axes=("site",))).result
    series = chart(found, level="tiny")
    assert series.verdict is ChartVerdict.NOT_ENOUGH
    assert series.note == "5 cases; at least 30 are needed; the baseline is that of all cases"
    assert [point.n_cases for point in series.points] == [1] * 5
    assert chart(found, level="north").verdict is ChartVerdict.IN_CONTROL
    assert found.alarms == ()


@pytest.mark.parametrize("after_gap", ["keep", "restart"])
def test_a_gap_of_weeks_is_marked(store: Store, tmp_path: Path, after_gap: str) -> None:
    """Before and after the gap the sum is just below the limit, and reaches it only together."""
    part: dict[str, Any] = {"per_day": 10, "ood": 0.0, "ambiguous": 0.0}
    design = design_cusum(0.01, 0.05, horizon=1500, false_alarm=0.05)
    n_ood = -(-design.limit // design.steps_up) - 1
    add_days(store, 1, [DayOfCases(range(10), **part), DayOfCases(range(10, 11), n_ood, ood=1.0),
                        DayOfCases(range(45, 46), 2, ood=1.0)])  # fmt: skip
    found = run(store, tmp_path / "out", plan(after_gap=after_gap)).result
    points = chart(found).points
    assert [point.after_gap for point in points] == [False] * 11 + [True]
    assert len(found.alarms) == (1 if after_gap == "keep" else 0)
    said = "go on where they were" if after_gap == "keep" else "begin at 0"
    (note,) = [note for note in found.notes if "gap" in note]
    assert "1 gaps of more than 7 days" in note
    assert said in note


def test_since_leaves_points_out_and_changes_no_sum(store: Store, tmp_path: Path) -> None:
    add_days(store, 1, [STEADY, CHANGED])
    every = run(store, tmp_path / "out", plan()).result
    some = run(store, tmp_path / "out", since=date(2025, 1, 20)).result
    assert chart(some).points == chart(every).points[14:]
    assert some.alarms == every.alarms


def test_a_database_that_was_restored_is_told_and_judged_anew(tmp_path: Path) -> None:
    url, out = f"sqlite:///{tmp_path / 'cases.db'}", tmp_path / "out"
    store = open_store(url, create=True)
    make_bundle(store)
    add_days(store, 1, [STEADY])
    write_monitoring_plan(plan(), tmp_path / "plan.yaml")
    run_monitoring(store, out, plan=tmp_path / "plan.yaml")
    back_up(url, tmp_path / "backup.db")
    add_days(store, 1, [CHANGED])
    before = run_monitoring(store, out)
    assert before.restored == ""
    assert len(before.new_alarms) == 1
    store.close()
    restore(tmp_path / "backup.db", url, overwrite=True)
    store = open_store(url)
    after = run_monitoring(store, out)
    assert "restored from a backup" in after.restored
    assert after.result.notes[0] == after.restored
    assert after.result.alarms == ()
    (kept,) = out.glob("before-restore-*.json")
    assert MonitoringResult.model_validate_json(kept.read_text()) == before.result
    assert run_monitoring(store, out).restored == ""
    add_days(store, 1, [CHANGED], seed=8)
    other = run_monitoring(store, out)
    assert other.restored == ""
    assert len(other.new_alarms) == 1
    store.close()
    restore(tmp_path / "backup.db", url, overwrite=True)
    store = open_store(url)
    add_days(store, 1, [CHANGED], seed=4)
    for _ in range(4):  # the chain goes on otherwise, and is as long
        add_days(store, 1, [DayOfCases(range(28, 29), per_day=1)])
    assert "another database" in run_monitoring(store, out).restored
    store.close()


def test_an_empty_database_and_a_bundle_without_cases(store: Store, tmp_path: Path) -> None:
    found = run(store, tmp_path / "out", plan())
    assert found.says_nothing
    assert found.result.n_cases == 0
    assert found.result.until is None
    assert chart(found.result).verdict is ChartVerdict.NOT_ENOUGH
    assert found.result.notes[0] == "no case has come since the start of the plan"


def test_what_is_missing_is_said(store: Store, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has no plan of monitoring"):
        run(store, tmp_path / "out")
    with pytest.raises(UsageError, match="knows no bundle eeeeeeeeeeee"):
        run(store, tmp_path / "out", plan(bundle="e" * 64))
    with pytest.raises(SpecError, match=r"none.yaml"):
        run_monitoring(store, tmp_path / "out", plan=tmp_path / "none.yaml")
    (tmp_path / "file").write_text("")
    write_monitoring_plan(plan(), tmp_path / "plan.yaml")
    with pytest.raises(UsageError, match="folder cannot be made"):
        run_monitoring(store, tmp_path / "file" / "out", plan=tmp_path / "plan.yaml")
    assert stored(store)[1:] == (0, 0)


def test_a_new_bundle_in_use_needs_a_new_plan(store: Store, tmp_path: Path) -> None:
    add_days(store, 1, [STEADY])
    run(store, tmp_path / "out", plan())
    with store.transaction() as session:
        set_champion(session, register_bundle(session, bundle_record("e" * 64)))
    with pytest.raises(UsageError, match="a new bundle needs a new plan"):
        run(store, tmp_path / "out")
    former = run(store, tmp_path / "out", plan())
    assert "is not the one in use" in former.result.notes[0]
    assert former.result.bundle == DIGEST


def test_a_chart_without_a_rate_says_so(store: Store, tmp_path: Path) -> None:
    add_days(store, 1, [STEADY])
    found = run(store, tmp_path / "out", plan(rates=(), charts=(OOD, ChartKind.INPUT_DRIFT,
                ChartKind.EMBEDDING_DRIFT, ChartKind.ESTIMATED_ACCURACY),
                drift=DriftPlan(columns=("age",))))  # fmt: skip
    assert {one.verdict for one in found.result.charts} == {ChartVerdict.NOT_AVAILABLE}
    assert found.says_nothing
    assert chart(found.result).points


def test_what_a_run_writes_follows_from_its_events(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'cases.db'}"
    store = open_store(url, create=True)
    make_bundle(store)
    run(store, tmp_path / "out", plan())
    store.close()
    assert [one.what for one in verify_ledger(url).chain.findings] == []
