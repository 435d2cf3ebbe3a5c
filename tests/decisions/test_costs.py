import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.data.spec import OutcomeCosts, UrgencyCosts
from triage.decisions.outcome_costs import (
    cheapest_urgency,
    expected_outcome_cost,
    outcome_cost,
    urgency_cost_matrix,
)
from triage.vocabulary.clinical import Urgency

COSTS = OutcomeCosts(wrong_inlier=1.0, abstain_inlier=0.5, miss_outlier=3.0, abstain_outlier=0.25)


def test_the_four_outcomes_by_hand() -> None:
    #                 inlier: right, wrong, abstained x2    outlier: answered x2, abstained x2
    is_outlier = np.array([False] * 4 + [True] * 4)
    is_correct = np.array([True, False] * 4)
    abstained = np.array([False, False, True, True] * 2)
    cost = outcome_cost(COSTS, is_outlier, is_correct, abstained)
    assert list(cost) == [0.0, 1.0, 0.5, 0.5, 3.0, 3.0, 0.25, 0.25]


@given(st.floats(0, 1), st.floats(0, 1))
def test_expected_costs_are_the_mean_over_outcomes(p_outlier: float, p_condition: float) -> None:
    opinion, abstain = expected_outcome_cost(COSTS, np.array([p_outlier]), np.array([p_condition]))
    worlds = [
        (p_outlier, True, False),
        ((1 - p_outlier) * p_condition, False, True),
        ((1 - p_outlier) * (1 - p_condition), False, False),
    ]
    for found, abstained in ((opinion, False), (abstain, True)):
        expected = sum(
            weight
            * outcome_cost(COSTS, np.array([outlier]), np.array([right]), np.array([abstained]))[0]
            for weight, outlier, right in worlds
        )
        assert found[0] == pytest.approx(expected, abs=1e-12)


def test_the_urgency_matrix_by_hand() -> None:
    matrix = urgency_cost_matrix(UrgencyCosts(under_triage=2.0, over_triage=1.0))
    assert matrix.tolist() == [
        # recommended: urgent, semi-urgent, routine, observation
        [0, 2, 4, 6],  # truly urgent
        [1, 0, 2, 4],  # truly semi-urgent
        [2, 1, 0, 2],  # truly routine
        [3, 2, 1, 0],  # truly for observation
    ]


@given(
    st.integers(0, 10**6),
    st.lists(st.integers(0, 3), min_size=1, max_size=6),
    st.floats(0, 5),
    st.floats(0, 5),
)
def test_cheapest_urgency_against_brute_force(
    seed: int, ranks: list[int], under: float, over: float
) -> None:
    p = np.random.default_rng(seed).dirichlet(np.full(len(ranks), 0.5), size=6)
    costs = UrgencyCosts(under_triage=under, over_triage=over)
    found = cheapest_urgency(p, np.array(ranks), costs)
    for row, choice in zip(p, found, strict=True):
        expected = [
            sum(
                weight * abs(given - true) * (under if given > true else over)
                for weight, true in zip(row, ranks, strict=True)
            )
            for given in range(len(Urgency))
        ]
        assert expected[choice] <= min(expected) + 1e-9


def test_equally_cheap_urgencies_go_to_the_more_urgent() -> None:
    costs = UrgencyCosts(under_triage=1.0, over_triage=1.0)
    assert list(cheapest_urgency(np.array([[0.5, 0.5]]), np.array([3, 0]), costs)) == [0]


def test_a_small_risk_of_something_urgent_counts_when_it_is_dear() -> None:
    p = np.array([[0.1, 0.9]])
    ranks = np.array([Urgency.URGENT.rank, Urgency.OBSERVATION.rank])
    assert cheapest_urgency(p, ranks, UrgencyCosts(under_triage=2, over_triage=1))[0] == 3
    assert cheapest_urgency(p, ranks, UrgencyCosts(under_triage=20, over_triage=1))[0] == 0


def test_rounding_never_breaks_a_tie_of_urgencies() -> None:
    """Half urgent, half routine, alike prices: every urgency between costs the same."""
    even = UrgencyCosts(under_triage=1.0, over_triage=1.0)
    for nudge in (-1e-15, 0.0, 1e-15):
        p = np.array([[0.5 + nudge, 0.5 - nudge]])
        assert cheapest_urgency(p, np.array([0, 2]), even).tolist() == [0]
    tenths = np.array([[0.1, 0.2, 0.7 - 0.4, 0.4]])
    assert cheapest_urgency(tenths / tenths.sum(), np.array([0, 0, 0, 0]), even).tolist() == [0]
