import pytest
from pydantic import ValidationError

from tests.evaluation.synthetic import make_outcomes
from triage.auditing import (
    DEFAULT_PLAN,
    AuditPlan,
    Limit,
    Verdict,
    judge,
    judge_plan,
    worst_group,
)
from triage.evaluation import Estimate, evaluate


def an_estimate(low, high, evidence="enough"):
    return Estimate(
        metric="accuracy", unit="proportion", value=0.8, low=low, high=high, n_cases=90,
        n_clusters=50, interval="Korn-Graubard", undefined_resamples=0, evidence=evidence,
    )  # fmt: skip


@pytest.fixture(scope="module")
def evaluation():
    return evaluate(make_outcomes(200, seed=1), n_resamples=100)


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.71, 0.9, Verdict.MEETS),
        (0.70, 0.9, Verdict.MEETS),
        (0.60, 0.9, Verdict.NOT_ENOUGH),
        (0.50, 0.69, Verdict.FAILS),
        (0.80, 0.80, Verdict.NOT_ENOUGH),
        (None, None, Verdict.NOT_ENOUGH),
    ],
)
def test_verdict_goes_by_the_whole_interval(low, high, verdict):
    assert judge(an_estimate(low, high), Limit(metric="accuracy", at_least=0.7)) == verdict


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.0, 0.04, Verdict.MEETS),
        (0.0, 0.06, Verdict.NOT_ENOUGH),
        (0.06, 0.2, Verdict.FAILS),
    ],
)
def test_upper_limits_mirror_lower_ones(low, high, verdict):
    limit = Limit(metric="under_triage_rate", at_most=0.05)
    assert judge(an_estimate(low, high), limit) == verdict


def test_too_few_clusters_never_pass_or_fail():
    limit = Limit(metric="accuracy", at_least=0.7)
    assert judge(an_estimate(0.9, 1.0, "not enough"), limit) == Verdict.NOT_ENOUGH
    assert judge(an_estimate(0.1, 0.2, "not enough"), limit) == Verdict.NOT_ENOUGH


def test_audit_judges_every_limit_everywhere(evaluation):
    findings = judge_plan(evaluation, DEFAULT_PLAN)
    assert len(findings) == len(DEFAULT_PLAN.limits) * (1 + len(evaluation.subgroups))
    assert [f.axis for f in findings[: len(DEFAULT_PLAN.limits)]] == [None] * 4
    for finding in findings:
        assert finding.verdict == judge(finding.estimate, finding.limit)


def test_worst_group_is_the_worst_with_enough_evidence(evaluation):
    for metric, pick in (("accuracy", min), ("clinical_cost", max)):
        worst = worst_group(evaluation, "skin type", metric)
        values = [
            level.metrics[metric].value
            for level in evaluation.levels("skin type")
            if level.metrics[metric].evidence == "enough"
        ]
        assert worst.metrics[metric].value == pick(values)


def test_no_worst_group_without_two_levels_or_a_direction(evaluation):
    alone = evaluation.model_copy(update={"subgroups": evaluation.levels("sex")[:1]})
    assert worst_group(alone, "sex", "accuracy") is None
    assert worst_group(evaluation, "sex", "abstention_rate") is None
    assert worst_group(evaluation, "no such axis", "accuracy") is None


@pytest.mark.parametrize(
    "limit",
    [
        {"metric": "accuracy"},
        {"metric": "accuracy", "at_least": 0.7, "at_most": 0.9},
        {"metric": "accuracy", "at_most": 0.7},
        {"metric": "ece", "at_least": 0.7},
        {"metric": "skill", "at_least": 0.7},
        {"metric": "accuracy", "floor": 0.7},
    ],
)
def test_impossible_limits_are_refused(limit):
    with pytest.raises(ValidationError):
        AuditPlan(source="test", limits=[limit])
