"""Bernoulli CUSUM against published designs, a dense chain and independent simulations."""

import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triage.errors import UsageError
from triage.monitoring.bernoulli_cusum import (
    CusumDesign,
    alarm_probability,
    delay_quantiles,
    design_cusum,
    run_cusum,
)
from triage.monitoring.run_lengths import LatticeChain

HORIZON = 9000


@pytest.mark.parametrize(
    ("p0", "p1", "m", "limit", "false_alarm", "arl", "from_zero", "steady"),
    [
        (0.01, 0.05, 40, 190, 0.0494, 175_400, 158, 151),
        (0.05, 0.10, 13, 121, 0.0481, 179_200, 298, 283),
    ],
)
def test_designs_have_the_golden_values(
    p0: float,
    p1: float,
    m: int,
    limit: int,
    false_alarm: float,
    arl: float,
    from_zero: int,
    steady: int,
) -> None:
    design = design_cusum(p0, p1, horizon=HORIZON)
    assert [design.steps_up, design.steps_down, design.limit] == [m - 1, 1, limit]
    assert design.false_alarm == pytest.approx(false_alarm, abs=5e-5)
    assert design.arl == pytest.approx(arl, abs=50)
    delays = delay_quantiles(design, p1, (0.5,))
    assert list(delays.from_zero) == [from_zero]
    assert delays.median == steady


def test_the_other_lattice_of_the_second_design_has_its_golden_values() -> None:
    chain = LatticeChain(149, 13, 1, 0.05)
    assert chain.alarm_probability(HORIZON) == pytest.approx(0.0485, abs=5e-5)
    assert LatticeChain(148, 13, 1, 0.05).alarm_probability(HORIZON) > 0.05
    assert chain.mean_run_length() == pytest.approx(176_300, abs=50)
    changed = LatticeChain(149, 13, 1, 0.10)
    assert changed.quantiles([0.5]) == [303]
    assert changed.quantiles([0.5], chain.long_run_sums()) == [284]


def test_the_budget_is_fragile_in_the_rate_in_control() -> None:
    first = design_cusum(0.01, 0.05, horizon=HORIZON)
    second = design_cusum(0.05, 0.10, horizon=HORIZON)
    assert alarm_probability(first, 0.012, HORIZON) == pytest.approx(0.15, abs=0.005)
    assert alarm_probability(first, 0.0145, HORIZON) == pytest.approx(0.42, abs=0.005)
    assert alarm_probability(second, 0.055, HORIZON) == pytest.approx(0.17, abs=0.005)
    assert alarm_probability(second, 0.060, HORIZON) == pytest.approx(0.44, abs=0.005)


def dense(chain: LatticeChain) -> np.ndarray:
    """Transitions between sums below the limit, entry by entry."""
    transitions = np.zeros((chain.limit, chain.limit))
    for total in range(chain.limit):
        if total + chain.up < chain.limit:
            transitions[total, total + chain.up] += chain.p_up
        transitions[total, max(total - chain.down, 0)] += 1 - chain.p_up
    return transitions


chains = st.builds(
    LatticeChain,
    limit=st.integers(1, 40),
    up=st.integers(1, 12),
    down=st.integers(1, 12),
    p_up=st.floats(0.01, 0.99),
)


@settings(max_examples=80, deadline=None)
@given(chain=chains, n=st.integers(0, 1600))
def test_run_lengths_agree_with_a_dense_chain(chain: LatticeChain, n: int) -> None:
    transitions = dense(chain)
    powers = np.linalg.matrix_power(transitions, n)
    assert chain.alarm_probability(n) == pytest.approx(1 - powers[0].sum(), abs=1e-9)
    identity = np.eye(chain.limit)
    fundamental = np.linalg.inv(identity - transitions)
    if np.isfinite(fundamental).all() and np.linalg.cond(identity - transitions) < 1e9:
        assert chain.mean_run_length() == pytest.approx(fundamental[0].sum(), rel=1e-5)
        visits = fundamental[0] / fundamental[0].sum()
        assert chain.long_run_sums() == pytest.approx(visits, abs=1e-6)


@settings(max_examples=40, deadline=None)
@given(chain=chains, level=st.floats(0.05, 0.95))
def test_a_quantile_is_the_smallest_number_that_reaches_its_level(
    chain: LatticeChain, level: float
) -> None:
    (found,) = chain.quantiles([level])
    if found < 1e7:
        assert chain.alarm_probability(int(found)) >= level - 1e-9
        assert chain.alarm_probability(int(found) - 1) <= level + 1e-9


