"""The Ladder: its levels, its standard error against other computations, and its answers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from triage.gating.hold_out_ladder import (
    ALPHA,
    PairedDifference,
    answer,
    auroc_difference,
    level_of_use,
    placements,
    round_to,
)


def scores(generator: np.random.Generator, n: int) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    positive = generator.random(n) < 0.3
    return positive, generator.normal(size=n) + positive


def test_the_levels_of_all_histories_sum_to_less_than_alpha() -> None:
    spent = sum(
        math.comb(use - 1, improvements) * level_of_use(use, improvements)
        for use in range(1, 200)
        for improvements in range(use)
    )
    assert 0.5 * ALPHA < spent <= ALPHA


@pytest.mark.parametrize(("use", "improvements"), [(0, 0), (3, 3), (2, -1)])
def test_more_improvements_than_uses_are_refused(use: int, improvements: int) -> None:
    with pytest.raises(ValueError, match="improvements"):
        level_of_use(use, improvements)


def test_the_auroc_is_the_share_of_pairs_in_order_and_ties_count_half() -> None:
    positive = np.array([True, True, False, False, False])
    score = np.array([2.0, 1.0, 1.0, 0.0, 3.0])
    pairs = [(p > n) + 0.5 * (p == n) for p in score[positive] for n in score[~positive]]
    found = placements(score, positive)
    assert found.auroc == pytest.approx(np.mean(pairs))
    assert found.influence.sum() == pytest.approx(0)


def test_the_standard_error_is_that_of_repeated_samples() -> None:
    generator = np.random.default_rng(5)
    values, errors = [], []
    for _ in range(400):
        positive, before = scores(generator, 400)
        after = before + 0.4 * generator.normal(size=400)
        found = auroc_difference(before, after, positive)
        assert found is not None
        values.append(found.value)
        errors.append(found.standard_error)
    assert np.std(values) == pytest.approx(np.mean(errors), rel=0.1)


def test_cases_of_one_patient_count_as_one() -> None:
    positive, before = scores(np.random.default_rng(1), 200)
    after = before + 0.3 * np.random.default_rng(2).normal(size=200)
    once = auroc_difference(before, after, positive)
    patients = np.tile(np.arange(200), 3)
    before, after, positive = (np.tile(each, 3) for each in (before, after, positive))
    thrice = auroc_difference(before, after, positive, patients)
    assert once is not None
    assert thrice is not None
    assert thrice.value == pytest.approx(once.value)
    assert thrice.standard_error == pytest.approx(once.standard_error)
    assert thrice.degrees == once.degrees


def test_one_positive_patient_gives_no_comparison() -> None:
    assert auroc_difference([1, 2, 3], [1, 2, 3], [True, False, False]) is None


def test_a_step_is_the_quantile_of_the_level_times_the_standard_error() -> None:
    found = answer(PairedDifference(0.05, 0.01, 60), use=3, improvements=1)
    assert found.step == pytest.approx(stats.t.isf(level_of_use(3, 1), 60) * 0.01)
    assert found.better
    assert found.step is not None
    assert 0 <= 0.05 - found.step - found.claimed < found.step / 4


@pytest.mark.parametrize(
    "difference", [None, PairedDifference(0.5, 0.0, 60), PairedDifference(0.02, 0.01, 60)]
)
def test_nothing_that_is_not_sure_is_better(difference: PairedDifference | None) -> None:
    found = answer(difference, use=2, improvements=0)
    assert not found.better
    assert found.claimed == 0


def test_what_is_less_than_half_a_unit_rounds_to_zero() -> None:
    assert math.copysign(1, round_to(-0.004, 0.01)) == 1
    assert round_to(0.016, 0.01) == pytest.approx(0.02)
