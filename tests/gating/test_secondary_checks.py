"""Checks of the gate that lack a column, or patients of the kind that they need."""

from __future__ import annotations

from tests.gating.tables import OUTLIER, ROUTINE, URGENT, check, judge, pair, table
from triage.gating import check_keys
from triage.vocabulary.learning import GateVerdict


def test_coverage_needs_recommendations() -> None:
    first, second = (frame.drop(columns="recommendation") for frame in pair(60, gained=6, lost=0))
    found = check(judge(first, second), check_keys.COVERAGE)
    assert (found.verdict, found.decides) == (None, False)
    assert "no column recommendation" in found.sentence


def test_few_patients_of_unknown_conditions_are_not_enough_evidence() -> None:
    """Four of fifty patients have an unknown condition, and ten are needed."""
    labels = [OUTLIER] * 4 + [URGENT, ROUTINE] * 23
    frame = table(labels, [ROUTINE] * 4 + labels[4:])
    found = [one for one in judge(frame, frame).checks if one.check.startswith("near_ood")]
    assert len(found) == 2
    for one in found:
        assert one.verdict is GateVerdict.NOT_ENOUGH_EVIDENCE
        assert one.cases_needed == 125
        assert "fewer than 10" in one.sentence
