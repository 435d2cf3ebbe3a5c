"""`measure_audit`: what a plan asks, in any order of rows, and again after an interruption."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.auditing.engine.tables import make_plan, make_table, shuffled
from triage.auditing import run
from triage.auditing.audit_plan import AuditPlan, Limit, Margin
from triage.auditing.audit_table import LevelCodes
from triage.auditing.engine import audit_tasks
from triage.auditing.engine.user_metrics import UserMetric
from triage.auditing.measurement import ALL, OVERALL, AuditMeasurement
from triage.auditing.run import measure_audit
from triage.errors import UsageError
from triage.hashing import hash_bytes
from triage.vocabulary.verdicts import Verdict

TABLE = make_table()
METRICS = ("accuracy", "log_loss", "auroc", "under_triage", "fpr95")
PLAN = make_plan(
    metrics=METRICS,
    limits=(
        Limit(metric="accuracy", at_least=0.3),
        Limit(metric="log_loss", at_most=0.01, scope="overall"),
        Limit(metric="under_triage_rate", at_most=0.2, scope="groups", primary=False),
    ),
    margins=(Margin(metric="accuracy", axis="skin", at_most=0.5, reference="VI"),),
)


def measure(plan: AuditPlan = PLAN, table: Any = TABLE, **given: Any) -> AuditMeasurement:
    return measure_audit(table, plan, **({"analyses": False} | given))


FOUND = measure()


def test_every_metric_of_every_level_once() -> None:
    places = [(each.axis, each.level, each.metric) for each in FOUND.estimates]
    levels = [(OVERALL, ALL), ("skin", "I"), ("skin", "VI"), ("skin", "unknown"), ("site", "x"),
              ("site", "y")]  # fmt: skip
    keys = ["accuracy", "ood_fpr95", "nll", "under_triage_rate", "auroc_urgent"]
    assert {*places} == {(*level, key) for level in levels for key in keys}
    assert [(each.axis, each.level) for each in FOUND.levels] == levels
    assert len(places) == len({*places})
    assert FOUND.levels[0].n_cases == FOUND.n_cases == len(TABLE)
    assert FOUND.plan_sha256 == PLAN.sha256()


def test_limits_are_judged_where_they_hold() -> None:
    places = {(each.metric, each.axis == OVERALL) for each in FOUND.findings}
    wanted = {("accuracy", True), ("accuracy", False), ("nll", True), ("under_triage_rate", False)}
    assert places == wanted
    by_metric = {each.metric: each for each in FOUND.findings if each.axis == OVERALL}
    assert by_metric["accuracy"].verdict is Verdict.MEETS
    assert by_metric["nll"].verdict is Verdict.FAILS


def test_levels_are_compared_with_the_largest_or_the_named_one() -> None:
    of_skin = {each.metric: each.reference for each in FOUND.comparisons if each.axis == "skin"}
    sizes = {each.level: each.n_cases for each in FOUND.levels if each.axis == "skin"}
    del sizes["unknown"]
    assert of_skin["nll"] == max(sizes, key=lambda level: sizes[level])
    assert of_skin["accuracy"] == "VI"
    margin = [each for each in FOUND.comparisons if each.margin is not None]
    assert {each.level for each in margin} == {"I", "unknown"}
    assert all(each.verdict is not None for each in margin)


def test_the_worst_level_is_the_worst_estimate() -> None:
    values = {
        each.level: each.value
        for each in FOUND.estimates
        if (each.axis, each.metric) == ("skin", "accuracy") and each.value is not None
    }
    worst = next(each for each in FOUND.worst if (each.axis, each.metric) == ("skin", "accuracy"))
    assert worst.level == min(values, key=lambda level: values[level])


def test_order_of_rows_does_not_matter() -> None:
    assert measure(table=shuffled(TABLE)) == FOUND


def test_threads_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "_THREADS", 1)
    assert measure() == FOUND


def test_progress_counts_axes_and_their_levels() -> None:
    seen: list[tuple[str, int, int]] = []
    measure(progress=lambda *each: seen.append(each))
    assert seen[-1] == ("measuring groups", 3, 3)
    assert {each for each in seen if each[0] == audit_tasks.LEVELS} == {
        (audit_tasks.LEVELS, done, total) for total in (1, 2, 3) for done in range(1, total + 1)
    }


def test_analyses_follow() -> None:
    found = measure(analyses=True)
    assert found.analyses
    assert found.estimates == FOUND.estimates


# Interruption


def test_an_interrupted_audit_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stopped(Exception):
        pass

    def stop(stage: str, done: int, total: int) -> None:
        if (stage, done) == (run.STAGE, 2):
            raise Stopped

    with pytest.raises(Stopped):
        measure(folder=tmp_path, progress=stop)
    assert len([*tmp_path.iterdir()]) == 2
    measured = []
    original = audit_tasks.measure_scope

    def counted(scope: Any, *given: Any) -> Any:
        measured.append(scope.axis)
        return original(scope, *given)

    monkeypatch.setattr(audit_tasks, "measure_scope", counted)
    again = measure(folder=tmp_path)
    assert again == FOUND
    assert {*measured} == {"site"}
    measured.clear()
    assert measure(folder=tmp_path, table=shuffled(TABLE)) == FOUND
    assert measured == []


def test_parts_of_others_are_not_used(tmp_path: Path) -> None:
    measure(folder=tmp_path)
    seed = make_plan(metrics=METRICS, intervals={"seed": 1})
    assert measure(seed, folder=tmp_path) == measure(seed)
    changed = TABLE.cost.copy()  # type: ignore[union-attr]
    changed[3] += 1
    other = replace(TABLE, cost=changed)
    assert measure(folder=tmp_path, table=other) == measure(table=other)


@pytest.mark.parametrize("damage", [b"", b"{", b'{"key": 1}'])
def test_damaged_parts_are_not_used(tmp_path: Path, damage: bytes) -> None:
    measure(folder=tmp_path)
    for path in tmp_path.iterdir():
        path.write_bytes(path.read_bytes()[:-40] if damage == b"{" else damage)
    assert measure(folder=tmp_path) == FOUND


# What a plan cannot have


def test_what_cannot_be_measured_is_listed() -> None:
    table = replace(TABLE, ood_score=None)
    plan = make_plan(
        metrics=("accuracy", "ood_auroc"), limits=(Limit(metric="ood_auroc", at_least=0.7),)
    )
    found = measure(plan, table)
    assert found.findings == []
    assert "ood_auroc" in found.deviations[-1]
    assert "ood_score" in found.deviations[-1]


def test_without_limits_the_default_ones_hold() -> None:
    found = measure(make_plan())
    assert {each.metric for each in found.findings} == {
        "accuracy", "ood_auroc", "urgent_at_observation_rate", "abstained_under_triage_rate",
    }  # fmt: skip
    assert "default" in found.deviations[-1]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"metrics": ("acuracy",)}, "accuracy"),
        ({"limits": (Limit(metric="sensitivty", at_least=0.9),)}, "sensitivity"),
        ({"limits": (Limit(metric="accuracy", at_most=0.9),)}, "at_least"),
        ({"intervals": {"strata": "race"}}, "race"),
    ],
)
def test_wrong_plans(changed: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError) as caught:
        measure(make_plan(**changed))
    assert words in str(caught.value)


def test_no_cases() -> None:
    with pytest.raises(UsageError, match="no cases"):
        measure(table=TABLE.take(np.array([], dtype=np.int64)))


def test_a_single_case() -> None:
    found = measure(table=replace(TABLE.take(np.array([0])), cluster=np.zeros(1, dtype=np.int32)))
    assert all(each.low is None for each in found.estimates)
    assert {each.verdict for each in found.findings} == {Verdict.NOT_ENOUGH}


# Metrics of the user's own


def share_abstained(cases: pd.DataFrame, weights: np.ndarray) -> float:
    return float(np.average(cases["abstained"], weights=weights))


def test_own_metrics_have_intervals() -> None:
    plan = make_plan(limits=(Limit(metric="share_abstained", at_most=0.9),))
    found = measure(plan, metrics=[UserMetric("share_abstained", share_abstained)])
    for axis, level in ((OVERALL, ALL), ("skin", "I")):
        own, ours = (
            found.estimate(axis, level, key) for key in ("share_abstained", "abstention_rate")
        )
        assert own is not None
        assert ours is not None
        assert own.value == pytest.approx(ours.value)
        assert own.low == pytest.approx(ours.low, abs=0.04)
        assert own.high == pytest.approx(ours.high, abs=0.04)
    assert found.findings[0].verdict is Verdict.MEETS


def test_own_metrics_of_many_patients_have_no_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triage.auditing.engine.user_metrics.MOST_PATIENTS", 100)
    found = measure(metrics=[UserMetric("share_abstained", share_abstained)])
    own = found.estimate(OVERALL, ALL, "share_abstained")
    assert own is None  # the plan names its metrics
    found = measure(make_plan(), metrics=[UserMetric("share_abstained", share_abstained)])
    own = found.estimate(OVERALL, ALL, "share_abstained")
    assert own is not None
    assert own.value is not None
    assert own.low is None
    assert "above 100 patients" in own.note


FILE = b"""
import numpy as np
def largest(cases, weights):
    return cases["cost"][weights > 0].max()
