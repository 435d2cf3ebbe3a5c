"""The interval of a difference between two levels."""

from __future__ import annotations

import math

import pytest

from triage.auditing.level_difference import level_difference
from triage.evaluation.results import Estimate


def estimate(value: float | None, low: float | None, high: float | None, **other: str) -> Estimate:
    given = {"metric": "accuracy", "unit": "proportion", "interval": "Gaffke"} | other
    counts = {"n_cases": 50, "n_clusters": 50, "undefined_resamples": 0}
    return Estimate(value=value, low=low, high=high, **counts, **({"evidence": "enough"} | given))


def test_newcombe_1998_example_a() -> None:
    """Newcombe 1998, table II, method 10, (a): 56/70 less 48/80, Wilson intervals."""
    found = level_difference(estimate(0.8, 0.6916, 0.8765), estimate(0.6, 0.4904, 0.7003))
    assert found.value == pytest.approx(0.2)
    assert found.low == pytest.approx(0.0524, abs=5e-4)
    assert found.high == pytest.approx(0.3339, abs=5e-4)


def test_levels_that_are_alike_have_an_interval_with_width() -> None:
    found = level_difference(estimate(1.0, 0.9, 1.0), estimate(1.0, 0.8, 1.0))
    assert found.value == 0
    assert (found.low, found.high) == pytest.approx((-0.1, 0.2))


def test_what_is_undefined() -> None:
    known = estimate(0.5, 0.4, 0.6)
    for other in (None, estimate(None, None, None)):
        found = level_difference(known, other)
        assert math.isnan(found.value)
        assert found.evidence == "not enough"
    found = level_difference(known, estimate(0.4, None, None))
    assert found.value == pytest.approx(0.1)
    assert math.isnan(found.low)
    few = level_difference(known, estimate(0.4, 0.1, 0.9, evidence="not enough"))
    assert few.evidence == "not enough"
