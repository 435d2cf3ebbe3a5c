"""Drift tests of columns against scipy, tables drawn one by one, and their stated error."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from tests.monitoring.made import binomial_bounds
from triage.errors import UsageError
from triage.monitoring.distribution_drift import category_drift, category_psi, ks_drift, psi
from triage.monitoring.drift_test import first_of_units, permutations_for
from triage.vocabulary.monitoring import ChartVerdict

Floats = NDArray[np.float64]


def naive_psi(reference: Floats, current: Floats, n_bins: int) -> float:
    """One bin after the other, with quantiles from a sorted list."""
    ranked = sorted(reference)
    ends = [ranked[-(-k * len(ranked) // n_bins) - 1] for k in range(1, n_bins)]
    edges = [-np.inf, *ends, np.inf]
    total = 0.0
    for low, high in pairwise(edges):
        p = max(sum(low < x <= high for x in reference) / len(reference), 1e-4)
        q = max(sum(low < x <= high for x in current) / len(current), 1e-4)
        total += (q - p) * np.log(q / p)
    return float(total)


def test_ks_is_scipys() -> None:
    generator = np.random.default_rng(1)
    a, b = generator.normal(size=80), generator.normal(0.4, size=50)
    found = ks_drift(a, b)
    expected = stats.ks_2samp(a, b)
    assert found.statistic == pytest.approx(expected.statistic)
    assert found.p_value == pytest.approx(expected.pvalue)
    upto = [abs((a <= x).mean() - (b <= x).mean()) for x in [*a, *b]]
    assert found.effect == pytest.approx(max(upto))


def test_missing_numbers_are_left_out_and_told() -> None:
    a, b = np.arange(40.0), np.arange(30.0)
    b[:3] = np.nan
    found = ks_drift(a, b)
    assert (found.n_reference, found.n_current) == (40, 27)
    assert "3 current cases" in found.note


def test_chi_square_is_scipys_where_counts_are_large() -> None:
    old, new = ["a"] * 60 + ["b"] * 30 + ["c"] * 40, ["a"] * 20 + ["b"] * 40 + ["c"] * 25
    found = category_drift(old, new)
    expected = stats.chi2_contingency([[60, 30, 40], [20, 40, 25]], correction=False)
    assert found.method == "chi-square test"
    assert found.statistic == pytest.approx(expected.statistic)
    assert found.p_value == pytest.approx(expected.pvalue)
    cramer = stats.contingency.association([[60, 30, 40], [20, 40, 25]], method="cramer")
    assert found.effect == pytest.approx(cramer)


def test_small_counts_are_permuted() -> None:
    old, new = ["a"] * 26 + ["b"] * 2, ["a"] * 9 + ["b"] * 5
    found = category_drift(old, new)
    assert found.method == "chi-square test by permutation"
    # With two levels, all tables with the same margins are the numbers of b among the new.
    probability = stats.hypergeom(42, 7, 14)
    observed = abs(5 - 7 * 14 / 42)
    exact = sum(probability.pmf(k) for k in range(8) if abs(k - 7 * 14 / 42) >= observed - 1e-9)
    assert found.p_value == pytest.approx(exact, abs=5 * np.sqrt(exact / 9999))


def test_a_new_level_is_told() -> None:
    found = category_drift(["a"] * 50, ["a"] * 15 + ["z"] * 5)
    assert found.verdict is ChartVerdict.ALARM
    assert found.note == "5 current cases have one of 1 levels that the reference does not have"


def test_one_level_has_not_drifted() -> None:
    for test in (category_drift, category_psi):
        found = test(["a"] * 50, ["a"] * 15)
        assert (found.statistic, found.p_value) == (0, 1)
        assert found.verdict is ChartVerdict.IN_CONTROL


@pytest.mark.parametrize("whole", [False, True])
def test_psi_is_that_of_a_loop(whole: bool) -> None:
    generator = np.random.default_rng(2)
    a, b = generator.normal(size=73) * 3, generator.normal(0.5, size=41) * 3
    if whole:
        a, b = a.round(), b.round()
    found = psi(a, b)
    assert found.statistic == pytest.approx(naive_psi(a, b, 10))
    assert found.effect == pytest.approx(found.statistic - (found.expected or 0))


def test_the_mean_psi_without_drift_is_the_expected_one() -> None:
    generator = np.random.default_rng(3)
    found = [
        psi(generator.normal(size=2000), generator.normal(size=1500)).statistic for _ in range(300)
    ]
    expected = 9 * (1 / 2000 + 1 / 1500)
    error = np.std(found) / np.sqrt(len(found))
    assert np.mean(found) == pytest.approx(expected, abs=4 * error)


def test_the_limit_of_psi_is_where_it_alarms() -> None:
    generator = np.random.default_rng(4)
    for size in (60, 1500):
        a, b = generator.normal(size=size), generator.normal(0.2, size=size)
        found = psi(a, b, level=0.03)
        assert found.limit is not None
        assert found.statistic is not None
        alarm = found.verdict is ChartVerdict.ALARM
        assert alarm == (found.p_value is not None and found.p_value <= 0.03)
        assert alarm == (found.statistic > found.limit)


def test_psi_of_levels_is_by_hand() -> None:
    found = category_psi(["a"] * 300 + ["b"] * 100, ["a"] * 100 + ["b"] * 100)
    by_hand = (0.5 - 0.75) * np.log(0.5 / 0.75) + (0.5 - 0.25) * np.log(0.5 / 0.25)
    assert found.statistic == pytest.approx(by_hand)
    assert found.p_value == pytest.approx(stats.chi2.sf(by_hand / (1 / 400 + 1 / 200), 1))
    assert "a rule of thumb says" in found.note


def test_a_site_with_five_cases_is_not_tested() -> None:
    for test in (ks_drift, psi):
        found = test(np.arange(100.0), np.arange(5.0))
        assert found.verdict is ChartVerdict.NOT_ENOUGH
        assert found.p_value is None
        assert "5 current cases" in found.note
    assert category_drift(["a"] * 100, ["a"] * 5).verdict is ChartVerdict.NOT_ENOUGH
    assert category_psi(["a"] * 100, ["b"] * 5).verdict is ChartVerdict.NOT_ENOUGH


@pytest.mark.parametrize("name", ["ks", "chi-square", "psi", "psi of levels"])
def test_the_stated_error_holds(name: str) -> None:
    """200 pairs of exchangeable samples: alarms at 5 % within their binomial bounds."""
    generator = np.random.default_rng(5)
    alarms = 0
    for seed in range(200):
        numbers = generator.gamma(2.0, size=180)
        levels = generator.choice(["a", "b", "c", "d"], p=[0.7, 0.2, 0.08, 0.02], size=180)
        found = {
            "ks": lambda: ks_drift(numbers[:120], numbers[120:]),  # noqa: B023
            "chi-square": lambda: category_drift(
                levels[:120],
                levels[120:],
                n_permutations=199,
                seed=seed,  # noqa: B023
            ),
            "psi": lambda: psi(numbers[:120], numbers[120:], n_permutations=199, seed=seed),  # noqa: B023
            "psi of levels": lambda: category_psi(
                levels[:120],
                levels[120:],
                n_permutations=199,
                seed=seed,  # noqa: B023
            ),
        }[name]()
        alarms += found.verdict is ChartVerdict.ALARM
    assert alarms <= binomial_bounds(200, 0.05)[1]
    assert alarms >= 1


def test_a_clear_shift_is_found() -> None:
    generator = np.random.default_rng(6)
    a, b = generator.normal(size=300), generator.normal(0.8, size=100)
    old = generator.choice(["a", "b"], p=[0.8, 0.2], size=300)
    new = generator.choice(["a", "b"], p=[0.5, 0.5], size=100)
    tests = [ks_drift(a, b), psi(a, b), category_drift(old, new), category_psi(old, new)]
    assert {found.verdict for found in tests} == {ChartVerdict.ALARM}


def test_a_small_level_draws_the_permutations_that_it_needs() -> None:
    assert permutations_for(0.05, 999) == 999
    assert 1 / (1 + permutations_for(1e-4, 999)) <= 1e-4 / 2
    found = psi(np.arange(60.0), np.arange(60.0) + 1000, level=1e-4)
    assert found.p_value is not None
    assert found.p_value <= 1e-4
    assert found.verdict is ChartVerdict.ALARM


@pytest.mark.parametrize("level", [0.0, 1.0, -1.0, 1e-9])
def test_levels_that_cannot_be_reached_are_refused(level: float) -> None:
    with pytest.raises(UsageError):
        permutations_for(level, 999)


def test_wrong_columns_are_refused() -> None:
    with pytest.raises(UsageError, match="infinite"):
        ks_drift([1.0] * 30 + [np.inf], [1.0] * 20)
    with pytest.raises(UsageError, match="shapes"):
        psi(np.zeros((30, 2)), np.zeros(30))
    with pytest.raises(UsageError, match="bins"):
        psi(np.zeros(30), np.zeros(30), n_bins=1)


def test_the_first_case_of_each_patient() -> None:
    assert first_of_units(["b", "a", "b", "c", "a"]).tolist() == [0, 1, 3]
