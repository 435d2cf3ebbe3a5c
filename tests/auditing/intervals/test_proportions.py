"""Intervals of proportions: exact by enumeration, and by simulation where cases repeat."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tests.auditing.intervals.measuring import clustered_proportion, proportion
from triage.auditing.audit_plan import IntervalSettings
from triage.auditing.intervals import interval_of
from triage.auditing.intervals.binomial import Binomial, ClusteredBinomial
from triage.evaluation.bootstrap_intervals import clopper_pearson, effective_trials

ANY_NUMBER = IntervalSettings(min_patients=2)


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [(6, 6, 0.5407, 1.0), (0, 20, 0.0, 0.1684), (55, 997, 0.04183, 0.07120)],
)
def test_clopper_pearson_of_published_counts(hits, n, low, high):
    found = interval_of(proportion(hits, n), ANY_NUMBER)
    assert found.method == "Clopper-Pearson"
    assert (found.low, found.high) == pytest.approx((low, high), abs=6e-5)


def test_clopper_pearson_covers_every_proportion_by_enumeration():
    shares = np.linspace(0.005, 0.995, 199)
    worst = 1.0
    for n in range(1, 61):
        limits = np.array([Binomial(k / n, n).limits(0.95) for k in range(n + 1)])
        covers = (limits[:, :1] <= shares) & (shares <= limits[:, 1:])
        chances = stats.binom.pmf(np.arange(n + 1)[:, None], n, shares)
        worst = min(worst, float((chances * covers).sum(axis=0).min()))
    assert worst > 0.95 - 1e-9


def test_korn_graubard_of_a_published_kind_of_case():
    variance = 2 * 0.1 * 0.9 / 200
    assert effective_trials(0.1, variance, 200, 30) == pytest.approx(92.96, abs=0.01)
    found = ClusteredBinomial(0.1, variance, 200, 30).limits(0.95)
    assert found == pytest.approx((0.0475, 0.1797), abs=6e-5)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_patients_are_the_trials_where_all_cases_are_alike(share):
    sizes = np.array([1.0, 2, 3, 4] * 5)
    found = interval_of(clustered_proportion(share * sizes, sizes), IntervalSettings())
    assert found.method == "Korn-Graubard"
    assert (found.low, found.high) == clopper_pearson(20 * share, 20)


def test_identical_cases_of_a_patient_count_once():
    generator = np.random.default_rng(3)
    right = (generator.random(200) < 0.8).astype(float)
    once = interval_of(proportion(int(right.sum()), 200), IntervalSettings())
    thrice = interval_of(clustered_proportion(3 * right, np.full(200, 3.0)), IntervalSettings())
    assert thrice.trials == pytest.approx(200, rel=0.02)
    assert (thrice.low, thrice.high) == pytest.approx((once.low, once.high), abs=0.005)


def test_independent_cases_of_a_patient_count_about_all():
    generator = np.random.default_rng(4)
    hits = generator.binomial(3, 0.7, size=2000).astype(float)
    found = interval_of(clustered_proportion(hits, np.full(2000, 3.0)), IntervalSettings())
    assert found.trials is not None
    assert 5000 < found.trials <= 6000


def test_wilson_is_for_display():
    found = interval_of(proportion(81, 263), IntervalSettings())
    assert (found.display_low, found.display_high) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert found.low is not None
    assert found.low < found.display_low


def test_too_few_patients_have_no_interval():
    found = interval_of(proportion(6, 6), IntervalSettings())
    assert (found.low, found.high, found.display_low, found.method) == (None, None, None, "none")
    assert found.evidence == "not enough"
    assert found.p_value(0.5) is None


def beta_binomial(
    generator: np.random.Generator, share: float, likeness: float, patients: int
) -> tuple[np.ndarray, np.ndarray]:
    """Draw hits and cases of patients with 1 to 5 cases, whose correlation is `likeness`."""
    sizes = generator.integers(1, 6, size=patients)
    total = 1 / likeness - 1
    own = generator.beta(share * total, (1 - share) * total, size=patients)
    return generator.binomial(sizes, own).astype(float), sizes.astype(float)


@pytest.mark.parametrize("share", [0.5, 0.9, 0.97])
@pytest.mark.parametrize("likeness", [0.1, 0.6])
@pytest.mark.parametrize("patients", [15, 60])
def test_clustered_proportions_are_covered(share, likeness, patients):
    generator = np.random.default_rng(int(1000 * share) + patients)
    runs, covered = 600, 0
    for _ in range(runs):
        measured = clustered_proportion(*beta_binomial(generator, share, likeness, patients))
        found = interval_of(measured, IntervalSettings())
        covered += found.low <= share <= found.high
    # 95 % of 600 runs with four standard errors of Monte Carlo allowance
    assert covered / runs > 0.95 - 4 * (0.95 * 0.05 / runs) ** 0.5
