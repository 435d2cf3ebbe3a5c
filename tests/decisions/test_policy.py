import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.stats import entropy

from tests.decisions.make import CLASSES, CONDITIONS, make_policy, make_predictions
from tests.decisions.make import random_probabilities as draw
from triage.data.spec import Costs, OutcomeCosts
from triage.decisions.policy import Policy
from triage.errors import PredictionsError, UsageError
from triage.predictions import DECISION_COLUMNS
from triage.uncertainty.outlier_probability import OutlierProbability
from triage.vocabulary.clinical import NO_AI_OPINION, Urgency

K = len(CONDITIONS)
NAMES = CLASSES[:K]


def sure(place: int, mass: float = 0.0) -> list[float]:
    row = [0.0] * len(CLASSES)
    row[place] = 1.0 - mass
    row[-1] += mass
    return row


policies = st.builds(
    lambda threshold, temperature, slope, intercept, abstain: make_policy(
        saving_threshold=threshold,
        temperature=temperature,
        outlier_probability=OutlierProbability(slope=slope, intercept=intercept),
        costs=Costs(outcomes=OutcomeCosts(abstain_inlier=abstain)),
    ),
    st.floats(-1.0, 1.0),
    st.floats(0.2, 5),
    st.floats(0.1, 5),
    st.floats(-5, 5),
    st.floats(0, 1),
)


@settings(max_examples=60, deadline=None)
@given(policies, st.integers(0, 10**6), st.sets(st.integers(0, 7)))
def test_what_holds_of_every_decision(policy: Policy, seed: int, poor: set[int]) -> None:
    predictions = make_predictions(draw(seed, 8))
    table = policy.decide(predictions, {f"c{k}": "Blurred." for k in poor})
    assert tuple(table) == DECISION_COLUMNS
    assert len(table) == 8
    semi = Urgency.SEMI_URGENT.rank
    for row, (_, case) in enumerate(table.iterrows()):
        abstained = case["recommendation"] == NO_AI_OPINION
        assert abstained == bool(case["reason_code"])
        if abstained:
            assert Urgency(case["queue_urgency"]).rank <= semi
        else:
            assert case["queue_urgency"] == case["recommendation"] == Urgency(case["queue_urgency"])
        assert case["reason"]
        assert case["next_action"]
        # the most probable condition is named in either case
        mean = predictions.probabilities[row, :, :K].astype(float).mean(axis=0)
        assert case["condition"] == NAMES[int(mean.argmax())]
        ranked = json.loads(case["differential"])
        assert [entry["condition"] for entry in ranked] == [
            NAMES[k] for k in np.argsort(-mean, kind="stable")[:3]
        ]
        values = [entry["probability"] for entry in ranked]
        assert values == sorted(values, reverse=True)
        assert sum(values) <= 1.0 + 2e-6
        assert values[0] == pytest.approx(case["p_condition"], abs=1e-6)
        assert 0.0 <= case["p_outlier"] <= 1.0


@settings(max_examples=40, deadline=None)
@given(policies, st.integers(0, 10**6))
def test_expected_cost_recomputed(policy: Policy, seed: int) -> None:
    costs = policy.costs.outcomes
    for _, case in policy.decide(make_predictions(draw(seed, 6))).iterrows():
        q, p = case["p_outlier"], case["p_condition"]
        if case["recommendation"] == NO_AI_OPINION:
            expected = q * costs.abstain_outlier + (1 - q) * costs.abstain_inlier
        else:
            expected = q * costs.miss_outlier + (1 - q) * (1 - p) * costs.wrong_inlier
        assert case["expected_cost"] == pytest.approx(expected, abs=1e-12)


def test_probabilities_recomputed() -> None:
    p = draw(3, 5)
    policy = make_policy(
        temperature=2.0, outlier_probability=OutlierProbability(slope=1.5, intercept=-0.5)
    )
    table = policy.decide(make_predictions(p))
    mean = p.astype(np.float32).astype(float).mean(axis=1)
    mass = mean[:, K:].sum(axis=1)
    np.testing.assert_allclose(table["ood_score"], mass, rtol=1e-6)
    odds = (mass / (1 - mass)) ** 1.5 * np.exp(-0.5)
    np.testing.assert_allclose(table["p_outlier"], odds / (1 + odds), rtol=1e-5)
    roots = np.sqrt(mean[:, :K])
    np.testing.assert_allclose(
        table["p_condition"], (roots / roots.sum(axis=1, keepdims=True)).max(axis=1), rtol=1e-5
    )


def test_the_parts_of_doubt_add_up_to_that_of_the_calibrated_probabilities() -> None:
    p = draw(3, 5)
    policy = make_policy(temperature=2.0)
    predictions = make_predictions(p)
    table = policy.decide(predictions)
    members = predictions.probabilities[:, :, :K].astype(float)
    roots = np.sqrt(members.mean(axis=1))
    shown = roots / roots.sum(axis=1, keepdims=True)
    total = table["aleatoric"] + table["epistemic"]
    np.testing.assert_allclose(total, entropy(shown, axis=1), rtol=1e-6)
    for row in range(len(p)):
        joint = members[row] / members[row].sum(axis=0) * shown[row]
        independent = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0)
        information = entropy(joint.ravel(), independent.ravel())
        assert table["epistemic"][row] == pytest.approx(information, abs=1e-9)


