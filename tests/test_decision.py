"""The record of one decision: what it refuses, what a reader may see, how a table holds it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from tests.decisions.make import make_policy, make_predictions, random_probabilities
from triage.decision import Decision
from triage.errors import PredictionsError
from triage.vocabulary.abstention_reasons import AbstainReason
from triage.vocabulary.clinical import NO_AI_OPINION, Urgency

OPINION: dict[str, Any] = {
    "recommendation": "routine",
    "queue_urgency": "routine",
    "condition": "eczema",
    "p_condition": 0.7,
    "p_outlier": 0.1,
    "differential": [{"condition": "eczema", "probability": 0.7}],
}
ABSTENTION: dict[str, Any] = OPINION | {
    "recommendation": NO_AI_OPINION,
    "queue_urgency": "semi_urgent",
    "reason_code": "A4",
    "reason": "Unlike anything known.",
    "next_action": "Refer.",
}


def test_every_row_of_a_policy_is_a_decision() -> None:
    predictions = make_predictions(random_probabilities(0, 200))
    table = make_policy().decide(predictions, quality={"c3": "It is blurred."})
    decisions = [Decision.from_row(row) for row in table.to_dict("records")]
    assert tuple(table.columns) == tuple(Decision.model_fields)
    assert {decision.abstained for decision in decisions} == {True, False}
    for decision, row in zip(decisions, table.to_dict("records"), strict=True):
        assert decision.condition == row["condition"]
        assert decision.p_outlier == row["p_outlier"]
        assert str(decision.reason_code or "") == row["reason_code"]
        ranked = [one.model_dump() for one in decision.differential]
        assert ranked == json.loads(row["differential"])
    assert decisions[3].reason_code is AbstainReason.QUALITY


def test_a_row_is_read_back_as_it_was_written() -> None:
    table = make_policy().decide(make_predictions(random_probabilities(3, 20)))
    for row in table.to_dict("records"):
        decision = Decision.from_row(row)
        written = decision.to_row()
        assert list(written) == list(Decision.model_fields)
        assert Decision.from_row(written) == decision
        assert (written["reason_code"], written["condition"]) == (
            row["reason_code"],
            row["condition"],
        )
    unread = Decision(recommendation=NO_AI_OPINION, queue_urgency="urgent", reason_code="A2")
    assert (unread.to_row()["condition"], unread.to_row()["differential"]) == ("", "[]")
    assert np.isnan(unread.to_row()["p_outlier"])
    assert Decision.from_row(unread.to_row()) == unread


def test_one_member_cannot_disagree() -> None:
    table = make_policy().decide(make_predictions(random_probabilities(1, 5)[:, :1]))
    assert np.isnan(table["epistemic"]).all()
    assert all(Decision.from_row(row).epistemic is None for row in table.to_dict("records"))


@pytest.mark.parametrize(
    "changes",
    [
        {"recommendation": "soon"},
        {"queue_urgency": "soon"},
        {"p_condition": 1.1},
        {"p_outlier": -0.1},
        {"p_outlier": float("nan")},
        {"aleatoric": -1.0},
        {"aleatoric": float("nan")},
        {"aleatoric": 0.1, "epistemic": float("inf")},
        {"expected_cost": float("inf")},
        {"epistemic": 0.1},
        {"reason_code": "A4"},
        {"reason_code": "A99"},
        {"differential": [{"condition": "eczema", "probability": 2.0}]},
        {"colour": "red"},
    ],
)
def test_an_opinion_that_contradicts_itself_is_refused(changes: dict[str, Any]) -> None:
    Decision.model_validate(OPINION)
    with pytest.raises(ValidationError):
        Decision.model_validate(OPINION | changes)


@pytest.mark.parametrize("changes", [{"reason_code": None}, {"queue_urgency": "routine"}])
def test_an_abstention_has_a_reason_and_a_priority(changes: dict[str, Any]) -> None:
    Decision.model_validate(ABSTENTION)
    with pytest.raises(ValidationError):
        Decision.model_validate(ABSTENTION | changes)


def test_an_unreadable_case_needs_no_numbers() -> None:
    given = {name: ABSTENTION[name] for name in ("recommendation", "queue_urgency")}
    assert Decision.model_validate(given | {"reason_code": "A2"}).abstained


def test_a_reader_sees_of_an_abstention_its_reason_only() -> None:
    shown = Decision.model_validate(ABSTENTION).for_reader()
    assert shown.abstained
    assert (shown.reason_code, shown.reason) == (AbstainReason.UNFAMILIAR, "Unlike anything known.")
    assert (shown.next_action, shown.queue_urgency) == ("Refer.", Urgency.SEMI_URGENT)
    hidden = shown.model_dump(exclude={"recommendation", "queue_urgency", "reason_code", "reason",
                                       "next_action"})  # fmt: skip
    assert not any(hidden.values())
    opinion = Decision.model_validate(OPINION)
    assert opinion.for_reader() == opinion
    assert opinion.urgency is Urgency.ROUTINE


@pytest.mark.parametrize(
    ("cell", "value", "where"),
    [
        ("recommendation", "soon", "recommendation"),
        ("p_condition", "high", "p_condition"),
        ("differential", "[", "differential"),
        ("differential", "[3]", "differential"),
    ],
)
def test_a_row_that_is_no_decision_is_refused(cell: str, value: object, where: str) -> None:
    row = make_policy().decide(make_predictions(random_probabilities(2, 1))).to_dict("records")[0]
    with pytest.raises(PredictionsError, match="no decision") as caught:
        Decision.from_row(row | {cell: value})
    assert caught.value.where == where


def test_the_first_reason_that_was_told_is_given() -> None:
    """Quality, then the kind of image, then the device."""
    predictions = make_predictions(random_probabilities(3, 4))
    names = list(predictions.cases["case_id"])
    table = make_policy().decide(
        predictions,
        quality={names[0]: "It is black."},
        other_kind=dict.fromkeys(names[:2], "It is a page."),
        unseen=dict.fromkeys(names[:3], "It is new."),
    )
    assert list(table["reason_code"][:3]) == ["A2", "A1", "A3"]
    assert table["reason"][1].endswith("It is a page.")
    assert table["next_action"][1].startswith("Retake")
