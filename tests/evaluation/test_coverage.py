"""Coverage rows against counts by hand, scipy's exact interval, and simulation."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from triage.errors import UsageError
from triage.evaluation.coverage import coverage_of

SETS = np.array(
    [[1, 1, 0], [1, 0, 0], [0, 0, 0], [0, 1, 1], [1, 1, 1], [0, 0, 1], [1, 0, 0], [0, 1, 0]],
    dtype=bool,
)
TRUTH = np.array([0, 0, 0, 1, 1, 1, 0, 1])
SEX = pd.DataFrame({"sex": ["f", "f", "unknown", "m", "m", "f", "f", "m"]})


def by_level(rows):
    return {(row.axis, row.level): row for row in rows}


def test_by_hand():
    rows = coverage_of(SETS, TRUTH, 0.2, classes=("a", "b", "c"), subgroups=SEX)
    assert [(row.axis, row.level) for row in rows] == [
        ("overall", "all"), ("condition", "a"), ("condition", "b"),
        ("sex", "f"), ("sex", "m"), ("sex", "unknown"),
    ]  # fmt: skip
    found = by_level(rows)
    overall = found["overall", "all"]
    assert (overall.n_cases, overall.n_clusters, overall.promised) == (8, 8, 0.8)
    assert overall.covered == 6 / 8
    assert overall.mean_size == SETS.sum() / 8
    assert overall.empty == 1 / 8
    assert found["condition", "a"].covered == found["condition", "b"].covered == 3 / 4
    assert found["sex", "f"].covered == 3 / 4
    assert found["sex", "m"].covered == 1.0
    assert found["sex", "unknown"].covered == 0.0


def test_intervals_are_scipys_exact_ones():
    for row in coverage_of(SETS, TRUTH, 0.2, subgroups=SEX):
        hits = round(row.covered * row.n_cases)
        exact = stats.binomtest(hits, row.n_cases).proportion_ci(0.95, method="exact")
        assert (row.low, row.high) == pytest.approx((exact.low, exact.high))


@pytest.mark.parametrize(("hits", "holds"), [(95, True), (90, True), (84, True), (82, False)])
def test_the_promise_holds_unless_it_lies_above_the_interval(hits, holds):
    sets = np.zeros((100, 2), dtype=bool)
    sets[:hits, 0] = True
    row = coverage_of(sets, np.zeros(100, dtype=int), 0.1)[0]
    upper = stats.binomtest(hits, 100).proportion_ci(0.95, method="exact").high
    assert row.holds is holds is bool(upper >= 0.9)


def test_alike_cases_of_a_patient_count_as_one():
    held = np.random.default_rng(0).random(60) < 0.8
    truth = np.zeros(60, dtype=int)
    once = coverage_of(held[:, None], truth, 0.1)[0]
    patients = np.repeat(np.arange(60), 5)
    five = coverage_of(held[patients][:, None], truth[patients], 0.1, cluster=patients)[0]
    assert (five.n_cases, five.n_clusters) == (300, 60)
    assert five.covered == once.covered
    assert (five.low, five.high) == pytest.approx((once.low, once.high), abs=0.005)
    naive = coverage_of(held[patients][:, None], truth[patients], 0.1)[0]
    assert naive.high - naive.low < 0.6 * (five.high - five.low)


def test_clusters_of_one_case_change_nothing():
    names = np.array([f"p{i}" for i in range(8)])
    assert coverage_of(SETS, TRUTH, 0.2, cluster=names) == coverage_of(SETS, TRUTH, 0.2)


def test_one_patient_only_tells_next_to_nothing():
    row = coverage_of(np.ones((6, 1), dtype=bool), np.zeros(6, dtype=int), 0.1, cluster=["p"] * 6)[
        0
    ]
    assert row.covered == 1.0
    assert row.low < 0.05


def test_the_interval_of_clustered_cases_covers_the_truth():
    """Patients of one to four cases that are mostly alike; the true coverage is 0.85."""
    rng = np.random.default_rng(1)
    inside, repeats = 0, 400
    for _ in range(repeats):
        patient = np.repeat(np.arange(80), rng.integers(1, 5, 80))
        own = rng.beta(0.85, 0.15, 80)[patient]
        held = rng.random(len(patient)) < own
        row = coverage_of(held[:, None], np.zeros(len(held), dtype=int), 0.1, cluster=patient)[0]
        inside += row.low <= 0.85 <= row.high
    assert inside / repeats > 0.93


def test_refusals():
    with pytest.raises(UsageError, match="no cases"):
        coverage_of(SETS[:0], TRUTH[:0], 0.1)
    with pytest.raises(UsageError, match="leave outliers out"):
        coverage_of(SETS, TRUTH - 1, 0.1)
    with pytest.raises(UsageError, match="leave outliers out"):
        coverage_of(SETS[:, :1], TRUTH, 0.1)
    for wrong in (
        {"classes": ("a",)}, {"subgroups": SEX[:3]}, {"cluster": np.arange(3)},
    ):  # fmt: skip
        with pytest.raises(UsageError, match="other arguments are not"):
            coverage_of(SETS, TRUTH, 0.1, **wrong)
    with pytest.raises(UsageError, match="alpha"):
        coverage_of(SETS, TRUTH, 1.0)
