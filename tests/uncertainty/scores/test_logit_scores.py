"""Max logit and energy."""

from __future__ import annotations

from math import exp, log
from pathlib import Path

import numpy as np
import pytest
from scipy.special import logsumexp

from tests.uncertainty.scores.make import draw_far, heads, observe, read_golden
from triage.errors import UsageError
from triage.uncertainty.scores.energy import Energy, energy
from triage.uncertainty.scores.max_logit import MaxLogit
from triage.uncertainty.scores.score import Score


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_energy_against_scipy(temperature: float) -> None:
    logits = np.random.default_rng(0).normal(0, 300, (50, 4))
    expected = -temperature * logsumexp(logits / temperature, axis=1)
    np.testing.assert_allclose(Energy(temperature).of(logits), expected, rtol=1e-12)


def test_numbers_worked_out_by_hand() -> None:
    logits = np.array([[0.0, 0.0], [1.0, -2.0]])
    np.testing.assert_allclose(energy(logits), [-log(2), -log(exp(1) + exp(-2))])
    np.testing.assert_allclose(MaxLogit().of(logits), [0.0, -1.0])


@pytest.mark.parametrize("score", [MaxLogit(), Energy()])
def test_inlier_logits_of_each_member_are_scored_and_averaged(score: Score) -> None:
    cases = draw_far(20, 0)
    by_member = []
    for head in heads():
        logits = head.logits(head.features(cases))[:, :3]
        by_member.append(
            -logits.max(1) if isinstance(score, MaxLogit) else -logsumexp(logits, axis=1)
        )
    np.testing.assert_allclose(score.score(observe(cases)), np.mean(by_member, axis=0), rtol=1e-5)


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan")])
def test_a_temperature_out_of_bounds(temperature: float) -> None:
    with pytest.raises(UsageError, match="energy: the temperature must be positive"):
        Energy(temperature)


@pytest.mark.realdata
def test_against_another_library(shared: Path) -> None:
    golden = read_golden(shared)
    for key, score in (("max_logit", MaxLogit()), ("energy", Energy())):
        np.testing.assert_allclose(score.score(golden.test), golden.scores[key], atol=1e-5)
