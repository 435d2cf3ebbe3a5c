from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.store.make import abstention, opinion
from triage.decision import Decision
from triage.review.opinion import opinion_of
from triage.store.records import StoredPrediction


def stored(record: Decision) -> StoredPrediction:
    return StoredPrediction(1, 1, "d" * 64, "first", datetime(2025, 6, 2, tzinfo=UTC), record)


@pytest.mark.parametrize("epistemic", [0.14, None])
def test_an_opinion_says_how_much_it_doubts_and_why(epistemic: float | None) -> None:
    shown = opinion_of(stored(opinion(epistemic=epistemic)))
    assert (shown.decision.aleatoric, shown.decision.epistemic) == (0.42, epistemic)


def test_an_abstention_carries_nothing_that_reads_as_an_opinion() -> None:
    record = abstention()
    assert None not in (record.condition, record.p_outlier, record.aleatoric, record.epistemic)
    shown = opinion_of(stored(record)).decision
    assert (shown.condition, shown.differential, shown.p_outlier) == (None, (), None)
    assert (shown.aleatoric, shown.epistemic) == (None, None)


def test_joint_probabilities_follow_the_product_rule() -> None:
    shown = opinion_of(stored(opinion(p_outlier=0.25)))
    assert [name for name, _ in shown.joint_differential] == ["melanoma", "acne", "folliculitis"]
    joint = [share for _, share in shown.joint_differential]
    assert joint == pytest.approx([0.75 * 0.83, 0.75 * 0.125, 0.75 * 0.045])
    assert sum(joint) + 0.25 == pytest.approx(1.0)


def test_without_a_probability_of_the_unknown_they_stay_conditional() -> None:
    shown = opinion_of(stored(opinion(p_outlier=None)))
    conditional = [(one.condition, one.probability) for one in shown.decision.differential]
    assert list(shown.joint_differential) == conditional
