"""Baseline rates and the shared budget of false alarms."""

import math
from fractions import Fraction

import numpy as np
import pytest

from tests.soak.cusum_simulation import estimated
from triage.errors import UsageError
from triage.monitoring.alarm_budget import expected_alarms_a_month, share_of_budget
from triage.monitoring.baseline_rate import baseline_rate, default_alternative, within_range


def binomial_tail(k: int, n: int, p: float) -> float:
    """Probability of k or fewer, term by term in exact numbers of ways."""
    rate = Fraction(p)
    return float(sum(math.comb(n, i) * rate**i * (1 - rate) ** (n - i) for i in range(k + 1)))


@pytest.mark.parametrize(("k", "n"), [(0, 500), (5, 500), (20, 600), (50, 500)])
def test_p0_is_the_one_sided_clopper_pearson_limit(k: int, n: int) -> None:
    upper = baseline_rate(k, n).p0
    assert binomial_tail(k, n, upper) == pytest.approx(0.15, abs=1e-9)
    if k:
        lower = baseline_rate(k, n, rising=False).p0
        assert 1 - binomial_tail(k - 1, n, lower) == pytest.approx(0.15, abs=1e-9)
        assert lower < k / n < upper


@pytest.mark.parametrize(
    ("p0", "p1"), [(0.01, 0.05), (0.05, 0.10), (0.2, 0.2875), (0.9, 0.95), (0.002, 0.01)]
)
def test_the_default_alternative_is_a_rule_and_a_fall_is_its_reverse(p0: float, p1: float) -> None:
    assert default_alternative(p0) == pytest.approx(p1)
    assert default_alternative(p1, rising=False) == pytest.approx(p0)


def test_enough_baseline_cases_give_rates_in_order() -> None:
    for k, n in [(0, 500), (10, 500), (25, 500), (100, 2000), (250, 500)]:
        found = baseline_rate(k, n)
        assert found.enough
        assert found.note == ""
        assert k / n <= found.estimate < found.p0 < found.p1
        if k:
            falling = baseline_rate(k, n, rising=False)
            assert falling.enough
            assert k / n >= falling.estimate > falling.p0 > falling.p1


def test_too_few_baseline_cases_are_said_in_a_sentence() -> None:
    assert baseline_rate(1, 60).note == (
        "not enough evidence: 60 baseline cases, of which 1 count; about 500 are needed for a "
        "chart within its budget of false alarms"
    )
    assert "0 baseline cases" in baseline_rate(0, 0).note
    close = baseline_rate(50, 1000, p1=0.06)
    assert not close.enough
    assert "about " in close.note
    beyond = baseline_rate(50, 1000, p1=0.04)
    assert not beyond.enough
    assert "no number of such cases" in beyond.note
    assert "could fall" in baseline_rate(0, 700, rising=False).note
    assert "could rise" in baseline_rate(700, 700).note


@pytest.mark.parametrize(("k", "n"), [(-1, 10), (11, 10), (0, -1)])
def test_impossible_counts_are_refused(k: int, n: int) -> None:
    with pytest.raises(UsageError, match="cannot be"):
        baseline_rate(k, n)


def test_a_known_rate_of_zero_or_one_gets_a_chart() -> None:
    assert within_range(0.0) == 5e-4
    assert within_range(1.0) == 1 - 5e-4
    assert within_range(0.3) == 0.3


def test_the_budget_holds_with_an_estimated_rate_at_the_price_of_delay() -> None:
    """500 baseline cases at 5 %: the estimate itself exceeds the budget, the limit does not."""
    careless = estimated(0.05, 0.10, 500, confidence=0.5, every=9)
    careful = estimated(0.05, 0.10, 500, every=9)
    assert careless.false_alarm > 0.10
    assert careful.false_alarm <= 0.05
    assert careful.median > careless.median


def test_charts_share_one_false_alarm_a_month() -> None:
    for n_charts in (1, 3, 58):
        assert share_of_budget(n_charts) == 0.05
    for n_charts in (59, 100, 1000):
        share = share_of_budget(n_charts)
        assert share < 0.05
        assert expected_alarms_a_month(n_charts, share) == pytest.approx(1.0)
    assert share_of_budget(10, alarms_a_month=0.1, horizon_days=30) == pytest.approx(
        1 - math.exp(-0.01)
    )
    for n_charts in (0, -2):
        with pytest.raises(UsageError):
            share_of_budget(n_charts)


def test_the_share_is_the_rate_of_simulated_charts() -> None:
    """100 charts that each alarm at random: one alarm a month together, to four errors."""
    share = share_of_budget(100)
    rng = np.random.default_rng(3)
    daily = 1 - (1 - share) ** (1 / 90)
    alarms = rng.binomial(100, daily, size=30 * 4000).sum() / 4000
    assert abs(alarms - 1) < 4 * math.sqrt(1 / 4000)
