"""Small records for tests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from triage.decision import Decision, RankedCondition
from triage.store import (
    BundleRecord,
    CaseRecord,
    ImageRecord,
    ReadingRecord,
    Store,
    add_case,
    add_prediction,
    register_bundle,
)
from triage.vocabulary.abstention_reasons import AbstainReason
from triage.vocabulary.clinical import NO_AI_OPINION, Urgency

NOON = datetime(2025, 6, 2, 12, tzinfo=UTC)


def case(name: str = "c1", **changes: Any) -> CaseRecord:
    given = {
        "external_id": name,
        "source": "clinic",
        "images": (ImageRecord(f"{name}/a.png", "/root", "a" * 64),),
        "patient": f"patient of {name}",
        "groups": {"skin_type": "III", "age": 41, "sex": None},
        "received_at": NOON,
    }
    return CaseRecord(**{**given, **changes})


def bundle(digest: str = "d" * 64, **changes: Any) -> BundleRecord:
    given = {
        "digest": digest,
        "name": "first",
        "path": "/bundles/first",
        "conditions": ("melanoma", "acne", "folliculitis"),
    }
    return BundleRecord(**{**given, **changes})


def ranked(*pairs: tuple[str, float]) -> tuple[RankedCondition, ...]:
    return tuple(RankedCondition(condition=name, probability=p) for name, p in pairs)


def opinion(urgency: Urgency = Urgency.URGENT, **changes: Any) -> Decision:
    given = {
        "recommendation": urgency,
        "queue_urgency": urgency,
        "condition": "melanoma",
        "p_condition": 0.83,
        "p_outlier": 0.1,
        "aleatoric": 0.42,
        "epistemic": 0.14,
        "differential": ranked(("melanoma", 0.83), ("acne", 0.125), ("folliculitis", 0.045)),
        "expected_cost": 0.7,
    }
    return Decision(**{**given, **changes})


def abstention(
    code: AbstainReason = AbstainReason.UNFAMILIAR,
    queue: Urgency = Urgency.SEMI_URGENT,
    **changes: Any,
) -> Decision:
    given = {
        "recommendation": NO_AI_OPINION,
        "queue_urgency": queue,
        "reason_code": code,
        "reason": code.sentence,
        "next_action": code.next_action,
    }
    return opinion(**{**given, **changes})


def scored(
    store: Store,
    name: str = "c1",
    prediction: Decision | None = None,
    reading: ReadingRecord | None = None,
    **changes: Any,
) -> int:
    """Put a case with a prediction into the store and return its number."""
    with store.transaction() as session:
        number = add_case(session, case(name, **changes))
        first = register_bundle(session, bundle())
        add_prediction(session, number, first, prediction or opinion(), reading)
    return number
