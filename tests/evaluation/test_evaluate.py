import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tests.evaluation.synthetic import make_outcomes
from tests.evaluation.test_metrics import small
from triage.errors import UsageError
from triage.evaluation import METRICS, Evaluation, evaluate
from triage.evaluation.bootstrap import cluster_weights
from triage.evaluation.estimates import MIN_CLUSTERS


@pytest.fixture(scope="module")
def outcomes():
    return make_outcomes(200, seed=1)


@pytest.fixture(scope="module")
def evaluation(outcomes):
    return evaluate(outcomes, n_resamples=300, seed=7)


def test_counts_and_every_metric_are_there(outcomes, evaluation):
    assert evaluation.n_cases == len(outcomes)
    assert evaluation.n_inliers + evaluation.n_outliers == len(outcomes)
    assert evaluation.n_clusters == 200
    assert list(evaluation.overall) == list(METRICS)
    for found in evaluation.overall.values():
        assert found.evidence == "enough"
        assert found.low <= found.value <= found.high
        assert found.low < found.high


def test_percentiles_come_from_the_shared_resamples(outcomes, evaluation):
    weights = np.concatenate(list(cluster_weights(outcomes.cluster, n_resamples=300, seed=7)))
    drawn = METRICS["nll"].compute(outcomes, weights)
    found = evaluation.overall["nll"]
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(drawn, [0.025, 0.975])))


def test_a_level_is_evaluated_on_its_own_cases(outcomes, evaluation):
    for level in evaluation.levels("sex"):
        members = (outcomes.subgroups["sex"] == level.level).to_numpy()
        assert level.n_cases == members.sum()
        assert level.inliers + level.outliers == level.n_cases
        assert (
            level.outliers_abstained == (members & outcomes.is_outlier & outcomes.abstained).sum()
        )
        cost = level.metrics["clinical_cost"]
        assert cost.value == pytest.approx(outcomes.cost[members].mean())
        assert cost.n_clusters == len(set(outcomes.cluster[members]))


def test_unknown_is_a_level_of_its_own_and_stands_last(evaluation):
    assert evaluation.axes == ["skin type", "age", "sex"]
    assert [level.level for level in evaluation.levels("sex")] == ["female", "male", "unknown"]


def test_levels_add_up_to_all_cases(evaluation):
    for axis in evaluation.axes:
        assert sum(level.n_cases for level in evaluation.levels(axis)) == evaluation.n_cases


def test_few_clusters_are_not_enough_evidence_and_never_certain(evaluation):
    for level in evaluation.subgroups:
        for found in level.metrics.values():
            assert (found.evidence == "enough") <= (found.n_clusters >= MIN_CLUSTERS)
            if found.value in (0.0, 1.0) and found.interval == "Korn-Graubard":
                assert found.high - found.low > 0


def test_same_seed_same_json_and_it_reads_back(outcomes, evaluation):
    text = evaluation.to_json()
    assert text == evaluate(outcomes, n_resamples=300, seed=7).to_json()
    assert text != evaluate(outcomes, n_resamples=300, seed=8).to_json()
    assert Evaluation.model_validate_json(text) == evaluation
    assert json.loads(text)["schema_version"] == "triage-evaluation-1"


def test_table_has_a_row_for_each_scope_and_metric(evaluation):
    rows = evaluation.table()
    assert len(rows) == (1 + len(evaluation.subgroups)) * len(METRICS)
    assert (rows[0]["axis"], rows[0]["level"], rows[0]["metric"]) == ("overall", "all", "accuracy")


def test_confusion_counts_every_case_once(outcomes, evaluation):
    counts = np.array(evaluation.confusion.counts)
    assert counts.sum() == len(outcomes)
    assert counts[:, -1].sum() == outcomes.abstained.sum()
    assert counts[-1].sum() == outcomes.is_outlier.sum()
    answered = ~outcomes.is_outlier & ~outcomes.abstained
    selective = evaluation.overall["selective_accuracy"].value
    assert np.trace(counts[:-1, :-1]) == pytest.approx(selective * answered.sum())


