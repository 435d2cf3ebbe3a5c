import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.decisions.abstention_threshold import cheapest_threshold
from triage.errors import UsageError
from triage.uncertainty.outlier_probability import prevalence_weights


def cost_at(
    threshold: float,
    score: np.ndarray,
    opinion: np.ndarray,
    abstain: np.ndarray,
    weights: np.ndarray,
) -> float:
    return sum(
        float(w * (a if s > threshold else o))
        for s, o, a, w in zip(score, opinion, abstain, weights, strict=True)
    )


costs = st.sampled_from([0.0, 0.25, 0.5, 1.0])
cases = st.lists(st.tuples(st.integers(0, 6), costs, costs, st.integers(1, 4)), min_size=1)


@given(cases)
def test_against_every_threshold(rows: list[tuple[int, float, float, int]]) -> None:
    score, opinion, abstain, weights = (
        np.array(column, dtype=float) for column in zip(*rows, strict=True)
    )
    score, weights = score / 6, weights / weights.sum()
    threshold, cost = cheapest_threshold(score, opinion, abstain, weights)
    assert cost == pytest.approx(cost_at(threshold, score, opinion, abstain, weights))
    every = [-1.0, *(np.unique(score) + 1e-6)]
    by_threshold = [cost_at(t, score, opinion, abstain, weights) for t in every]
    assert cost == pytest.approx(min(by_threshold))
    # the lowest of equally cheap ones: whatever abstains on more cases costs more
    lower = [c for t, c in zip(every, by_threshold, strict=True) if t < threshold - 1e-3]
    flagged = [set(np.flatnonzero(score > t)) for t in every if t < threshold - 1e-3]
    own = set(np.flatnonzero(score > threshold))
    assert all(c > cost + 1e-9 for c, f in zip(lower, flagged, strict=True) if f > own)


@given(cases, st.floats(0, 0.99))
def test_against_every_threshold_that_keeps_a_share(
    rows: list[tuple[int, float, float, int]], most: float
) -> None:
    score, opinion, abstain, weights = (
        np.array(column, dtype=float) for column in zip(*rows, strict=True)
    )
    score, weights = score / 6, weights / weights.sum()
    threshold, cost = cheapest_threshold(score, opinion, abstain, weights, most_abstained=most)
    assert weights[score > threshold].sum() <= most + 1e-9
    allowed = [t for t in np.unique(score) if weights[score > t].sum() <= most + 1e-12]
    assert cost == pytest.approx(min(cost_at(t, score, opinion, abstain, weights) for t in allowed))


def test_by_hand() -> None:
    score = np.array([0.1, 0.2, 0.6, 0.8])
    opinion = np.array([0.0, 1.0, 0.0, 1.0])
    abstain = np.array([0.5, 0.5, 0.5, 0.0])
    # keep all: 2; drop the last: 1; the last two: 1.5; three: 1; all: 1.5
    threshold, cost = cheapest_threshold(score, opinion, abstain, np.full(4, 0.25))
    assert threshold == pytest.approx(0.15)
    assert cost == pytest.approx(0.25)


def test_never_and_always() -> None:
    score, one, zero = np.array([0.0, 0.5, 1.0]), np.ones(3), np.zeros(3)
    weights = np.full(3, 1 / 3)
    never, cost = cheapest_threshold(score, zero, one, weights)
    assert cost == 0.0
    assert never > 1.0
    always, cost = cheapest_threshold(score, one, zero, weights)
    assert cost == 0.0
    assert always < 0.0


def test_tied_scores_are_never_parted() -> None:
    score = np.array([0.3, 0.3, 0.3])
    threshold, cost = cheapest_threshold(
        score, np.array([0.0, 0.0, 1.0]), np.array([0.5, 0.5, 0.0]), np.full(3, 1 / 3)
    )
    assert cost == pytest.approx(1 / 3)
    assert len({bool(value > threshold) for value in score}) == 1


@pytest.mark.parametrize("low", [0.1, 0.3, 0.7])
def test_neighbouring_floats_are_parted(low: float) -> None:
    score = np.array([low, np.nextafter(low, 1.0)])
    threshold, _ = cheapest_threshold(
        score, np.array([0.0, 1.0]), np.array([1.0, 0.0]), np.full(2, 0.5)
    )
    assert list(score > threshold) == [False, True]


def test_more_outliers_in_use_mean_a_lower_threshold() -> None:
    rng = np.random.default_rng(0)
    is_outlier = np.arange(1000) < 300
    score = np.clip(rng.normal(np.where(is_outlier, 0.6, 0.4), 0.15), 0, 1)
    opinion = is_outlier.astype(float)
    abstain = np.where(is_outlier, 0.0, 0.5)
    found = [
        cheapest_threshold(score, opinion, abstain, prevalence_weights(is_outlier, share))[0]
        for share in (0.02, 0.1, 0.3, 0.6, 0.95)
    ]
    assert found == sorted(found, reverse=True)
    assert found[0] > found[2] > found[4]


def test_a_threshold_needs_cases() -> None:
    none = np.array([])
    with pytest.raises(UsageError):
        cheapest_threshold(none, none, none, none)
