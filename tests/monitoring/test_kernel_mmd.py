"""Kernel MMD against a double loop, its stated error with and without patients, and power."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.monitoring.made import binomial_bounds
from triage.errors import UsageError
from triage.monitoring.kernel_mmd import mmd_test, unbiased_mmd
from triage.vocabulary.monitoring import ChartVerdict

Floats = NDArray[np.float64]


def kernel(x: Floats, y: Floats, squared: float) -> float:
    return math.exp(-sum((a - b) ** 2 for a, b in zip(x, y, strict=True)) / squared)


def naive_mmd(a: Floats, b: Floats, squared: float) -> float:
    """Gretton et al. 2012, lemma 6, term by term."""
    within = [
        sum(kernel(x, y, squared) for i, x in enumerate(s) for j, y in enumerate(s) if i != j)
        / (len(s) * (len(s) - 1))
        for s in (a, b)
    ]
    cross = sum(kernel(x, y, squared) for x in a for y in b) / (len(a) * len(b))
    return within[0] + within[1] - 2 * cross


def patients(generator: np.random.Generator, n: int, shift: float = 0.0) -> tuple[Floats, Floats]:
    """Vectors of n patients with one to four alike ones each, and the patients."""
    unit = np.repeat(np.arange(n), generator.integers(1, 5, n))
    own = generator.normal(size=(n, 4))
    return own[unit] + 0.1 * generator.normal(size=(len(unit), 4)) + shift, unit.astype(float)


def test_the_estimate_is_that_of_a_double_loop() -> None:
    generator = np.random.default_rng(1)
    a, b = generator.normal(size=(9, 3)), generator.normal(0.5, size=(6, 3))
    both = np.concatenate([a, b])
    matrix = np.array([[kernel(x, y, 2.5) for y in both] for x in both])
    np.fill_diagonal(matrix, 0)
    divisions = np.stack([generator.permutation(np.arange(15) >= 9) for _ in range(5)])
    found = unbiased_mmd(matrix, divisions)
    expected = [naive_mmd(both[~chosen], both[chosen], 2.5) for chosen in divisions]
    assert found == pytest.approx(expected, abs=1e-12)


def test_statistic_and_bandwidth_of_the_test() -> None:
    """The whole test again: a third of the reference for the bandwidth, loops for the rest."""
    generator = np.random.default_rng(2)
    a, b = generator.normal(size=(30, 2)), generator.normal(0.4, size=(12, 2))
    found = mmd_test(a, b, seed=3, n_permutations=99)
    order = np.random.default_rng(3).permutation(30)
    basis, rest = a[np.sort(order[:10])], a[np.sort(order[10:])]
    distances = [float(((x - y) ** 2).sum()) for i, x in enumerate(basis) for y in basis[i + 1 :]]
    assert found.statistic == pytest.approx(naive_mmd(rest, b, float(np.median(distances))))
    assert (found.n_reference, found.n_current) == (20, 12)
    assert found.p_value is not None
    assert found.p_value * 100 == pytest.approx(round(found.p_value * 100))


def test_wide_vectors_are_projected_on_the_components_of_the_basis() -> None:
    """Two columns that vary and thirty that hardly do: the components are those two."""
    generator = np.random.default_rng(4)
    wide = np.concatenate(
        [generator.normal(size=(60, 2)) * [3, 2], 1e-9 * generator.normal(size=(60, 30))], axis=1
    )
    narrow = mmd_test(wide[:40, :2], wide[40:, :2], n_components=2)
    found = mmd_test(wide[:40], wide[40:], n_components=2)
    assert found.statistic == pytest.approx(narrow.statistic, abs=1e-6)
    assert found.p_value == narrow.p_value


@pytest.mark.parametrize("with_patients", [False, True])
def test_the_stated_error_holds(with_patients: bool) -> None:
    """200 pairs of exchangeable samples: alarms at 5 % within their binomial bounds."""
    generator = np.random.default_rng(5)
    alarms, as_cases = 0, 0
    for seed in range(200):
        (a, u), (b, v) = patients(generator, 45), patients(generator, 15)
        units = (u, v) if with_patients else None
        if not with_patients:
            a, b = generator.normal(size=(75, 4)), generator.normal(size=(25, 4))
        found = mmd_test(a, b, units=units, n_permutations=99, seed=seed)
        alarms += found.verdict is ChartVerdict.ALARM
        if with_patients:
            wrong = mmd_test(a, b, n_permutations=99, seed=seed)
            as_cases += wrong.verdict is ChartVerdict.ALARM
    assert 1 <= alarms <= binomial_bounds(200, 0.05)[1]
    if with_patients:  # what permuting single vectors would do
        assert as_cases > binomial_bounds(200, 0.05)[1]


def test_a_wide_reference_that_is_small_raises_no_false_alarms() -> None:
    """Components of cases that are tested would fit those better than the current ones."""
    generator = np.random.default_rng(6)
    alarms = sum(
        mmd_test(
            generator.normal(size=(60, 200)), generator.normal(size=(30, 200)),
            n_permutations=99, seed=seed,
        ).verdict is ChartVerdict.ALARM
        for seed in range(100)
    )  # fmt: skip
    assert alarms <= binomial_bounds(100, 0.05)[1]


def test_a_clear_shift_is_found_with_its_size() -> None:
    generator = np.random.default_rng(7)
    a, u = patients(generator, 90)
    effects = []
    for n in (30, 120):
        b, v = patients(generator, n, shift=1.0)
        found = mmd_test(a, b, units=(u, v))
        assert found.p_value == 1 / 1000
        assert found.verdict is ChartVerdict.ALARM
        effects.append(found.effect or 0)
    assert min(effects) > 2
    assert max(effects) < 2 * min(effects)  # it does not grow with the number of cases


def test_small_levels_stop_early_without_drift_and_alarm_with_it() -> None:
    generator = np.random.default_rng(8)
    a, b = generator.normal(size=(60, 3)), generator.normal(size=(20, 3))
    same = mmd_test(a, b, level=1e-3)
    assert same.p_value is not None
    drawn = 50 / same.p_value
    assert drawn == pytest.approx(round(drawn))
    assert drawn < 1999
    assert same.p_value == pytest.approx(mmd_test(a, b).p_value, abs=0.2)
    assert mmd_test(a, b + 2, level=1e-3).p_value == 1 / 2000


def test_many_cases_are_thinned_whole_patients_at_a_time() -> None:
    generator = np.random.default_rng(9)
    a, u = patients(generator, 300)
    b, v = patients(generator, 100)
    found = mmd_test(a, b, units=(u, v), max_cases=100, n_permutations=99)
    assert found.n_reference <= 100
    assert found.n_current <= 100
    assert "thinned from" in found.note
    assert found == mmd_test(a, b, units=(u, v), max_cases=100, n_permutations=99)


def test_too_few_or_equal_vectors_are_not_enough() -> None:
    generator = np.random.default_rng(10)
    a = generator.normal(size=(60, 3))
    assert mmd_test(a, a[:5]).verdict is ChartVerdict.NOT_ENOUGH
    one_patient = (np.arange(60), np.zeros(30))
    assert mmd_test(a, a[:30], units=one_patient).verdict is ChartVerdict.NOT_ENOUGH
    same = mmd_test(np.zeros((60, 3)), a)
    assert same.verdict is ChartVerdict.NOT_ENOUGH
    assert "bandwidth" in same.note


def test_wrong_vectors_are_refused() -> None:
    a = np.zeros((30, 3))
    with pytest.raises(UsageError, match="shapes"):
        mmd_test(a, np.zeros((30, 4)))
    with pytest.raises(UsageError, match="not finite"):
        mmd_test(a, np.full((30, 3), np.nan))
    with pytest.raises(UsageError, match="patient"):
        mmd_test(a, a, units=(np.arange(30), np.arange(3)))
