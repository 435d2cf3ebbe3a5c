"""ReAct, ASH-S and SCALE against loops over cases and features."""

from __future__ import annotations

from math import exp, log
from pathlib import Path

import numpy as np
import pytest

from tests.uncertainty.scores.make import read_golden
from triage.errors import UsageError
from triage.uncertainty.scores.ash import Ash, large_activations
from triage.uncertainty.scores.react import React
from triage.uncertainty.scores.scale import Scale

NONE = np.zeros(0, int)


def draw(n: int = 40, width: int = 20, seed: int = 0) -> np.ndarray:
    """Features after a ReLU."""
    return np.maximum(np.random.default_rng(seed).normal(0.3, 1, (n, width)), 0).astype(np.float32)


def last_layer(width: int = 20) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    return rng.normal(size=(3, width)) / 10, rng.normal(size=3)


def energy_of(feature: list[float], weight: np.ndarray, bias: np.ndarray) -> float:
    logits = [sum(w * f for w, f in zip(row, feature, strict=True)) for row in weight] + bias
    return -max(logits) - log(sum(exp(z - max(logits)) for z in logits))


@pytest.mark.parametrize("percentile", [50.0, 90.0, 100.0])
def test_react(percentile: float) -> None:
    train, test = draw(), draw(seed=1)
    weight, bias = last_layer()
    clip = np.percentile(np.sort(train.ravel()), percentile)
    expected = [energy_of([min(f, clip) for f in case], weight, bias) for case in test.tolist()]
    score = React(percentile)
    state = score.learn(train, NONE, weight, bias)
    np.testing.assert_allclose(score.of(test, weight, bias, state), expected, rtol=1e-5)


@pytest.mark.parametrize(("percentile", "kept"), [(90.0, 2), (85.0, 3), (0.0, 20), (99.0, 1)])
def test_ash_and_scale(percentile: float, kept: int) -> None:
    test = draw(seed=1)
    weight, bias = last_layer()
    ash, scale = [], []
    for case in test.tolist():
        large = sorted(range(20), key=lambda place: -case[place])[:kept]
        factor = exp(sum(case) / sum(case[place] for place in large))
        pruned = [f * factor if place in large else 0.0 for place, f in enumerate(case)]
        ash.append(energy_of(pruned, weight, bias))
        scale.append(energy_of([f * factor for f in case], weight, bias))
    np.testing.assert_allclose(Ash(percentile).of(test, weight, bias, {}), ash, rtol=1e-4)
    np.testing.assert_allclose(Scale(percentile).of(test, weight, bias, {}), scale, rtol=1e-4)


def test_activations_worked_out_by_hand() -> None:
    feature = np.array([[1.0, 2.0, 3.0, 4.0], [0.0, 0.0, 0.0, 0.0], [-1.0, -2.0, -3.0, 4.0]])
    pruned, factor = large_activations(feature, 50.0)
    assert pruned.tolist() == [[0, 0, 3, 4], [0, 0, 0, 0], [-1, 0, 0, 4]]
    np.testing.assert_allclose(factor[:, 0], [exp(10 / 7), exp(1), exp(4 / 4)])


def test_the_factor_is_bounded_for_features_of_either_sign() -> None:
    feature = np.random.default_rng(0).normal(-1, 1, (500, 64)).astype(np.float32)
    _, factor = large_activations(feature, 90.0)
    assert (factor >= exp(1) - 1e-3).all()
    assert (factor <= exp(64 / 6) * 1.001).all()


@pytest.mark.parametrize("score", [React, Ash, Scale])
@pytest.mark.parametrize("percentile", [-1.0, 101.0, float("nan")])
def test_a_percentile_out_of_bounds(
    score: type[React] | type[Ash] | type[Scale], percentile: float
) -> None:
    with pytest.raises(UsageError, match="percentile must lie in"):
        score(percentile)


@pytest.mark.realdata
def test_react_against_another_library(shared: Path) -> None:
    golden = read_golden(shared)
    found = React().fit(golden.train, golden.truth).score(golden.test)
    np.testing.assert_allclose(found, golden.scores["react_energy"], atol=1e-5)