def test_of_one_member_it_is_not_known_whether_others_would_disagree() -> None:
    alone = draw(4, 3, members=1)
    listed_twice = np.repeat(alone, 2, axis=1)
    agreeing = make_policy().decide(make_predictions(listed_twice))
    assert agreeing["epistemic"].max() < 1e-9
    for p, names in ((alone, ("m0",)), (listed_twice, ("m0", "m0"))):
        table = make_policy().decide(make_predictions(p, members=names))
        assert table["epistemic"].isna().all()
        np.testing.assert_allclose(table["aleatoric"], agreeing["aleatoric"])


def test_an_opinion_with_its_urgency_and_action() -> None:
    table = make_policy().decide(make_predictions(np.array([sure(k) for k in range(K)])))
    assert list(table["recommendation"]) == [str(urgency) for urgency in Urgency]
    assert list(table["queue_urgency"]) == list(table["recommendation"])
    assert set(table["reason_code"]) == {""}
    assert table["next_action"].nunique() == 4
    assert "melanoma" in table["reason"][0]
    assert "100%" in table["reason"][0]


def test_an_urgent_suspicion_stays_urgent_when_abstaining_and_none_sinks_low() -> None:
    rows = np.array([sure(k, mass=0.9) for k in range(K)])
    table = make_policy().decide(make_predictions(rows))
    assert set(table["recommendation"]) == {NO_AI_OPINION}
    assert list(table["queue_urgency"]) == ["urgent", *["semi_urgent"] * 3]
    assert list(table["condition"]) == list(NAMES)


def test_the_first_of_several_reasons() -> None:
    split = [[0.5, 0.5, 0, 0, 0, 0]] * 4
    torn = [sure(0), sure(1), sure(2), sure(3)]
    far = [[0.25, 0.25, 0, 0, 0.25, 0.25]] * 4
    far_and_torn = [sure(k, mass=0.9) for k in range(4)]
    clear = [sure(2)] * 4
    members = np.array([split, torn, far, far_and_torn, clear, clear, far_and_torn])
    # abstaining is cheaper than a label that is right less than half of the time, or just half
    policy = make_policy(costs=Costs(outcomes=OutcomeCosts(abstain_inlier=0.45)))
    table = policy.decide(make_predictions(members), {"c4": "Blurred.", "c6": "Dark.", "cx": "?"})
    assert list(table["reason_code"]) == ["A5", "A6", "A4", "A4", "A2", "", "A2"]
    assert table["reason"][4].endswith("Blurred.")
    assert table["reason"][6].endswith("Dark.")
    assert "Retake" in table["next_action"][4]


def test_a_case_abstains_when_that_saves_more_than_the_threshold() -> None:
    # p_outlier 0.5, certain label: an opinion costs 0.5, abstaining 0.25
    rows = np.array([sure(0, mass=0.5)])
    for threshold, expected in ((0.25 - 1e-6, "A4"), (0.25 + 1e-6, "")):
        table = make_policy(saving_threshold=threshold).decide(make_predictions(rows))
        assert list(table["reason_code"]) == [expected]


def test_chows_rule_is_the_case_without_outliers() -> None:
    # abstain when 2 (1 - p) > 0.5, for a certain inlier
    policy = make_policy(costs=Costs(outcomes=OutcomeCosts(wrong_inlier=2.0, abstain_inlier=0.5)))
    rows = np.array([[p, 1 - p, 0, 0] for p in (0.74, 0.76)])
    saving = policy.choices(rows, np.zeros(2)).saving
    assert list(saving > policy.saving_threshold) == [True, False]


def test_the_reason_is_the_larger_part_of_the_cost() -> None:
    # unknown 0.3 against doubt 0.7 * 0.3 = 0.21; then 0.3 against 0.7 * 0.55 = 0.385
    rows = np.array([[0.49, 0.21, 0, 0, 0.3, 0], [0.315, 0.385, 0, 0, 0.3, 0]])
    table = make_policy().decide(make_predictions(rows))
    assert list(table["reason_code"]) == ["A4", "A5"]


def test_no_case_at_all() -> None:
    table = make_policy().decide(make_predictions(np.empty((0, 2, len(CLASSES)))))
    assert tuple(table) == DECISION_COLUMNS
    assert len(table) == 0


def test_deciding_changes_nothing_in_the_predictions() -> None:
    predictions = make_predictions(draw(0, 4))
    before = predictions.probabilities.copy()
    make_policy(temperature=3.0).decide(predictions)
    np.testing.assert_array_equal(predictions.probabilities, before)
    assert predictions.decisions is None


def test_predictions_of_other_conditions_are_refused() -> None:
    policy = make_policy(conditions=CONDITIONS[::-1])
    with pytest.raises(UsageError, match="the policy is for"):
        policy.decide(make_predictions(draw(0, 2)))


@settings(max_examples=30)
@given(policies)
def test_json_round_trip(policy: Policy) -> None:
    again = Policy.model_validate_json(policy.model_dump_json())
    assert again == policy
    predictions = make_predictions(draw(1, 5))
    assert again.decide(predictions).equals(policy.decide(predictions))


@pytest.mark.parametrize(
    "changes", [{"score": "energy"}, {"temperature": 0.0}, {"threshhold": 1.0}]
)
def test_a_policy_that_cannot_work_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        make_policy(**changes)


def test_a_combined_score_is_given_and_then_read_back() -> None:
    policy = make_policy(score="combination")
    predictions = make_predictions(draw(3, 6))
    with pytest.raises(PredictionsError, match="combined score"):
        policy.decide(predictions)
    given = np.linspace(0.05, 0.95, 6)
    table = policy.decide(predictions, ood_score=given)
    assert list(table["ood_score"]) == list(given)
    assert table["p_outlier"].is_monotonic_increasing
    assert list(policy.ood_score(predictions.with_decisions(table))) == list(given)
