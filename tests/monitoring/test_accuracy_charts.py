"""Charts of accuracy in runs over a database: estimated without labels, and calibration."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select

from tests.monitoring.plans import plan
from tests.monitoring.stream_maker import (
    BEGIN,
    DIGEST,
    DayOfCases,
    add_days,
    add_decisions,
    make_bundle,
)
from tests.store.migrated import migrated_url
from triage.errors import UsageError
from triage.monitoring.accuracy_errors import MethodError
from triage.monitoring.accuracy_estimate import fit_accuracy_reference
from triage.monitoring.bundle_reference import (
    CORRUPTIONS,
    BundleReference,
    load_bundle_reference,
    save_bundle_reference,
)
from triage.monitoring.monitoring_plan import DriftPlan
from triage.monitoring.plan_file import write_monitoring_plan
from triage.monitoring.run_monitoring import run_monitoring
from triage.store import open_store
from triage.store.tables import Case, Prediction
from triage.vocabulary.monitoring import ChartKind, ChartVerdict

CHARTS = (ChartKind.ESTIMATED_ACCURACY, ChartKind.CALIBRATION)
GATED = ("A1", "A2", "A3", "A4", "A7", "A8")


def reference(error: float | None) -> BundleReference:
    """Of a bundle that was right in 95 of 100 cases, with a mean confidence of 0.95."""
    confidence = np.tile(np.linspace(0.9, 1.0, 21), 20)[:400]
    errors = MethodError(
        over=CORRUPTIONS, method="doc", n_shifts=1, n_kinds=1, n_cases=400,
        mean_absolute_error=error,
    )  # fmt: skip
    return BundleReference(
        version="0.1.0", bundle=DIGEST, spec_name="s", spec_hash="a", data_hash="b",
        accuracy=fit_accuracy_reference(confidence, np.arange(400) >= 20, n_resamples=50),
        errors=() if error is None else (errors,),
    )  # fmt: skip


def test_a_fall_of_confidence_and_a_wrong_forecast_raise_alarms(tmp_path: Path) -> None:
    """Confidences of the stream are uniform from 0.5 to 1; half of its labels agree."""
    file = tmp_path / "reference.json"
    save_bundle_reference(reference(0.03), file)
    write_monitoring_plan(
        plan(charts=CHARTS, rates=(), drift=DriftPlan(columns=(), review_window_days=7)),
        tmp_path / "plan.yaml",
    )
    with migrated_url("sqlite", tmp_path) as url:
        store = open_store(url)
        make_bundle(store)
        cases = add_days(store, 1, [DayOfCases(range(15), per_day=30, ood=0.1)])
        for truth, part in (("acne", cases[0::2]), ("melanoma", cases[1::2])):
            add_decisions(store, part, truth=truth)
        found = run_monitoring(
            store, tmp_path / "out", plan=tmp_path / "plan.yaml", reference=file
        ).result
        with store.reading() as session:
            rows = session.execute(
                select(Case.received_at, Prediction.reason_code, Prediction.decision).join(
                    Prediction, Prediction.case_id == Case.id
                )
            ).all()
        save_bundle_reference(reference(None), file)
        silent = run_monitoring(store, tmp_path / "out", reference=file).result
        save_bundle_reference(reference(None).model_copy(update={"bundle": "e" * 64}), file)
        with pytest.raises(UsageError, match="of another bundle"):
            run_monitoring(store, tmp_path / "out", reference=file)
        store.close()

    doc = next(one for one in found.charts if one.key == "doc")
    first_week = [
        said["p_condition"]
        for at, reason, said in rows
        if at < BEGIN + timedelta(days=7) and reason not in GATED
    ]
    assert len(doc.points) == 2
    assert doc.points[0].n_cases == len(first_week)
    assert doc.points[0].value == pytest.approx(
        0.95 + np.mean(first_week) - reference(None).accuracy.mean_confidence, abs=1e-6
    )
    assert doc.points[0].alarm
    assert doc.verdict is ChartVerdict.ALARM
    assert "0.030" in doc.note
    atc = next(one for one in found.charts if one.key == "atc")
    assert not any(point.alarm for point in atc.points)  # no error of it was measured
    quiet = next(one for one in silent.charts if one.key == "doc")
    assert not any(point.alarm for point in quiet.points)
    assert "no error of the method was measured" in quiet.note

    (calibration,) = [one for one in found.charts if one.chart is ChartKind.CALIBRATION]
    assert calibration.verdict is ChartVerdict.ALARM
    first = calibration.points[0]
    assert first.value is not None
    assert -0.35 < first.value < -0.15  # half are right, three quarters were forecast
    assert first.low is not None
    assert first.high is not None
    assert first.low < first.value < first.high < 0
    kinds = [alarm.chart for alarm in found.alarms]
    assert sorted(kinds) == sorted(CHARTS)


def test_what_is_no_reference_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "reference.json"
    file.write_text("{}")
    with pytest.raises(UsageError, match="is not a monitoring reference"):
        load_bundle_reference(file)
    with pytest.raises(UsageError, match="cannot be written"):
        save_bundle_reference(reference(None), tmp_path / "reference.json" / "a.json")