def plain_log_likelihood_chart(design: CusumDesign, x: list[bool]) -> tuple[list[float], list[int]]:
    """The chart in its definition by log likelihood ratios, in units of one step."""
    yes = math.log(design.p1 / design.p0)
    no = math.log((1 - design.p1) / (1 - design.p0))
    step = abs(no) / design.steps_down if design.rising else abs(no) / design.steps_up
    total, sums, alarms = 0.0, [], []
    for case, said_yes in enumerate(x):
        total = max(0.0, total + (yes if said_yes else no) / step)
        sums.append(total)
        if total >= design.limit - 1e-6:
            alarms.append(case)
            total = 0.0
    return sums, alarms


PAIRS = [
    (0.01, 0.05),
    (0.05, 0.10),
    (0.05, 0.01),
    (0.3, 0.4),
    (0.5, 0.6),
    (0.5, 0.4),
    (0.9, 0.95),
    (0.9, 0.8),
    (0.002, 0.01),
]


@pytest.mark.parametrize(("p0", "p1"), PAIRS)
def test_the_lattice_is_the_log_likelihood_chart_in_both_directions(p0: float, p1: float) -> None:
    design = design_cusum(p0, p1, horizon=2000)
    assert abs(design.p1 - p1) <= 0.25 * abs(p1 - p0)
    assert design.rising == (p1 > p0)
    draw = random.Random(5)
    x = [draw.random() < (p0 if case < 1500 else p1) for case in range(6000)]
    path = run_cusum(design, x)
    sums, alarms = plain_log_likelihood_chart(design, x)
    assert path.statistic == pytest.approx(sums, abs=1e-5)
    assert path.alarms.tolist() == alarms
    assert alarms


@pytest.mark.parametrize(("p0", "p1"), PAIRS)
def test_the_limit_is_the_smallest_within_the_budget(p0: float, p1: float) -> None:
    design = design_cusum(p0, p1, horizon=2000)
    assert design.false_alarm <= 0.05
    assert alarm_probability(design, p0, 2000) == design.false_alarm
    lower = design.model_copy(update={"limit": design.limit - 1})
    assert alarm_probability(lower, p0, 2000) > 0.05


@settings(max_examples=30, deadline=None)
@given(x=st.lists(st.booleans(), max_size=300), cut=st.integers(0, 300))
def test_a_chart_resumes_where_it_stopped(x: list[bool], cut: int) -> None:
    design = design_cusum(0.2, 0.4, horizon=50)
    whole = run_cusum(design, x)
    first = run_cusum(design, x[:cut])
    second = run_cusum(design, x[cut:], start=first.state)
    n = len(x[:cut])
    assert whole.statistic.tolist() == [*first.statistic, *second.statistic]
    assert whole.alarms.tolist() == [*first.alarms, *(n + second.alarms)]
    assert whole.state == second.state


def test_simulated_charts_alarm_as_often_as_the_chain_says() -> None:
    """4,000 streams drawn as gaps between yeses, not case by case; four standard errors."""
    design = design_cusum(0.02, 0.06, horizon=1500, false_alarm=0.1)
    rng = np.random.default_rng(11)
    for rate in (0.02, 0.03, 0.06):
        early = 0
        for _ in range(4000):
            total, case = 0, 0
            while True:
                gap = int(rng.geometric(rate))
                case += gap
                total = max(total - (gap - 1) * design.steps_down, 0) + design.steps_up
                if case > 1500 or total >= design.limit:
                    break
            early += case <= 1500
        exact = alarm_probability(design, rate, 1500)
        error = math.sqrt(exact * (1 - exact) / 4000)
        assert abs(early / 4000 - exact) < 4 * error


@pytest.mark.parametrize(
    ("p0", "p1", "horizon", "budget", "said"),
    [
        (0.0, 0.1, 100, 0.05, "p0 = 0 is outside"),
        (0.1, 1.0, 100, 0.05, "p1 = 1 is outside"),
        (0.1, 0.1, 100, 0.05, "nothing to find"),
        (0.1, 0.2, 0, 0.05, "horizon of 0"),
        (0.1, 0.2, 100, 0.0, "false-alarm probability of 0"),
        (0.1, float("nan"), 100, 0.05, "p1 = nan is outside"),
    ],
)
def test_impossible_designs_are_refused(
    p0: float, p1: float, horizon: int, budget: float, said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        design_cusum(p0, p1, horizon=horizon, false_alarm=budget)


def test_an_empty_stream_changes_nothing() -> None:
    design = design_cusum(0.1, 0.2, horizon=100)
    path = run_cusum(design, [], start=3)
    assert path.statistic.size == path.alarms.size == 0
    assert path.state == 3
