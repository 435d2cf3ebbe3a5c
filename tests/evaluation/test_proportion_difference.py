from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from triage.evaluation.proportion_difference import proportion_difference, wilson


@pytest.mark.parametrize(("successes", "trials"), [(0, 6), (6, 6), (3, 10), (41, 50), (1, 1)])
def test_wilson_equals_scipy(successes: int, trials: int) -> None:
    expected = stats.binomtest(successes, trials).proportion_ci(0.95, method="wilson")
    assert wilson(successes, trials) == pytest.approx((expected.low, expected.high))


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [
        ((56, 70, 48, 80), 0.0524, 0.3339),
        ((9, 10, 3, 10), 0.1705, 0.8090),
        ((6, 7, 2, 7), 0.0582, 0.8062),
        ((5, 56, 0, 29), -0.0381, 0.1926),
        ((0, 10, 0, 20), -0.1611, 0.2775),
        ((0, 10, 0, 10), -0.2775, 0.2775),
        ((10, 10, 0, 20), 0.6791, 1.0),
        ((10, 10, 0, 10), 0.6075, 1.0),
    ],
)
def test_published_examples(counts: tuple[int, int, int, int], low: float, high: float) -> None:
    """Newcombe 1998, table II, method 10."""
    assert proportion_difference(*counts) == pytest.approx((low, high), abs=6e-5)


@given(st.data())
def test_exchanging_the_two_turns_the_interval_round(data: st.DataObject) -> None:
    n, m = data.draw(st.integers(1, 400)), data.draw(st.integers(1, 400))
    a, b = data.draw(st.integers(0, n)), data.draw(st.integers(0, m))
    low, high = proportion_difference(a, n, b, m)
    assert -1 - 1e-12 <= low < high <= 1 + 1e-12
    assert low - 1e-12 <= a / n - b / m <= high + 1e-12
    assert proportion_difference(b, m, a, n) == pytest.approx((-high, -low))
