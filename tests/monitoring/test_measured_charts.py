"""Charts of accuracy, calibration and under-calls over a database, by computations of their own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from sqlalchemy import select, update

from tests.monitoring.plans import plan
from tests.monitoring.stream_maker import (
    BEGIN,
    DIGEST,
    DayOfCases,
    add_days,
    add_decisions,
    make_bundle,
)
from triage.monitoring.accuracy_errors import MethodError
from triage.monitoring.accuracy_estimate import AccuracyReference
from triage.monitoring.bundle_reference import BundleReference, save_bundle_reference
from triage.monitoring.monitoring_result import ChartSeries, MonitoringResult
from triage.monitoring.plan_file import write_monitoring_plan
from triage.monitoring.run_monitoring import run_monitoring
from triage.store import Store, open_store
from triage.store.tables import Case, Label, Prediction, Read, Review
from triage.vocabulary.clinical import NO_AI_OPINION
from triage.vocabulary.monitoring import ChartKind, ChartVerdict

ACCURACY, CALIBRATION = ChartKind.ESTIMATED_ACCURACY, ChartKind.CALIBRATION
UNDER_CALL = ChartKind.UNDER_CALL_ON_ABSTAINED


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path / 'cases.db'}", create=True)
    make_bundle(opened)
    yield opened
    opened.close()


def reference(**changes: Any) -> BundleReference:
    """A reference whose resamples are all the value itself."""
    known = {"n": 400, "n_units": 400, "n_errors": 40, "accuracy": 0.9, "mean_confidence": 0.8,
             "threshold": 0.6} | changes.pop("accuracy", {})  # fmt: skip
    errors = [
        MethodError(method=method, over="corruptions", n_shifts=6, n_kinds=6, n_cases=600,
                    mean_absolute_error=0.03, mean_difference=0.0, largest_error=0.05)
        for method in ("atc", "doc")
    ]  # fmt: skip
    given: dict[str, Any] = {
        "version": "0", "bundle": DIGEST, "spec_name": "made", "spec_hash": "0" * 64,
        "data_hash": "0" * 64, "accuracy": AccuracyReference(**known), "errors": tuple(errors),
    }  # fmt: skip
    return BundleReference(**(given | changes))


def run(store: Store, tmp_path: Path, kind: ChartKind, **more: Any) -> MonitoringResult:
    of_bundle = more.pop("reference", None)
    file = None
    if of_bundle is not None:
        save_bundle_reference(of_bundle, file := tmp_path / "reference.json")
    write_monitoring_plan(plan(charts=(kind,), rates=(), **more), tmp_path / "plan.yaml")
    return run_monitoring(
        store, tmp_path / "out", plan=tmp_path / "plan.yaml", reference=file
    ).result


def chart(result: MonitoringResult, key: str = "", level: str = "") -> ChartSeries:
    (found,) = [one for one in result.charts if (one.key, one.level) == (key, level)]
    return found


def kept_confidences(store: Store, first: int, days: int, site: str | None) -> NDArray[np.float64]:
    """Confidences of the cases of some days that did not abstain for A4."""
    begin = BEGIN + timedelta(days=first)
    query = (
        select(Prediction.decision["p_condition"].as_float())
        .join(Case, Case.id == Prediction.case_id)
        .where(Case.received_at >= begin, Case.received_at < begin + timedelta(days=days))
        .where(Prediction.reason_code.is_(None) | (Prediction.reason_code != "A4"))
    )
    if site is not None:
        query = query.where(Case.source == site)
    with store.reading() as session:
        return np.array(session.scalars(query).all(), dtype=np.float64)


def test_accuracy_is_estimated_of_the_cases_of_each_window_and_site(
    store: Store, tmp_path: Path
) -> None:
    parts = [DayOfCases(range(22), 20, ood=0.1), DayOfCases(range(22), 10, site="south")]
    add_days(store, 1, parts, seed=4)
    found = run(store, tmp_path, ACCURACY, axes=("site",), reference=reference())
    for site in (None, "north", "south"):
        for method in ("atc", "doc"):
            series = chart(found, method, site or "")
            assert series.baseline == 0.9
            assert len(series.points) == 3
            for week, point in enumerate(series.points):
                given = kept_confidences(store, 7 * week, 7, site)
                wanted = (given >= 0.6).mean() if method == "atc" else 0.9 + given.mean() - 0.8
                assert point.n_cases == len(given)
                assert point.value == pytest.approx(wanted, abs=1e-6)
                assert point.low is not None
                assert point.high is not None
                assert point.low < wanted < point.high


def test_accuracy_has_an_alarm_only_beyond_the_measured_error(store: Store, tmp_path: Path) -> None:
    add_days(store, 1, [DayOfCases(range(15), 60)], seed=4)  # 0.8 of the confidences are above 0.6
    for accuracy, alarm in ((0.84, False), (0.95, True)):
        given = reference(accuracy={"accuracy": accuracy, "mean_confidence": 0.75})
        found = chart(run(store, tmp_path, ACCURACY, reference=given), "atc")
        assert [point.alarm for point in found.points] == [alarm] * 2
        assert found.verdict is (ChartVerdict.ALARM if alarm else ChartVerdict.IN_CONTROL)
    unmeasured = reference(accuracy={"accuracy": 0.99}, errors=(), version="1")
    (tmp_path / "other").mkdir()
    found = chart(run(store, tmp_path / "other", ACCURACY, reference=unmeasured, seed=9), "atc")
    assert not any(point.alarm for point in found.points)
    assert "no error of the method was measured" in found.note


def test_too_few_errors_leave_only_the_difference_of_confidences(
    store: Store, tmp_path: Path
) -> None:
    add_days(store, 1, [DayOfCases(range(8), 30)], seed=4)
    given = reference(accuracy={"n_errors": 5})
    found = run(store, tmp_path, ACCURACY, reference=given)
    assert chart(found, "atc").verdict is ChartVerdict.NOT_ENOUGH
    assert chart(found, "doc").verdict is ChartVerdict.IN_CONTROL


def test_calibration_is_that_of_the_labels_that_came_in_each_window(
    store: Store, tmp_path: Path
) -> None:
    numbers = add_days(store, 1, [DayOfCases(range(31), 12), DayOfCases(range(61, 62), 1)], seed=6)
    right = [number for number in numbers if number % 2]
    wrong = [number for number in numbers if number % 2 == 0 and number % 3]
    late = timedelta(days=3)
    add_decisions(store, right, truth="acne", after=late)
    add_decisions(store, wrong, truth="psoriasis", after=late, seed=2)
    found = chart(run(store, tmp_path, CALIBRATION))
    for place, point in enumerate(found.points):
        begin = BEGIN + timedelta(days=30 * place)
        query = (
            select(Case.id, Prediction.decision["p_condition"].as_float())
            .join(Prediction, Prediction.case_id == Case.id)
            .where(Case.id.in_({*right, *wrong}), Prediction.recommendation != NO_AI_OPINION)
            .where(Case.received_at >= begin - late)
            .where(Case.received_at < begin + timedelta(days=30) - late)
        )
        with store.reading() as session:
            rows = session.execute(query).all()
        assert point.n_cases == len(rows)
        if len(rows) < 50:
            assert point.value is None
            continue
        off = [(number in right) - forecast for number, forecast in rows]
        assert point.value == pytest.approx(np.mean(off), abs=1e-6)
        assert point.statistic == pytest.approx(stats.ttest_1samp(off, 0).pvalue, abs=1e-6)
    assert found.points[0].alarm
    assert len(found.points) == 2


def newcombe_low(one: int, n: int, other: int, m: int, level: float) -> float:
    """Lower limit of one / n - other / m, from the roots of Wilson's quadratic equation."""
    z = stats.norm.isf(level)

    def limits(count: int, size: int) -> tuple[float, float]:
        rate = count / size
        roots = np.roots([1 + z**2 / size, -(2 * rate + z**2 / size), rate**2])
        return float(min(roots.real)), float(max(roots.real))

    low, high = limits(one, n)[0], limits(other, m)[1]
    return one / n - other / m - sqrt((one / n - low) ** 2 + (high - other / m) ** 2)


