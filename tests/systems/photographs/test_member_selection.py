from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from triage.errors import UsageError
from triage.systems.photographs.member_selection import select_diverse
from triage.uncertainty.auroc import auroc
from triage.uncertainty.scores.outlier_mass import OutlierMass

N_IN = 3


def brute_force(probabilities: np.ndarray, is_outlier: np.ndarray, size: int) -> list[int]:
    """Greedy forward selection with replacement, member by member and pair by pair."""
    chosen: list[int] = []
    for _ in range(size):
        best, best_value = -1, -np.inf
        for candidate in range(probabilities.shape[1]):
            ensemble = probabilities[:, [*chosen, candidate]].astype(np.float64).mean(axis=1)
            mass = ensemble[:, N_IN:].sum(axis=1).round(12)
            pairs = mass[is_outlier][:, None] - mass[~is_outlier][None, :]
            value = ((pairs > 0) + 0.5 * (pairs == 0)).mean()
            if value > best_value + 1e-12:
                best, best_value = candidate, value
        chosen.append(best)
    return chosen


def outlier_mass(_: object, averaged: np.ndarray, n_inliers: int = N_IN) -> np.ndarray:
    return OutlierMass().of(averaged, n_inliers)


def rounded_mass(chosen: object, averaged: np.ndarray) -> np.ndarray:
    return outlier_mass(chosen, averaged).round(12)


@given(seed=st.integers(0, 10_000))
def test_selection_against_brute_force(seed: int) -> None:
    chance = np.random.default_rng(seed)
    is_outlier = np.arange(24) % 3 == 0
    logits = chance.normal(size=(24, 6, 5))
    logits[:, :, N_IN:] += chance.uniform(0, 1, (1, 6, 1)) * is_outlier[:, None, None]
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=2, keepdims=True)
    found = select_diverse(probabilities.astype(np.float32), is_outlier, rounded_mass, size=4)
    assert found == brute_force(probabilities.astype(np.float32), is_outlier, 4)


def test_ties_go_to_the_earlier_candidate() -> None:
    one = np.random.default_rng(0).dirichlet(np.ones(5), size=(10, 1))
    copies = np.repeat(one, 3, axis=1).astype(np.float32)
    assert select_diverse(copies, np.arange(10) < 5, outlier_mass, size=3) == [0, 0, 0]


def test_a_candidate_may_be_chosen_again() -> None:
    """One candidate ranks perfectly, the others are inverse: it is taken twice."""
    is_outlier = np.arange(10) < 5
    good = np.where(is_outlier, 0.9, 0.1)
    mass = np.stack([1 - good, good, 1 - good], axis=1)
    probabilities = np.stack([1 - mass, mass], axis=2).astype(np.float32)
    found = select_diverse(
        probabilities, is_outlier, lambda _, averaged: outlier_mass(_, averaged, 1), size=2
    )
    assert found == [1, 1]


@given(
    scores=st.lists(st.integers(0, 5), min_size=4, max_size=40),
    seed=st.integers(0, 1000),
)
def test_auroc_against_scikit_learn(scores: list[int], seed: int) -> None:
    values = np.array(scores, dtype=np.float64)
    is_outlier = np.random.default_rng(seed).uniform(size=len(values)) < 0.4
    is_outlier[:2] = [True, False]
    assert auroc(values, is_outlier) == pytest.approx(roc_auc_score(is_outlier, values))


@pytest.mark.parametrize("flag", [True, False])
def test_auroc_needs_both_kinds(flag: bool) -> None:
    with pytest.raises(UsageError, match="both"):
        auroc(np.arange(3.0), np.full(3, flag))
