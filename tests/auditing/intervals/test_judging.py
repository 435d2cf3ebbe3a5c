"""Verdicts, and how many more cases would give one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from tests.auditing.intervals.judged import plan_of, row, rows
from tests.auditing.intervals.measuring import clustered_proportion, mean, proportion
from triage.auditing.audit_plan import Limit
from triage.auditing.intervals import judge_all
from triage.vocabulary.verdicts import Verdict

AT_LEAST = Limit(metric="metric", at_least=0.8)
AT_MOST = Limit(metric="metric", at_most=0.2)


@pytest.mark.parametrize(
    ("hits", "limit", "verdict"),
    [
        (95, AT_LEAST, Verdict.MEETS),
        (60, AT_LEAST, Verdict.FAILS),
        (82, AT_LEAST, Verdict.NOT_ENOUGH),
        (5, AT_MOST, Verdict.MEETS),
        (40, AT_MOST, Verdict.FAILS),
        (18, AT_MOST, Verdict.NOT_ENOUGH),
    ],
)
def test_one_row_is_judged_by_its_exact_p_value(hits, limit, verdict):
    plan = plan_of(limit)
    (found,) = judge_all([row(proportion(hits, 100), plan)], plan)
    tails = stats.binom.cdf(hits, 100, limit.bound), stats.binom.sf(hits - 1, 100, limit.bound)
    assert found.p_value == pytest.approx(min(1.0, 2 * min(tails)))
    assert found.p_adjusted == found.p_value
    assert found.verdict is verdict
    assert (found.at_least, found.at_most) == (limit.at_least, limit.at_most)


def test_primary_rows_are_corrected_by_holm_and_others_apart_from_them():
    both = (AT_LEAST, Limit(metric="metric", at_least=0.85, primary=False))
    plan = plan_of(*both)
    found = judge_all(rows([proportion(hits, 100) for hits in (89, 95, 60)], plan), plan)
    raw = [each.p_value for each in found]
    assert [each.correction for each in found] == ["Holm"] * 3 + ["Benjamini-Hochberg"] * 3
    first, second, third = raw[:3]
    assert (third, second) == tuple(sorted(raw[:3])[:2])
    assert [each.p_adjusted for each in found[:3]] == pytest.approx([first, 2 * second, 3 * third])
    assert [each.p_adjusted for each in found[3:]] == pytest.approx(
        stats.false_discovery_control(raw[3:])
    )


def test_correction_can_take_a_verdict_away():
    plan = plan_of(AT_LEAST)
    clear, others = proportion(89, 100), [proportion(82, 100)] * 9
    (alone,) = judge_all(rows([clear], plan), plan)
    first = judge_all(rows([clear, *others], plan), plan)[0]
    assert alone.verdict is Verdict.MEETS
    assert first.verdict is Verdict.NOT_ENOUGH
    assert first.p_value == alone.p_value


@pytest.mark.parametrize(("scope", "levels"), [
    ("everywhere", ["all", "a"]), ("overall", ["all"]), ("groups", ["a"]),
])  # fmt: skip
def test_scope_says_which_rows_are_judged(scope, levels):
    plan = plan_of(Limit(metric="metric", at_least=0.8, scope=scope))
    given = [row(proportion(90, 100), plan, "overall", "all"), row(proportion(45, 50), plan)]
    assert [each.level for each in judge_all(given, plan)] == levels


def test_without_enough_evidence_there_is_neither_p_value_nor_verdict():
    plan = plan_of(AT_LEAST)
    given = rows([proportion(6, 6), proportion(99, 100)], plan)
    few, many = judge_all(given, plan)
    assert (few.p_value, few.p_adjusted, few.verdict) == (None, None, Verdict.NOT_ENOUGH)
    assert many.p_adjusted == many.p_value


@pytest.mark.parametrize(("bound", "n"), [(0.95, 72), (0.90, 36)])
def test_how_many_cases_a_limit_takes_without_error(bound, n):
    plan = plan_of(Limit(metric="metric", at_least=bound))
    (found,) = judge_all([row(proportion(12, 12), plan)], plan)
    assert found.more_without_error == n - 12
    assert found.more_at_this_rate == n - 12
    (other,) = judge_all([row(proportion(0, 12), _most(bound))], _most(bound))
    assert other.more_without_error == n - 12


def _most(bound: float):
    return plan_of(Limit(metric="metric", at_most=1 - bound))


def test_more_cases_are_counted_at_the_level_of_the_whole_set():
    plan = plan_of(Limit(metric="metric", at_least=0.95))
    found = judge_all(rows([proportion(20, 20)] * 10, plan), plan)
    assert found[0].more_without_error == math.ceil(math.log(0.05 / 20) / math.log(0.95)) - 20


def test_more_cases_give_the_verdict_and_one_fewer_does_not():
    plan = plan_of(AT_LEAST)
    (found,) = judge_all([row(proportion(43, 50), plan)], plan)
    more = found.more_without_error
    verdicts = [
        judge_all([row(proportion(43 + extra, 50 + extra), plan)], plan)[0].verdict
        for extra in (more - 1, more)
    ]
    assert verdicts == [Verdict.NOT_ENOUGH, Verdict.MEETS]
    whole = 50 * math.ceil((50 + found.more_at_this_rate) / 50)
    (same,) = judge_all([row(proportion(43 * whole // 50, whole), plan)], plan)
    assert same.verdict is Verdict.MEETS


def test_no_number_of_cases_does_at_a_rate_that_misses_the_limit():
    plan = plan_of(AT_LEAST)
    (found,) = judge_all([row(proportion(38, 50), plan)], plan)
    assert found.verdict is Verdict.NOT_ENOUGH
    assert found.more_at_this_rate is None
    assert found.more_without_error > 0


def test_cases_of_one_patient_are_worth_less():
    plan = plan_of(Limit(metric="metric", at_least=0.9))
    thrice = clustered_proportion(np.full(12, 3.0), np.full(12, 3.0))
    (found,) = judge_all([row(thrice, plan)], plan)
    whole = 3 * math.log(0.025) / math.log(0.9)
    assert found.more_without_error == math.ceil(whole) - 36


def test_only_proportions_say_how_many_more():
    plan = plan_of(AT_LEAST)
    (found,) = judge_all([row(mean(np.linspace(0.5, 1, 20)), plan)], plan)
    assert found.verdict is Verdict.NOT_ENOUGH
    assert (found.more_without_error, found.more_at_this_rate) == (None, None)