def test_reliability_bins_give_the_calibration_error(evaluation):
    filled = [b for b in evaluation.reliability if b.count]
    assert sum(b.count for b in filled) == evaluation.n_inliers
    gaps = sum(b.count * abs(b.accuracy - b.confidence) for b in filled) / evaluation.n_inliers
    assert gaps == pytest.approx(evaluation.overall["ece"].value)
    assert all(b.low <= b.accuracy <= b.high for b in filled)


def test_risk_coverage_by_brute_force(outcomes, evaluation):
    curve = evaluation.risk_coverage
    wrong = outcomes.probabilities.argmax(axis=1) != outcomes.truth
    assert curve.points[-1].risk == pytest.approx(wrong.mean()) == curve.random_risk
    for threshold in np.unique(outcomes.ood_score):
        kept = outcomes.ood_score <= threshold
        for point in curve.points:
            if point.coverage == pytest.approx(kept.mean(), abs=1e-6):
                assert point.risk == pytest.approx(wrong[kept].mean())
    assert curve.operating_risk == pytest.approx(wrong[~outcomes.abstained].mean())
    assert all(point.low <= point.high for point in curve.points)


def test_a_random_score_gives_the_random_curve():
    outcomes = make_outcomes(400, seed=5)
    shuffled = np.random.default_rng(0).permutation(outcomes.ood_score)
    curve = evaluate(replace(outcomes, ood_score=shuffled), n_resamples=200).risk_coverage
    inside = [point.low <= curve.random_risk <= point.high for point in curve.points[2:]]
    assert np.mean(inside) > 0.85
    constant = replace(outcomes, ood_score=np.zeros(len(outcomes)))
    flat = evaluate(constant, n_resamples=10).risk_coverage
    assert [p.risk for p in flat.points] == pytest.approx([flat.random_risk] * len(flat.points))


def test_a_single_case():
    evaluation = evaluate(small([0], [[0.7, 0.3]]), n_resamples=20)
    found = evaluation.overall["accuracy"]
    assert (found.value, found.evidence) == (1.0, "not enough")
    assert found.low == pytest.approx(0.025, abs=0.01)
    assert evaluation.overall["ood_auroc"].value is None
    cost = evaluation.overall["clinical_cost"]
    assert (cost.low, cost.high) == pytest.approx((0.0, 0.975), abs=0.01)
    assert evaluation.overall["nll"].low is None


def test_only_outliers_and_all_abstained():
    outcomes = small([-1] * 30, [[0.7, 0.3]] * 30, abstained=np.ones(30, dtype=bool))
    evaluation = evaluate(outcomes, n_resamples=20)
    assert evaluation.overall["accuracy"].value is None
    assert evaluation.overall["accuracy"].undefined_resamples == 20
    assert evaluation.overall["accuracy"].evidence == "not enough"
    assert evaluation.overall["abstention_rate"].value == 1
    assert evaluation.overall["abstention_rate"].low < 0.9
    assert evaluation.risk_coverage.operating_risk is None


def test_resamples_without_an_outlier_are_counted():
    outcomes = small([0] * 20 + [-1], [[0.7, 0.3]] * 21, np.arange(21.0))
    found = evaluate(outcomes, n_resamples=400).overall["ood_auroc"]
    # One cluster of 21 is missed by a share (20 / 21) ** 21 of the resamples.
    assert found.undefined_resamples / 400 == pytest.approx((20 / 21) ** 21, abs=0.08)
    assert found.evidence == "not enough"
    assert found.low < 0.1


def test_no_cases_is_refused():
    outcomes = small(np.zeros(0, dtype=int), np.zeros((0, 2)), subgroups=pd.DataFrame())
    with pytest.raises(UsageError, match="no cases"):
        evaluate(outcomes)


def test_metrics_may_be_chosen(outcomes, evaluation):
    chosen = ["ece", "accuracy", "ood_auroc"]
    found = evaluate(
        outcomes, n_resamples=evaluation.n_resamples, seed=evaluation.seed, metrics=chosen
    )
    assert list(found.overall) == chosen
    for key in chosen:
        full = evaluation.overall[key]
        assert found.overall[key].value == pytest.approx(full.value)
        assert found.overall[key].low == pytest.approx(full.low)
        assert found.overall[key].high == pytest.approx(full.high)
    with pytest.raises(UsageError, match="Did you mean accuracy"):
        evaluate(outcomes, metrics=["acuracy"])
