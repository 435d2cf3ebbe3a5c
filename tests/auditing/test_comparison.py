"""Two audits compared."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from tests.auditing.analyses.tables import plan, table
from triage.auditing.audit_plan import IntervalSettings, Limit
from triage.auditing.audit_table import AuditTable
from triage.auditing.comparison import compare_audits, pareto_condition
from triage.auditing.comparison_result import AuditComparison, MetricChange
from triage.errors import UsageError
from triage.vocabulary.verdicts import Verdict

METRICS = ("accuracy", "balanced_accuracy", "selective_accuracy", "sensitivity_urgent", "brier")
PLAN = plan(metrics=METRICS, intervals=IntervalSettings(replicates=200))


def named(some: AuditTable, start: int = 0) -> AuditTable:
    return replace(some, case_names=pa.array([f"case {start + row}" for row in range(len(some))]))


def better(some: AuditTable, share: float = 0.3, seed: int = 5) -> AuditTable:
    """Return the table of a system that names so many more rightly."""
    assert some.predicted is not None
    put_right = (np.random.default_rng(seed).random(len(some)) < share) & (some.truth >= 0)
    return replace(some, predicted=np.where(put_right, some.truth, some.predicted).astype(np.int16))


FIRST = named(table(500, cases_a_patient=1))
SECOND = better(FIRST)


def change(found: AuditComparison, metric: str, axis: str, level: str) -> MetricChange:
    (one,) = (
        each
        for each in found.changes
        if (each.metric, each.axis, each.level) == (metric, axis, level)
    )
    return one


def test_the_same_cases_in_another_order_are_paired() -> None:
    order = np.random.default_rng(0).permutation(len(SECOND))
    found = compare_audits((FIRST, PLAN), (SECOND.take(order), PLAN))
    assert found == compare_audits((FIRST, PLAN), (SECOND, PLAN))
    assert found.kind == "same cases"
    assert (found.n_first, found.n_second, found.left_out) == (500, 500, {})


def test_paired_differences_and_the_exact_test() -> None:
    found = compare_audits((FIRST, PLAN), (SECOND, PLAN))
    known = FIRST.truth >= 0
    for axis, level, where in (
        ("overall", "all", known),
        ("skin", "II", known & (FIRST.axes["skin"].codes == 1)),
    ):
        one, two = ((each.predicted == each.truth)[where] for each in (FIRST, SECOND))
        shown = change(found, "accuracy", axis, level)
        assert shown.difference == pytest.approx(two.mean() - one.mean())
        assert (shown.only_first, shown.only_second) == ((one & ~two).sum(), (two & ~one).sum())
        only = int((one & ~two).sum()), int((two & ~one).sum())
        assert shown.p_value == pytest.approx(stats.binomtest(only[0], sum(only)).pvalue)
        assert shown.test == "exact McNemar"
        assert shown.low is not None
        assert shown.high is not None
        assert shown.low < two.mean() - one.mean() < shown.high
    unpaired = np.sqrt(one.var() / len(one) + two.var() / len(two))
    assert shown.high - shown.low < 2 * 1.96 * unpaired  # pairing makes it narrower


def test_what_is_no_mean_of_cases_is_compared_by_its_intervals() -> None:
    found = compare_audits((FIRST, PLAN), (SECOND, PLAN))
    shown = change(found, "balanced_accuracy", "overall", "all")
    assert shown.interval == "variance recovery"
    assert shown.low is not None
    assert shown.low > 0
    assert shown.second is not None
    assert shown.first is not None
    assert shown.difference == pytest.approx(shown.second - shown.first)


def test_equal_systems_differ_by_nothing_and_the_interval_has_width() -> None:
    found = compare_audits((FIRST, PLAN), (FIRST, PLAN))
    shown = change(found, "accuracy", "overall", "all")
    assert (shown.difference, shown.p_value) == (0, 1)
    assert shown.low is not None
    assert shown.high is not None
    assert shown.low < 0 < shown.high


def test_different_periods_are_not_paired() -> None:
    other = named(table(400, cases_a_patient=2, seed=3), start=10_000)
    found = compare_audits((FIRST, PLAN), (other, PLAN))
    assert found.kind == "different cases"
    shown = change(found, "accuracy", "site", "north")
    one, two = (
        (each.predicted == each.truth)[(each.truth >= 0) & (each.axes["site"].codes == 0)]
        for each in (FIRST, other)
    )
    assert shown.difference == pytest.approx(two.mean() - one.mean())
    assert shown.test != "exact McNemar"
    assert shown.only_first is None
    half = 1.96 * np.sqrt(one.var() / len(one) + two.var() / len(two))
    assert shown.low == pytest.approx(two.mean() - one.mean() - half, abs=0.03)


def test_cases_that_are_not_in_both_are_counted() -> None:
    relabelled = SECOND.truth.copy()
    relabelled[:3] = -1
    relabelled[3] = (relabelled[3] + 1) % 4
    changed = replace(SECOND, truth=relabelled)
    found = compare_audits((FIRST.take(np.arange(450)), PLAN), (changed, PLAN))
    differing = int((relabelled != FIRST.truth).sum())
    assert found.left_out == {"only in the second": 50, "another true condition": differing}
    assert found.n_first == 450 - differing


def test_p_values_are_adjusted_in_two_sets() -> None:
    limited = PLAN.model_copy(update={"limits": (Limit(metric="accuracy", at_least=0.5),)})
    found = compare_audits((FIRST, limited), (SECOND, PLAN))
    primary = [each for each in found.changes if each.primary]
    assert {each.metric for each in primary} == {"accuracy"}
    given = np.array([each.p_value for each in primary if each.p_value is not None])
    adjusted = [each.p_adjusted for each in primary if each.p_value is not None]
    order = np.argsort(given)
    steps = np.maximum.accumulate(given[order] * np.arange(len(given), 0, -1)).clip(max=1)
    assert np.array(adjusted)[order] == pytest.approx(steps)
    rest = [each for each in found.changes if not each.primary and each.p_value is not None]
    expected = stats.false_discovery_control([each.p_value for each in rest])
    assert [each.p_adjusted for each in rest] == pytest.approx(expected.tolist())


def test_heal_of_both_and_the_pareto_condition() -> None:
    (found,) = compare_audits((FIRST, PLAN), (better(FIRST, 0.8), PLAN), margin=0.02).heal
    assert found.groups == ["I", "II", "III"]
    assert found.margin == 0.02
    worse = better(FIRST, 0.8)
    assert worse.predicted is not None
    dark = FIRST.axes["skin"].codes == 2
    spoiled = np.where(dark, (np.maximum(worse.truth, 0) + 1) % 4, worse.predicted)
    (failing,) = compare_audits(
        (FIRST, PLAN), (replace(worse, predicted=spoiled.astype(np.int16)), PLAN)
    ).heal
    assert failing.pareto == Verdict.FAILS
    assert "III" in failing.reason


def bounded(low: float, high: float) -> MetricChange:
    found = compare_audits((FIRST, PLAN), (SECOND, PLAN)).changes[0]
    return found.model_copy(update={"low": low, "high": high})


@pytest.mark.parametrize(
    ("first", "second", "limits", "verdict"),
    [
        (0.5, 0.6, (0.01, 0.2), Verdict.MEETS),
        (0.5, 0.5, (-0.01, 0.2), Verdict.MEETS),
        (0.5, 0.6, (-0.1, 0.2), Verdict.NOT_ENOUGH),
        (0.6, 0.5, (0.01, 0.2), Verdict.FAILS),
        (0.5, 0.6, (-0.2, -0.1), Verdict.FAILS),
    ],
)
def test_the_pareto_condition(
    first: float, second: float, limits: tuple[float, float], verdict: Verdict
) -> None:
    changes = {"I": bounded(0.1, 0.2), "II": bounded(*limits)}
    assert pareto_condition(first, second, ["I", "II"], changes, 0.02)[0] == verdict
    if verdict is Verdict.MEETS:
        missing = pareto_condition(first, second, ["I", "II", "III"], changes, 0.02)
        assert missing[0] == Verdict.NOT_ENOUGH


def test_bad_input_is_refused() -> None:
    with pytest.raises(UsageError, match="negative"):
        compare_audits((FIRST, PLAN), (SECOND, PLAN), margin=-0.1)
    with pytest.raises(UsageError, match="without cases"):
        compare_audits((FIRST.take(np.array([], dtype=np.int64)), PLAN), (SECOND, PLAN))
    bare = AuditTable(
        classes=("a",), truth=np.zeros(9, dtype=np.int16),
        cluster=np.arange(9, dtype=np.int32), patients_known=False, axes={},
    )  # fmt: skip
    with pytest.raises(UsageError, match="no metric in common"):
        compare_audits((FIRST, PLAN), (bare, PLAN))
    turned = replace(SECOND, truth=np.where(SECOND.truth >= 0, -1, 0).astype(np.int16))
    with pytest.raises(UsageError, match="same true condition"):
        compare_audits((FIRST, PLAN), (turned, PLAN))


def test_no_identifier_is_in_the_result() -> None:
    found = compare_audits((FIRST, PLAN), (SECOND, PLAN))
    assert "case 1" not in found.model_dump_json()
