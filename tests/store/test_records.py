from __future__ import annotations

from datetime import datetime

import pytest

from tests.store.make import abstention, case, opinion
from triage.errors import StoreError
from triage.vocabulary.abstention_reasons import AbstainReason
from triage.vocabulary.clinical import NO_AI_OPINION, Urgency


@pytest.mark.parametrize(
    "changes",
    [
        {"external_id": ""},
        {"source": ""},
        {"patient": ""},
        {"received_at": datetime(2025, 1, 1)},
        {"groups": {"age": float("nan")}},
    ],
)
def test_a_malformed_case_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(StoreError):
        case(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"recommendation": "soon"},
        {"recommendation": NO_AI_OPINION},
        {"reason_code": AbstainReason.QUALITY},
        {"p_condition": 1.2},
        {"p_outlier": float("nan")},
        {"aleatoric": -0.1},
        {"aleatoric": float("nan")},
        {"epistemic": float("inf")},
        {"aleatoric": None},
        {"differential": (("melanoma", -0.1),)},
        {"expected_cost": float("inf")},
    ],
)
def test_a_contradictory_prediction_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(StoreError):
        opinion(**changes)


@pytest.mark.parametrize("queue", [Urgency.ROUTINE, Urgency.OBSERVATION])
def test_an_abstention_below_semi_urgent_is_refused(queue: Urgency) -> None:
    with pytest.raises(StoreError, match="below semi-urgent"):
        abstention(queue=queue)


def test_an_unreadable_case_needs_no_numbers() -> None:
    record = abstention(
        AbstainReason.QUALITY,
        condition=None,
        p_condition=None,
        p_outlier=None,
        differential=(),
        expected_cost=None,
    )
    assert record.abstained
