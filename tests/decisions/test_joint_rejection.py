"""Joint rejection: the cheapest threshold by trial of all, and what calibration makes of it."""

import numpy as np
import pytest
from pydantic import ValidationError

from triage.data.spec import OutcomeCosts
from triage.decisions.abstention_threshold import cheapest_threshold
from triage.decisions.joint_rejection import (
    JointRejection,
    fit_joint_rejection,
    joint_saving,
)
from triage.decisions.outcome_costs import outcome_cost
from triage.errors import UsageError
from triage.uncertainty.outlier_probability import prevalence_weights

COSTS = OutcomeCosts(wrong_inlier=1.0, abstain_inlier=0.3, miss_outlier=2.0, abstain_outlier=0.1)


def simulate(n, seed=0, prevalence=0.2):
    """Perfectly calibrated probabilities and the truth drawn from them."""
    rng = np.random.default_rng(seed)
    p_outlier = rng.beta(prevalence * 6, (1 - prevalence) * 6, n)
    p_condition = rng.uniform(0.2, 1.0, n)
    is_outlier = rng.random(n) < p_outlier
    is_correct = ~is_outlier & (rng.random(n) < p_condition)
    return p_outlier, p_condition, is_outlier, is_correct


def mean_cost(abstains, is_outlier, is_correct, prevalence, costs=COSTS):
    weights = prevalence_weights(is_outlier, prevalence)
    return float(weights @ outcome_cost(costs, is_outlier, is_correct, abstains))


def test_saving_by_hand():
    """Opinion 0.25 * 2 + 0.75 * 0.4 * 1 = 0.8; abstaining 0.25 * 0.1 + 0.75 * 0.3 = 0.25."""
    assert joint_saving(np.array([0.25]), np.array([0.6]), COSTS) == pytest.approx(0.55)


def test_saving_is_the_mean_over_drawn_outcomes():
    rng = np.random.default_rng(0)
    n = 400_000
    for p_outlier, p_condition in ((0.1, 0.9), (0.7, 0.4)):
        outlier = rng.random(n) < p_outlier
        correct = rng.random(n) < p_condition
        never = np.zeros(n, dtype=bool)
        drawn = outcome_cost(COSTS, outlier, correct, never) - outcome_cost(
            COSTS, outlier, correct, ~never
        )
        found = joint_saving(np.array([p_outlier]), np.array([p_condition]), COSTS)[0]
        assert found == pytest.approx(drawn.mean(), abs=5 * drawn.std() / np.sqrt(n))


@pytest.mark.parametrize("seed", range(6))
def test_no_threshold_is_cheaper(seed):
    rng = np.random.default_rng(seed)
    n = 60
    p_outlier, p_condition = rng.random((2, n)).round(1)  # many ties
    is_outlier = rng.random(n) < 0.4
    is_correct = rng.random(n) < 0.6
    rule = fit_joint_rejection(p_outlier, p_condition, is_outlier, is_correct, COSTS, 0.25)
    saving = joint_saving(p_outlier, p_condition, COSTS)
    tried = [-9.0, *saving, *(saving - 1e-9)]
    cheapest = min(mean_cost(saving > t, is_outlier, is_correct, 0.25) for t in tried)
    found = mean_cost(rule.abstains(p_outlier, p_condition), is_outlier, is_correct, 0.25)
    assert found == pytest.approx(cheapest, abs=1e-9)
    assert rule.expected_cost == pytest.approx(found)


def test_with_calibrated_probabilities_the_threshold_is_about_zero():
    p_outlier, p_condition, is_outlier, is_correct = simulate(200_000)
    prevalence = is_outlier.mean()
    rule = fit_joint_rejection(p_outlier, p_condition, is_outlier, is_correct, COSTS, prevalence)
    assert abs(rule.threshold) < 0.05
    chow = joint_saving(p_outlier, p_condition, COSTS) > 0
    fitted = rule.abstains(p_outlier, p_condition)
    assert mean_cost(chow, is_outlier, is_correct, prevalence) == pytest.approx(
        mean_cost(fitted, is_outlier, is_correct, prevalence), abs=5e-4
    )


