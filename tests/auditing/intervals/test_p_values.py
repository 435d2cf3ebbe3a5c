"""P-values say the same as the intervals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from tests.auditing.intervals.measuring import (
    auroc,
    calibration_error,
    clustered_proportion,
    draws,
    mean,
    proportion,
    ratio,
)
from triage.auditing.audit_plan import IntervalSettings
from triage.auditing.intervals import interval_of, paired_proportions
from triage.auditing.measured import Measured

KINDS = (
    "Clopper-Pearson",
    "Korn-Graubard",
    "Gaffke",
    "BCa bootstrap",
    "mirrored bootstrap",
    "influence function",
)


def _of_kind(kind: str, generator: np.random.Generator) -> Measured:
    n = int(generator.integers(12, 60))
    share = generator.uniform(0.02, 0.98)
    if kind == "Clopper-Pearson":
        return proportion(int(generator.binomial(n, share)), n)
    if kind == "Korn-Graubard":
        sizes = generator.integers(1, 5, size=n)
        hits = generator.binomial(sizes, generator.beta(share, 1 - share, size=n))
        return clustered_proportion(hits.astype(float), sizes.astype(float))
    if kind == "Gaffke":
        return mean(generator.beta(share, 2, size=n))
    if kind == "BCa bootstrap":
        scores = generator.normal(1 + share, 1, size=n), generator.normal(0, 1, size=2 * n)
        return auroc(*scores, draws(3 * n, 300, generator))
    if kind == "mirrored bootstrap":
        right = (generator.random(n) < share).astype(float)
        return calibration_error(generator.random(n), right, draws(n, 300, generator))
    losses = generator.gamma(share, 1, size=n)
    return ratio(losses, np.ones(n), None, bounds=(0.0, np.inf))


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60, deadline=None)
@given(
    seed=some.integers(0, 10_000),
    at=some.floats(-0.5, 1.5),
    confidence=some.sampled_from([0.8, 0.95, 0.99]),
)
def test_a_bound_is_left_out_exactly_where_its_p_value_is_small(kind, seed, at, confidence):
    measured = _of_kind(kind, np.random.default_rng(seed))
    found = interval_of(measured, IntervalSettings(confidence=confidence))
    width = found.high - found.low
    bound = found.low + at * width
    if min(abs(bound - found.low), abs(bound - found.high)) < 1e-6 * width:
        return  # on a limit, which of the two it is hangs on rounding
    p = found.p_value(bound)
    assert 0.0 <= p <= 1.0
    inside = found.low < bound < found.high
    possible = measured.bounds[0] < bound < measured.bounds[1]
    if possible:
        assert (p > 1 - confidence) == inside


@pytest.mark.parametrize("kind", KINDS)
def test_all_kinds_are_what_they_say_and_p_falls_with_distance(kind):
    measured = _of_kind(kind, np.random.default_rng(1))
    found = interval_of(measured, IntervalSettings())
    assert found.method == kind
    above = np.linspace(measured.value, found.high + 0.3 * (found.high - found.low), 8)
    p = [found.p_value(float(each)) for each in above]
    assert p == sorted(p, reverse=True)


@pytest.mark.parametrize(
    ("b", "c", "p"),
    [(0, 0, 1.0), (0, 6, 2 / 64), (1, 5, 2 * 7 / 64), (3, 3, 1.0), (10, 0, 2 / 1024)],
)
def test_exact_mcnemar(b, c, p):
    assert paired_proportions(b, c) == pytest.approx(p)
    assert paired_proportions(c, b) == pytest.approx(p)
