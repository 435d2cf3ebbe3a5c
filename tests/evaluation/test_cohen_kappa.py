from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from triage.evaluation.bootstrap import cluster_weights
from triage.evaluation.cohen_kappa import nominal_kappa, quadratic_kappa

pairs = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40)


@settings(deadline=None)
@given(pairs)
def test_values_equal_those_of_scikit_learn(answers: list[tuple[int, int]]) -> None:
    one, other = zip(*answers, strict=True)
    clusters = range(len(answers))
    for found, weights in (
        (nominal_kappa([f"c{i}" for i in one], [f"c{i}" for i in other], clusters, n_resamples=2),
         None),
        (quadratic_kappa(one, other, clusters, n_resamples=2), "quadratic"),
    ):  # fmt: skip
        if {*one} == {*other} and len({*one}) == 1:
            assert found.value is None
            continue
        expected = cohen_kappa_score(one, other, weights=weights, labels=range(4))
        assert found.value == pytest.approx(expected, abs=1e-9)


def test_cohens_own_kind_of_table() -> None:
    """20 + 15 agree of 50, 10 and 5 do not: p_o 0.7, p_e 0.5, so kappa is 0.4."""
    one = ["yes"] * 25 + ["no"] * 25
    other = ["yes"] * 20 + ["no"] * 5 + ["yes"] * 10 + ["no"] * 15
    found = nominal_kappa(one, other, range(50))
    assert found.value == pytest.approx(0.4)
    assert (found.n_cases, found.n_clusters) == (50, 50)
    assert found.low == pytest.approx(0.4 - 1.96 * _standard_error(one, other), abs=0.04)
    assert found.high == pytest.approx(0.4 + 1.96 * _standard_error(one, other), abs=0.04)


def _standard_error(one: list[str], other: list[str]) -> float:
    """Asymptotic standard error of kappa (Fleiss, Cohen & Everitt 1969)."""
    names = sorted({*one, *other})
    table = np.array(
        [[sum(a == x and b == y for a, b in zip(one, other, strict=True)) for y in names]
         for x in names], dtype=float)  # fmt: skip
    p = table / table.sum()
    rows, columns = p.sum(axis=1), p.sum(axis=0)
    chance = float(rows @ columns)
    kappa = (np.trace(p) - chance) / (1 - chance)
    same = sum(p[i, i] * (1 - (rows[i] + columns[i]) * (1 - kappa)) ** 2 for i in range(len(names)))
    apart = (1 - kappa) ** 2 * sum(
        p[i, j] * (columns[i] + rows[j]) ** 2
        for i in range(len(names))
        for j in range(len(names))
        if i != j
    )
    variance = (same + apart - (kappa - chance * (1 - kappa)) ** 2) / (1 - chance) ** 2
    return math.sqrt(variance / len(one))


def test_cases_of_one_patient_are_no_more_evidence() -> None:
    rng = np.random.default_rng(0)
    one = rng.integers(0, 4, 60)
    other = np.where(rng.random(60) < 0.7, one, rng.integers(0, 4, 60))
    alone = quadratic_kappa(one, other, range(60))
    thrice = quadratic_kappa(np.repeat(one, 3), np.repeat(other, 3), np.repeat(np.arange(60), 3))
    assert thrice.value == pytest.approx(alone.value)
    assert (thrice.low, thrice.high) == pytest.approx((alone.low, alone.high))
    assert (thrice.n_cases, thrice.n_clusters) == (180, 60)


def test_resamples_are_those_of_whole_clusters() -> None:
    """The same spread as with clusters drawn one by one."""
    rng = np.random.default_rng(1)
    one = rng.integers(0, 4, 300)
    other = np.where(rng.random(300) < 0.6, one, rng.integers(0, 4, 300))
    clusters = np.repeat(np.arange(100), 3)
    found = nominal_kappa(one.tolist(), other.tolist(), clusters.tolist(), n_resamples=4000)
    weights = np.concatenate(
        list(cluster_weights(clusters.astype(str), n_resamples=2000, seed=1))
    ).astype(int)
    drawn = [
        cohen_kappa_score(np.repeat(one, times), np.repeat(other, times)) for times in weights[:800]
    ]
    low, high = np.quantile(drawn, [0.025, 0.975])
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.02)


def test_full_agreement_is_not_certainty() -> None:
    found = nominal_kappa(["a", "b"] * 5, ["a", "b"] * 5, range(10))
    assert found.value == 1
    assert found.low is not None
    assert found.low < 0.8
    assert found.high == 1


def test_what_has_no_interval_or_no_value() -> None:
    assert nominal_kappa([], [], []).value is None
    assert nominal_kappa(["a"] * 3, ["a"] * 3, range(3)).value is None
    one_patient = quadratic_kappa([0, 1, 2], [0, 2, 2], ["p"] * 3)
    assert one_patient.value is not None
    assert one_patient.low is None