@pytest.mark.parametrize(("n_missed", "alarm"), [(16, True), (4, False)])
def test_under_calls_compare_abstentions_shown_with_the_arm_without_ai(
    store: Store, tmp_path: Path, n_missed: int, *, alarm: bool
) -> None:
    numbers = add_days(store, 1, [DayOfCases(range(25), 2, ood=1.0)], seed=6)
    add_days(store, 1, [DayOfCases(range(31, 32), 1)], seed=7)
    shown, alone = numbers[:20], numbers[20:40]
    truth: dict[str, Any] = {"truth": "melanoma", "truth_urgency": "urgent"}
    add_decisions(store, shown[:n_missed], urgency="routine", **truth)
    add_decisions(store, shown[n_missed:], urgency="urgent", **truth, seed=2)
    add_decisions(store, alone[:3], urgency="routine", alone=True, **truth, seed=3)
    add_decisions(store, alone[3:], urgency="urgent", alone=True, **truth, seed=4)
    with store.transaction() as session:  # the arm without AI was read when the cases came
        at = BEGIN + timedelta(days=27)
        session.execute(update(Read).values(at=at))
        session.execute(update(Label).values(created_at=at))
        held = Prediction.case_id.in_(numbers)
        session.execute(update(Prediction).where(held).values(created_at=at))
        assert session.scalar(select(Review.id).where(Review.revealed_at.is_(None))) is not None
    found = chart(run(store, tmp_path, UNDER_CALL))
    (point,) = found.points
    assert point.n_cases == 40
    assert point.value == pytest.approx(n_missed / 20 - 3 / 20)
    assert point.statistic == pytest.approx(newcombe_low(n_missed, 20, 3, 20, 0.05), abs=1e-9)
    assert point.alarm is alarm
    assert f"{n_missed} of 20 positives missed where an abstention was shown" in found.note
