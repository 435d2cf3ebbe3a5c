"""Rules of abstaining see a score of any scale in the same light."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tests.decisions.make import CLASSES
from tests.decisions.test_fitting import make_spec
from triage.benchmark.draw_record import DrawRecord, Ensemble
from triage.benchmark.rows.abstention_inputs import (
    joint_rejection,
    judge,
    own_score,
    rejection_by_outcomes,
)
from triage.decisions.outcome_costs import outcome_cost
from triage.uncertainty.outlier_probability import prevalence_weights

SPEC = make_spec(0.2)
K = 4


@pytest.fixture(scope="module")
def draw() -> DrawRecord:
    generator = np.random.default_rng(0)
    probabilities, truth = {}, {}
    for name in ("validation", "test"):
        truth[name] = np.where(generator.random(600) < 0.4, -1, generator.integers(0, K, 600))
        logits = generator.normal(size=(600, K + 2))
        known = truth[name] >= 0
        logits[known, truth[name][known]] += 2.5
        logits[~known, K:] += 1.5
        exps = np.exp(logits)
        probabilities[name] = exps / exps.sum(axis=1, keepdims=True)
    codes = {name: np.arange(600) for name in truth}
    heads = {"hod": Ensemble(probabilities, 1.0, K)}
    return DrawRecord(0, CLASSES[:K], truth, codes, pd.DataFrame(index=range(600)), heads)


def scores_of(draw: DrawRecord) -> dict[str, np.ndarray]:
    return {name: own_score(p, K) for name, p in draw.heads["hod"].probabilities.items()}


def test_own_score_is_the_outlier_mass_or_one_minus_the_largest(draw: DrawRecord) -> None:
    p = draw.heads["hod"].probabilities["test"]
    np.testing.assert_allclose(own_score(p, K), p[:, K:].sum(axis=1))
    np.testing.assert_allclose(own_score(p[:, :K], K), 1 - p[:, :K].max(axis=1))


def test_the_scale_of_a_score_does_not_matter(draw: DrawRecord) -> None:
    distance = {name: 50 * score + 7 for name, score in scores_of(draw).items()}
    other = {name: 0.3 * score - 1000 for name, score in distance.items()}
    one, two = (judge(draw, "hod", scores, SPEC) for scores in (distance, other))
    np.testing.assert_allclose(one["test"].p_outlier, two["test"].p_outlier, atol=1e-6)
    assert np.array_equal(joint_rejection(one, SPEC), joint_rejection(two, SPEC))


def test_it_costs_less_than_answering_all_or_none(draw: DrawRecord) -> None:
    judged = judge(draw, "hod", scores_of(draw), SPEC)
    asked = judged["test"]
    weights = prevalence_weights(asked.outlier, SPEC.outlier_prevalence)

    def cost(abstained: np.ndarray) -> float:
        return float(weights @ asked.cost(abstained))

    def by_outcomes(abstained: np.ndarray) -> float:
        costs = SPEC.costs.outcomes
        return float(weights @ outcome_cost(costs, asked.outlier, asked.right, abstained))

    never, always = np.zeros(600, dtype=bool), np.ones(600, dtype=bool)
    for measure, rule in ((cost, joint_rejection), (by_outcomes, rejection_by_outcomes)):
        assert measure(rule(judged, SPEC)) < min(measure(never), measure(always))


def test_records_without_the_conditions_of_outliers_price_them_at_the_mean(
    draw: DrawRecord,
) -> None:
    """The rare conditions of the spec share risk and urgency, so nothing changes."""
    named = {
        name: np.where(draw.truth[name] < 0, "new", "").astype(str)
        for name in ("validation", "test")
    }
    told = replace(draw, outliers=named["test"], validation_outliers=named["validation"])
    one, other = (judge(each, "hod", scores_of(draw), SPEC) for each in (draw, told))
    for name in named:
        np.testing.assert_allclose(one[name].opinion, other[name].opinion)
        np.testing.assert_allclose(one[name].abstain, other[name].abstain)


def test_a_constant_score_is_no_error(draw: DrawRecord) -> None:
    flat = {name: np.full(600, 3.0) for name in ("validation", "test")}
    judged = judge(draw, "hod", flat, SPEC)
    np.testing.assert_allclose(judged["test"].p_outlier, 0.2, atol=1e-3)  # the prevalence
