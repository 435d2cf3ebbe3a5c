"""Choices by the cost matrix against a loop over conditions, and what must hold of every one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.decisions.make import CLASSES, CONDITIONS, make_policy, make_predictions
from tests.decisions.make import random_probabilities as draw
from tests.decisions.test_cost_matrix import NAMES
from triage.decisions.choices import choices_by_matrix
from triage.decisions.cost_matrix import CostMatrix, case_costs
from triage.decisions.policy import Policy
from triage.vocabulary.clinical import NO_AI_OPINION, Urgency

K = len(CONDITIONS)
KNOWN, UNKNOWN = CLASSES[:K], ("rare a", "new")
STORED = Path(__file__).with_name("policies_without_a_matrix.json")
WITHOUT_A_MATRIX = json.loads(STORED.read_text(encoding="utf-8"))


def random_matrix(seed: int) -> CostMatrix:
    rng = np.random.default_rng(seed)
    n = len(NAMES)
    return CostMatrix(
        conditions=NAMES,
        urgency=tuple(map(tuple, rng.uniform(0, 3, (n, 4)).tolist())),
        abstain_known=tuple(rng.uniform(0, 1, n).tolist()),
        abstain_unknown=tuple(rng.uniform(0, 1, n).tolist()),
        wrong_name=float(rng.uniform(0, 2)),
        named_unknown=float(rng.uniform(0, 2)),
    )


def policy_with(matrix: CostMatrix, threshold: float = 0.0) -> Policy:
    return make_policy(matrix=matrix, unknown=UNKNOWN, saving_threshold=threshold)


def test_expected_costs_against_a_loop() -> None:
    """Each true condition in turn, with its probability, priced as it would be measured."""
    matrix, rng = random_matrix(1), np.random.default_rng(2)
    p, q = rng.dirichlet(np.ones(K), 30), rng.uniform(0, 1, 30)
    found = choices_by_matrix(matrix, KNOWN, UNKNOWN, p, q)
    worlds = [(name, False) for name in KNOWN] + [(name, True) for name in UNKNOWN]
    for i in range(30):
        chances = [*((1 - q[i]) * p[i]), *[q[i] / len(UNKNOWN)] * len(UNKNOWN)]
        expected = np.zeros((2, 4))
        for (name, outlier), chance in zip(worlds, chances, strict=True):
            right = name == KNOWN[int(p[i].argmax())]
            for rank in range(4):
                for abstained in (False, True):
                    cost = case_costs(
                        matrix,
                        [name],
                        np.array([outlier]),
                        np.array([right]),
                        np.array([rank]),
                        np.array([abstained]),
                    )
                    expected[int(abstained), rank] += chance * cost[0]
        assert found.urgency[i] == expected[0].argmin()
        assert found.queue[i] == expected[1, :2].argmin()
        assert found.opinion[i] == pytest.approx(expected[0].min())
        assert found.abstain[i] == pytest.approx(expected[1, :2].min())
        assert found.unknown[i] + found.doubtful[i] == pytest.approx(found.opinion[i])
    np.testing.assert_allclose(found.saving, found.opinion - found.abstain)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 10**6),
    st.integers(0, len(NAMES) - 1),
    st.integers(0, 3),
    st.floats(0.01, 5),
    st.floats(-1, 1),
)
def test_a_dearer_urgency_is_never_recommended_more_often(
    seed: int, row: int, rank: int, more: float, threshold: float
) -> None:
    matrix = random_matrix(seed)
    rows = [list(costs) for costs in matrix.urgency]
    rows[row][rank] += more
    dearer = matrix.model_copy(update={"urgency": tuple(map(tuple, rows))})
    predictions = make_predictions(draw(seed, 12))
    name = list(Urgency)[rank]
    before, after = (
        policy_with(one, threshold).decide(predictions)["recommendation"] == name
        for one in (matrix, dearer)
    )
    assert not (after & ~before).any()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.floats(-3, 1))
def test_no_abstained_case_waits_below_semi_urgent(seed: int, threshold: float) -> None:
    told = {"c0": "Blurred."}
    policy = policy_with(random_matrix(seed), threshold)
    table = policy.decide(make_predictions(draw(seed, 10)), told)
    abstained = table["recommendation"] == NO_AI_OPINION
    assert abstained[0]
    assert set(table["queue_urgency"][abstained]) <= {"urgent", "semi_urgent"}
    acted = table["next_action"][abstained & (table["queue_urgency"] == "urgent")]
    assert not acted.str.contains("semi-urgent").any()
    assert (table["queue_urgency"] == table["recommendation"])[~abstained].all()


def test_the_unknown_raises_the_urgency_it_may_have() -> None:
    """Surely a naevus if known, but unknown conditions are urgent."""
    rows = dict.fromkeys(NAMES, (3.0, 2.0, 1.0, 0.0)) | {"new": (0.0, 2.0, 4.0, 8.0)}
    matrix = CostMatrix(
        conditions=NAMES,
        urgency=tuple(rows[name] for name in NAMES),
        abstain_known=(0.5,) * 7,
        abstain_unknown=(0.0,) * 7,
        wrong_name=1.0,
        named_unknown=1.0,
    )
    p = np.eye(K)[[3, 3, 3]]
    found = choices_by_matrix(matrix, KNOWN, ("new",), p, np.array([0.0, 0.24, 0.9]))
    assert found.urgency.tolist() == [3, 2, 0]
    assert found.queue.tolist() == [1, 1, 0]
    # the margin keeps urgent for those where it saves more
    held = choices_by_matrix(matrix, KNOWN, ("new",), p, np.array([0.0, 0.24, 0.9]), 1.8)
    assert held.urgency.tolist() == [3, 2, 1]


def test_ties_go_to_the_more_urgent() -> None:
    even = random_matrix(0).model_copy(update={"urgency": ((1.0,) * 4,) * len(NAMES)})
    found = choices_by_matrix(even, KNOWN, UNKNOWN, np.full((3, K), 1 / K), np.full(3, 0.3))
    assert found.urgency.tolist() == found.queue.tolist() == [0, 0, 0]


def test_a_matrix_must_have_the_conditions_of_the_policy() -> None:
    with pytest.raises(ValueError, match="no condition gives the costs"):
        make_policy(matrix=random_matrix(0))
    with pytest.raises(ValueError, match="no costs of \\['else'\\]"):
        make_policy(matrix=random_matrix(0), unknown=("else",))


@pytest.mark.parametrize("stored", WITHOUT_A_MATRIX)
def test_policies_of_before_the_matrix_decide_as_they_did(stored: dict[str, object]) -> None:
    """Policies, probabilities and decisions were written by the version before the matrix."""
    policy = Policy.model_validate(stored["policy"])
    assert policy.matrix is None
    table = policy.decide(make_predictions(np.array(stored["probabilities"])), stored["quality"])
    decided = json.loads(table.to_json(orient="records"))
    for found, expected in zip(decided, stored["decisions"], strict=True):
        for key, value in expected.items():
            if isinstance(value, float):
                assert found[key] == pytest.approx(value, abs=1e-6), key
            elif key == "differential":
                pairs = [[(e["condition"]) for e in json.loads(t)] for t in (found[key], value)]
                assert pairs[0] == pairs[1]
            else:
                assert found[key] == value, key
