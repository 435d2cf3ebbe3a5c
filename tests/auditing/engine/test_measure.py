"""Values, influences and resamples of every metric, against independent computation."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    brier_score_loss,
    log_loss,
    recall_score,
    roc_auc_score,
)

from tests.auditing.engine.tables import make_plan, make_table, outcomes_of, shuffled
from triage.auditing.audit_table import AuditTable, LevelCodes
from triage.auditing.engine.exact import summable
from triage.auditing.engine.measure import measure_scope
from triage.auditing.engine.resamples import draws
from triage.auditing.engine.scope import Scope, Scopes
from triage.auditing.measured import AS_FOUND, Measured
from triage.auditing.metric_columns import METRIC_COLUMNS, Column, columns_of, measurable
from triage.auditing.run import measure_audit
from triage.evaluation import METRICS
from triage.evaluation.metrics.audit_registry import AUDIT_METRICS

TABLE = make_table()
PLAN = make_plan()
CLUSTER = Scopes(TABLE, PLAN).overall().cases.cluster
PREVALENCE = 0.1
SMOOTH = [key for key in AUDIT_METRICS if key != "ood_fpr95"]
"""Metrics whose influence is a derivative at the cases as they are."""


def measured(
    table: AuditTable = TABLE, prevalence: float | None = None, **settings: object
) -> dict[str, Measured]:
    plan = make_plan(intervals=settings)
    scope = Scopes(table, plan).overall()
    metrics = [AUDIT_METRICS[key] for key in measurable(columns_of(table))]
    found = measure_scope(scope, metrics, plan.intervals, prevalence)
    return {each.key: each for each in found}


@cache
def usual(prevalence: float | None = None) -> dict[str, Measured]:
    return measured(prevalence=prevalence)


def value_at(key: str, weights: np.ndarray, prevalence: float | None = None) -> np.ndarray:
    """The value for rows of case weights, without the engine."""
    metric, cases = AUDIT_METRICS[key], Scopes(TABLE, PLAN).overall().cases
    assert metric.form is not None
    if prevalence is not None and metric.of_all_cases:
        outlier, inlier = cases.is_outlier, cases.is_inlier
        share_out = prevalence / (weights @ outlier)
        share_in = (1 - prevalence) / (weights @ inlier)
        factor = np.where(outlier, share_out[:, None], share_in[:, None])
        weights = weights * factor * len(cases)
    return metric.form.compute(cases, weights)


# Values


def test_every_metric_is_measured() -> None:
    assert [*usual()] == [*AUDIT_METRICS] == [*METRIC_COLUMNS]


@pytest.mark.parametrize("prevalence", [None, PREVALENCE])
@pytest.mark.parametrize("key", METRICS)
def test_values_are_those_of_evaluations(key: str, prevalence: float | None) -> None:
    outcomes = outcomes_of(TABLE, prevalence)
    wanted = METRICS[key].measure(outcomes, np.ones((1, len(outcomes))))[0]
    assert usual(prevalence)[key].value == pytest.approx(wanted, abs=1e-6)


def inliers() -> tuple[np.ndarray, np.ndarray]:
    inlier = TABLE.truth >= 0
    assert TABLE.probabilities is not None
    p = TABLE.probabilities[inlier].astype(np.float64)
    return TABLE.truth[inlier], p / p.sum(axis=1, keepdims=True)


def test_values_are_those_of_scikit_learn() -> None:
    truth, p = inliers()
    urgent, queued = TABLE.true_urgency == 0, TABLE.queue_urgency == 0
    found = {key: each.value for key, each in usual().items()}
    assert found["accuracy"] == pytest.approx(accuracy_score(truth, p.argmax(1)))
    assert found["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(truth, p.argmax(1)))
    assert found["nll"] == pytest.approx(log_loss(truth, p, labels=range(4)), abs=1e-6)
    one_hot = np.eye(4)[truth]
    brier = sum(brier_score_loss(one_hot[:, c], p[:, c]) for c in range(4))
    assert found["brier"] == pytest.approx(brier, abs=1e-6)
    assert found["auroc_urgent"] == pytest.approx(roc_auc_score(urgent, TABLE.p_urgent))
    assert found["sensitivity_urgent"] == pytest.approx(recall_score(urgent, queued))
    assert found["specificity_urgent"] == pytest.approx(recall_score(~urgent, ~queued))
    cut = TABLE.true_urgency <= 1, TABLE.queue_urgency <= 1
    assert found["sensitivity_semi_urgent"] == pytest.approx(recall_score(*cut))
    outlier = TABLE.truth == -1
    assert found["ood_auroc"] == pytest.approx(roc_auc_score(outlier, TABLE.ood_score))


def test_calibration_is_a_logistic_regression() -> None:
    truth, p = inliers()
    top = p.max(axis=1)
    model = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000)
    model.fit(np.log(top / (1 - top))[:, None], p.argmax(axis=1) == truth)
    found = usual()
    assert found["calibration_slope"].value == pytest.approx(model.coef_[0, 0], abs=1e-4)
    assert found["calibration_intercept"].value == pytest.approx(model.intercept_[0], abs=1e-4)


def test_bins_of_logits_keep_three_digits() -> None:
    table = make_table(20_000, 6_000, seed=4)
    inlier = table.truth >= 0
    assert table.probabilities is not None
    p = table.probabilities[inlier].astype(np.float64)
    top, right = p.max(axis=1), p.argmax(axis=1) == table.truth[inlier]
    model = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000)
    model.fit(np.log(top / (1 - top))[:, None], right)
    found = measured(table)
    assert found["calibration_slope"].value == pytest.approx(model.coef_[0, 0], rel=2e-3)
    assert found["calibration_intercept"].value == pytest.approx(model.intercept_[0], abs=2e-3)


def test_perfectly_separated_calibration_has_no_value() -> None:
    right = TABLE.probabilities.argmax(axis=1)  # type: ignore[union-attr]
    found = measured(replace(TABLE, truth=right.astype(np.int16)))
    assert np.isnan(found["calibration_slope"].value)
    assert np.isnan(found["calibration_slope"].influence).all()
    assert found["accuracy"].value == 1.0


def test_people() -> None:
    first, final, shown = TABLE.first_right, TABLE.final_right, TABLE.ai_shown == 1
    found = {key: each.value for key, each in usual().items()}
    known = (TABLE.truth > -2) & (first >= 0) & (final >= 0)
    assert found["first_read_accuracy"] == pytest.approx(first[first >= 0].mean())
    assert found["final_accuracy"] == pytest.approx(final[final >= 0].mean())
    gain = final[known].astype(int) - first[known]
    assert found["team_gain"] == pytest.approx(gain.mean())
    wrong = known & shown & (first == 0)
    assert found["helpful_switch_rate"] == pytest.approx((final[wrong] == 1).mean())
    right = known & shown & (first == 1)
    assert found["harmful_switch_rate"] == pytest.approx((final[right] == 0).mean())
    assert found["mean_seconds"] == pytest.approx(np.nanmean(TABLE.seconds), rel=1e-5)
    left = (
        TABLE.abstained & shown & np.isin(TABLE.true_urgency, (0, 1)) & (TABLE.final_urgency >= 0)
    )
    under = (TABLE.final_urgency > TABLE.true_urgency)[left].mean()
    assert found["abstention_under_call_rate"] == pytest.approx(under)
    assert usual()["team_gain"].bounds == (-1.0, 1.0)


# Influence


@pytest.mark.parametrize("prevalence", [None, PREVALENCE])
@pytest.mark.parametrize("key", SMOOTH)
def test_influence_is_a_derivative(key: str, prevalence: float | None) -> None:
    """By the weight of all cases of a patient, at weights of one."""
    found = usual(prevalence)[key]
    step, patients = 1e-5, range(0, 150, 6)
    move = np.array([(each == CLUSTER) * step for each in patients])
    up, down = (value_at(key, 1 + sign * move, prevalence) for sign in (1, -1))
    wanted = (up - down) / (2 * step)
    largest = np.abs(found.influence).max()
    np.testing.assert_allclose(found.influence[::6], wanted, rtol=1e-3, atol=2e-3 * largest)


@pytest.mark.parametrize("key", [*SMOOTH, "ood_fpr95"])
def test_influence_agrees_with_the_jackknife(key: str) -> None:
    """Of patients left out one at a time; rates at a threshold and sizes of gaps jump."""
    found = usual()[key]
    left_out = np.array([(each != CLUSTER) for each in range(150)], dtype=float)
    jackknife = found.value - value_at(key, left_out)
    error, wanted = (np.sqrt(((x - x.mean()) ** 2).sum()) for x in (found.influence, jackknife))
    assert found.influence.sum() == pytest.approx(0, abs=1e-9)
    low, high = (0.3, 3) if key == "ood_fpr95" or "ece" in key else (0.8, 1.2)
    assert low < error / wanted < high


def test_influence_of_fpr95_gives_the_spread_of_resamples() -> None:
    table = make_table(6000, 3000, seed=8)
    found = measured(table, replicates=400)["ood_fpr95"]
    assert found.replicates is not None
    ratio = np.sqrt((found.influence**2).sum()) / found.replicates.std()
    assert 0.75 < ratio < 1.35


# Resamples


@pytest.mark.parametrize("prevalence", [None, PREVALENCE])
def test_resamples_are_of_whole_patients(prevalence: float | None) -> None:
    """Every metric is computed anew from the rows of the patients drawn."""
    scope = Scopes(TABLE, PLAN).overall()
    found = usual(prevalence)
    for kind in ("", "outliers", "urgent cases"):
        strata = scope.strata
        if kind:
            mask = scope.cases.is_outlier if kind == "outliers" else scope.cases.true_urgency == 0
            strata = strata * 2 + scope.with_case(mask)
        pieces = draws(strata, n_resamples=200, seed=0, name=f"overall\nall\n{kind}")
        drawn = np.concatenate(list(pieces), axis=1).T
        assert (drawn.sum(axis=1) == 150).all()
        of_cases = drawn[:, scope.local]
        ranked = {
            "": set(),
            "outliers": {"ood_auroc", "ood_fpr95"},
            "urgent cases": {"auroc_urgent"},
        }
        keys = ranked[kind] or {*found} - {"ood_auroc", "ood_fpr95", "auroc_urgent"}
        for key in keys:
            wanted = value_at(key, of_cases, prevalence)
            got = found[key].replicates
            assert got is not None
            np.testing.assert_allclose(got, wanted, rtol=1e-6, atol=1e-7, err_msg=key)


def test_resampling_rows_of_a_frame_gives_the_same() -> None:
    """Rows repeated as often as their patient was drawn, and the plain share of right ones."""
    scope = Scopes(TABLE, PLAN).overall()
    pieces = draws(scope.strata, n_resamples=200, seed=0, name="overall\nall\n")
    drawn = np.concatenate(list(pieces), axis=1).T[:5].astype(int)
    rows = [np.repeat(np.arange(len(TABLE)), counts[scope.local]) for counts in drawn]
    cost = [TABLE.cost[each].mean() for each in rows]  # type: ignore[index]
    replicates = usual()["clinical_cost"].replicates
    assert replicates is not None
    np.testing.assert_allclose(replicates[:5], cost)


def test_patients_are_resampled_within_strata() -> None:
    plan = make_plan(intervals={"strata": "skin"})
    scope = Scopes(TABLE, plan).overall()
    drawn = next(draws(scope.strata, n_resamples=50, seed=3, name="x"))
    skin = np.zeros(150, dtype=int)
    skin[scope.local] = TABLE.axes["skin"].codes
    for level in range(3):
        assert (drawn[skin == level].sum(axis=0) == (skin == level).sum()).all()


def test_above_the_bound_there_are_no_resamples() -> None:
    found = measured(max_bootstrap_patients=100)
    assert all(each.replicates is None for each in found.values())
    np.testing.assert_array_equal(found["ece"].influence, usual()["ece"].influence)


# Order of rows


@pytest.mark.parametrize("prevalence", [None, PREVALENCE])
def test_order_of_rows_and_numbers_of_patients_do_not_matter(prevalence: float | None) -> None:
    other = shuffled(TABLE)
    again = measured(other, prevalence)
    for key, found in usual(prevalence).items():
        assert found.value == again[key].value or np.isnan(found.value), key
        np.testing.assert_array_equal(found.replicates, again[key].replicates, err_msg=key)
        np.testing.assert_array_equal(found.influence, again[key].influence, err_msg=key)
        assert (found.n, found.n_patients) == (again[key].n, again[key].n_patients)


def test_sums_of_rounded_floats_are_exact() -> None:
    values = np.random.default_rng(0).gamma(0.3, 5, 10_000)
    kept = summable(values)
    np.testing.assert_allclose(kept, values, atol=1e-8)
    backwards = np.add.accumulate(kept[::-1])[-1]
    assert np.add.accumulate(kept)[-1] == backwards == kept.sum()


# Sizes


def scope_of(table: AuditTable) -> Scope:
    return Scopes(table, PLAN).overall()


def test_sizes_and_sums_of_proportions_and_means() -> None:
    found = usual()
    inlier = TABLE.truth >= 0
    right = (TABLE.probabilities.argmax(axis=1) == TABLE.truth) & inlier  # type: ignore[union-attr]
    accuracy = found["accuracy"]
    assert (accuracy.n, accuracy.n_positive) == (inlier.sum(), right.sum())
    assert accuracy.n_patients == len(np.unique(TABLE.cluster[inlier]))
    assert not accuracy.one_case_a_patient
    cost = found["clinical_cost"]
    assert cost.n_positive is None
    assert cost.sums is not None
    assert cost.sizes is not None
    assert cost.sums.sum() / cost.sizes.sum() == pytest.approx(cost.value)
    np.testing.assert_array_equal(cost.sizes, np.bincount(CLUSTER))
    assert cost.case_bounds[0] == 0
    stated = usual(PREVALENCE)["clinical_cost"]
    assert stated.sums is not None
    assert stated.sizes is not None
    assert stated.sums.sum() / stated.sizes.sum() == pytest.approx(stated.value)
    assert found["ood_auroc"].n_patients == min(
        len(np.unique(TABLE.cluster[where])) for where in (inlier, TABLE.truth == -1)
    )
    assert found["nll"].sums is None


def test_patients_of_one_case_each() -> None:
    single = replace(TABLE, cluster=np.arange(len(TABLE), dtype=np.int32))
    assert measured(single)["accuracy"].one_case_a_patient


# What is absent


def test_cases_without_label_count_in_abstentions_only() -> None:
    table = make_table(unlabelled=0.3)
    labelled = table.take(np.flatnonzero(table.labelled))
    kept = np.unique(labelled.cluster, return_inverse=True)[1].astype(np.int32)
    found, wanted = measured(table), measured(replace(labelled, cluster=kept))
    differ = {
        key
        for key, each in wanted.items()
        if found[key].value != pytest.approx(each.value, nan_ok=True)
    }
    assert differ == {"abstention_rate", "clinical_cost", "mean_seconds"}
    assert found["abstention_rate"].n == len(table)
    assert found["accuracy"].n == wanted["accuracy"].n


def test_metrics_without_their_column_are_absent() -> None:
    for column in Column:
        if column in (Column.OUTLIERS, Column.PREDICTED, Column.PROBABILITIES):
            continue
        found = measurable(columns_of(replace(TABLE, **{column: None})))  # type: ignore[arg-type]
        assert {*AUDIT_METRICS} - {*found} == {
            key for key, needs in METRIC_COLUMNS.items() if column in needs
        }
    named = TABLE.probabilities.argmax(axis=1).astype(np.int16)  # type: ignore[union-attr]
    table = replace(TABLE, probabilities=None, predicted=named)
    found = measured(table)
    assert "ece" not in found
    assert found["accuracy"].value == usual()["accuracy"].value


def test_one_kind_of_case_only() -> None:
    plain = replace(TABLE, true_urgency=np.zeros(len(TABLE), dtype=np.int8))
    found = measured(plain)
    for key in ("auroc_urgent", "specificity_urgent"):
        assert np.isnan(found[key].value)
        assert found[key].n_patients == 0
    one = measured(TABLE.take(np.array([0])), max_bootstrap_patients=100)
    assert one["abstention_rate"].n == 1


@pytest.mark.parametrize("outliers", [False, True])
def test_a_share_of_outliers_that_cannot_be_reached_leaves_rates_as_found(outliers: bool) -> None:
    of_kind = make_table(n=800)
    kept = (of_kind.truth == -1) == outliers
    table = replace(
        of_kind,
        axes={"kind": LevelCodes(("known", "outlier"), (of_kind.truth == -1).astype(np.int16))},
    )
    plan = make_plan(outlier_prevalence=PREVALENCE)
    level = list(Scopes(table, plan).levels("kind"))[int(outliers)]
    metrics = [AUDIT_METRICS[key] for key in ("abstention_rate", "clinical_cost", "accuracy")]
    rate, cost, accuracy = measure_scope(level, metrics, plan.intervals, PREVALENCE)
    assert of_kind.abstained is not None
    assert of_kind.cost is not None
    assert rate.value == pytest.approx(of_kind.abstained[kept].mean())
    assert rate.n_positive == of_kind.abstained[kept].sum()
    assert cost.value == pytest.approx(of_kind.cost[kept].mean())
    assert rate.n_patients == len(np.unique(of_kind.cluster[kept]))
    assert AS_FOUND in rate.note
    assert AS_FOUND in cost.note
    assert accuracy.note == ""
    both, *_ = measure_scope(Scopes(table, plan).overall(), metrics, plan.intervals, PREVALENCE)
    assert both.note == ""


def test_levels_at_different_shares_of_outliers_are_not_compared() -> None:
    table = make_table(n=800)
    codes = np.where(table.truth == -1, 1, np.arange(800) % 2).astype(np.int16)
    table = replace(table, axes={"site": LevelCodes(("known", "both"), codes)})
    plan = make_plan(outlier_prevalence=PREVALENCE)
    found = measure_audit(table, plan, analyses=False)
    (rate,) = (each for each in found.comparisons if each.metric == "abstention_rate")
    assert (rate.difference, rate.ratio, rate.p_value) == (None, None, None)
    assert rate.evidence == "not enough"
    assert [each.level for each in found.worst if each.metric == "under_triage_rate"] == [None]
    (right,) = (each for each in found.comparisons if each.metric == "accuracy")
    assert right.difference is not None


def test_rates_in_which_outliers_do_not_count_are_the_same_at_any_share() -> None:
    table = make_table(n=800)
    assert table.true_urgency is not None
    outlier = table.truth == -1
    urgency = np.where(outlier, -1, table.true_urgency).astype(np.int8)
    codes = np.where(outlier, 1, np.arange(800) % 2).astype(np.int16)
    table = replace(
        table, true_urgency=urgency, axes={"site": LevelCodes(("known", "both"), codes)}
    )
    plan = make_plan(outlier_prevalence=PREVALENCE)
    metrics = [AUDIT_METRICS["under_triage_rate"]]
    for level in Scopes(table, plan).levels("site"):
        (found,) = measure_scope(level, metrics, plan.intervals, PREVALENCE)
        (plain,) = measure_scope(level, metrics, plan.intervals, None)
        assert (found.value, found.note) == (plain.value, "")
        assert (found.n_patients, found.n_positive) == (plain.n_patients, plain.n_positive)
    compared = measure_audit(table, plan, analyses=False).comparisons
    (rate,) = (each for each in compared if each.metric == "under_triage_rate")
    assert rate.difference is not None