METRICS = {"largest_cost_seen": largest}
"""


def with_file(path: Path, text: bytes = FILE, **changed: Any) -> AuditPlan:
    path.write_bytes(text)
    given = {"metrics_file": str(path), "metrics_sha256": hash_bytes(text)} | changed
    return make_plan(metrics=("accuracy", "largest_cost_seen"), **given)


def test_metrics_of_a_file(tmp_path: Path) -> None:
    found = measure(with_file(tmp_path / "own.py"))
    largest = found.estimate("site", "x", "largest_cost_seen")
    assert largest is not None
    assert largest.value == 4.5


@pytest.mark.parametrize(
    ("text", "changed", "words"),
    [
        (FILE, {"metrics_sha256": "0" * 64}, "not the file"),
        (FILE, {"metrics_file": "/absent/own.py"}, "no such file"),
        (b"x = 1", {}, "METRICS"),
        (b"import absent_module", {}, "ModuleNotFoundError"),
        (b"METRICS = {", {}, "SyntaxError"),
        (b"METRICS = {'accuracy': max}", {}, "already"),
    ],
)
def test_wrong_files_of_metrics(
    tmp_path: Path, text: bytes, changed: dict[str, Any], words: str
) -> None:
    with pytest.raises(UsageError) as caught:
        measure(with_file(tmp_path / "own.py", text, **changed))
    assert words in str(caught.value)


def test_levels_are_compared_with_the_level_of_most_labels() -> None:
    table = make_table(n=800)
    codes = (np.arange(800) % 5 == 0).astype(np.int16)
    truth = np.where(codes == 0, -2, table.truth).astype(np.int16)
    axes = {"site": LevelCodes(("unverified", "verified"), codes)}
    found = measure_audit(replace(table, truth=truth, axes=axes), make_plan(), analyses=False)
    assert {(each.level, each.reference) for each in found.comparisons} == {
        ("unverified", "verified")
    }