def fitted_on_score(fit, otherwise, prevalence):
    """Cheapest threshold on p_outlier where some cases abstain below it, too."""
    return cheapest_threshold(
        fit[0],
        outcome_cost(COSTS, fit[2], fit[3], otherwise),
        outcome_cost(COSTS, fit[2], fit[3], np.ones_like(otherwise)),
        prevalence_weights(fit[2], prevalence),
    )[0]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_it_is_cheaper_in_use_than_a_threshold_on_the_score(seed):
    """With or without the policy's rule that what is ambiguous for a certain inlier abstains."""
    fit, use = simulate(20_000, seed=seed), simulate(200_000, seed=100 + seed)
    prevalence = 0.2

    def ambiguous(cases):
        return joint_saving(np.zeros_like(cases[1]), cases[1], COSTS) > 0

    rule = fit_joint_rejection(*fit, COSTS, prevalence)
    alone = use[0] > fitted_on_score(fit, np.zeros(20_000, dtype=bool), prevalence)
    either = (use[0] > fitted_on_score(fit, ambiguous(fit), prevalence)) | ambiguous(use)
    joint, either_cost, alone_cost = (
        mean_cost(abstains, *use[2:], prevalence)
        for abstains in (rule.abstains(*use[:2]), either, alone)
    )
    assert joint < either_cost - 1e-3
    assert joint < alone_cost - 6e-3


def test_the_threshold_makes_up_for_a_biased_probability():
    p_outlier, p_condition, is_outlier, is_correct = simulate(100_000)
    biased = p_outlier**3
    prevalence = is_outlier.mean()
    rule = fit_joint_rejection(biased, p_condition, is_outlier, is_correct, COSTS, prevalence)
    chow = joint_saving(biased, p_condition, COSTS) > 0
    assert rule.threshold < -0.05
    assert mean_cost(
        rule.abstains(biased, p_condition), is_outlier, is_correct, prevalence
    ) < mean_cost(chow, is_outlier, is_correct, prevalence)


@pytest.mark.parametrize(
    ("costs", "always"),
    [
        (OutcomeCosts(wrong_inlier=1, abstain_inlier=9, miss_outlier=1, abstain_outlier=9), False),
        (OutcomeCosts(wrong_inlier=9, abstain_inlier=0, miss_outlier=9, abstain_outlier=0), True),
    ],
)
def test_never_and_always_hold_for_cases_beyond_those_seen(costs, always):
    truth = np.array([True, False, False]), np.array([False, False, not always])
    p_outlier, p_condition = np.array([0.5, 0.4, 0.4]), np.array([0.5, 0.6, 0.5])
    rule = fit_joint_rejection(p_outlier, p_condition, *truth, costs, 0.3)
    corners = np.array([0.0, 0.0, 1.0, 1.0]), np.array([0.0, 1.0, 0.0, 1.0])
    assert (rule.abstains(*corners) == always).all()


def test_it_survives_json_and_refuses_what_it_does_not_know():
    rule = fit_joint_rejection(*simulate(500), COSTS, 0.2)
    assert JointRejection.model_validate_json(rule.model_dump_json()) == rule
    with pytest.raises(ValidationError):
        JointRejection.model_validate(rule.model_dump() | {"other": 1})
    with pytest.raises(ValidationError):
        JointRejection(threshold=np.inf, costs=COSTS, outlier_prevalence=0.2)


def test_refusals():
    p = np.array([0.5, 0.5])
    for wrong in (np.nan, -0.1, 1.1):
        with pytest.raises(UsageError, match=r"p_condition: .*outside \[0, 1\]"):
            joint_saving(p, np.array([0.5, wrong]), COSTS)
        with pytest.raises(UsageError, match=r"p_outlier: .*outside \[0, 1\]"):
            joint_saving(np.array([0.5, wrong]), p, COSTS)
    with pytest.raises(UsageError, match="shape"):
        joint_saving(p, p[:1], COSTS)
    yes = np.array([True, True])
    with pytest.raises(UsageError, match="both inliers and outliers"):
        fit_joint_rejection(p, p, yes, yes, COSTS, 0.2)
    with pytest.raises(UsageError, match="truths for 2"):
        fit_joint_rejection(p, p, yes[:1], yes, COSTS, 0.2)
