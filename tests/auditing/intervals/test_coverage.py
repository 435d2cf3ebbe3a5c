"""Resampled intervals cover the true value: by simulation, with a Monte Carlo allowance."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from tests.auditing.intervals.measuring import calibration_error, draws, rankings, ratio
from triage.auditing.audit_plan import IntervalSettings
from triage.auditing.intervals import interval_of
from triage.auditing.measured import Measured

SETTINGS = IntervalSettings()


def coverage(make: Callable[[np.random.Generator], Measured], truth: float, runs: int) -> float:
    """Return the share of runs whose interval covers the truth."""
    covered = 0
    for seed in range(runs):
        found = interval_of(make(np.random.default_rng(seed)), SETTINGS)
        covered += found.low <= truth <= found.high
    return covered / runs


def least(runs: int) -> float:
    """Return 95 % less four standard errors of as many runs."""
    return float(0.95 - 4 * (0.95 * 0.05 / runs) ** 0.5)


@pytest.mark.parametrize(("n", "other", "gap"), [(12, 30, 1.0), (15, 60, 2.0), (40, 40, 2.0)])
def test_auroc_is_covered(n, other, gap):
    found = coverage(rankings(n, other, gap), stats.norm.cdf(gap / 2**0.5), 150)
    assert found > least(150)


@pytest.mark.parametrize("n", [40, 200])
@pytest.mark.parametrize("slope", [0.0, 0.1, 0.3])
def test_calibration_error_is_covered_also_where_there_is_none(n, slope):
    def cases(generator: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
        confidence = generator.beta(5, 2, size=size)
        return confidence, np.clip(confidence - slope * (confidence - 0.3), 0, 1)

    confidence, chance = cases(np.random.default_rng(99), 500_000)
    truth = calibration_error(confidence, chance, None).value

    def make(generator: np.random.Generator) -> Measured:
        confidence, chance = cases(generator, n)
        right = (generator.random(n) < chance).astype(float)
        return calibration_error(confidence, right, draws(n, 500, generator))

    assert coverage(make, truth, 150) > least(150)


def test_log_loss_is_covered():
    truth = float(stats.beta(4, 1).expect(lambda p: -np.log(p)))

    def make(generator: np.random.Generator) -> Measured:
        losses = -np.log(generator.beta(4, 1, size=40))
        weights = draws(40, 500, generator)
        return ratio(losses, np.ones(40), weights, bounds=(0.0, np.inf))

    assert coverage(make, truth, 300) > least(300)
