"""What a training setting may decide by: what is refused, and with which words."""

from __future__ import annotations

import pytest

from triage.data.spec_files import load_spec, shipped_spec
from triage.decisions.rule_settings import (
    PredictionSetSettings,
    SelectiveSettings,
    check_abstention,
    check_calibrator,
    check_grouping,
    check_score,
)
from triage.errors import UsageError
from triage.uncertainty.calibration import CALIBRATORS
from triage.uncertainty.scores import SCORES


def refused(score: object, *, has_mass: bool = True, perceptron: bool = True) -> str:
    with pytest.raises(UsageError) as found:
        check_score(score, "softmax", has_mass=has_mass, perceptron=perceptron)  # type: ignore[arg-type]
    return str(found.value)


def test_scores_that_a_bundle_decides_by() -> None:
    for score in ("own", "combination", "max_softmax", {"max_softmax": 0.5, "entropy": 0.5}):
        check_score(score, "softmax", has_mass=True, perceptron=True)


@pytest.mark.parametrize(
    ("shares", "words"),
    [
        ({}, "names no score"),
        ({"max_softmax": -0.5, "entropy": 1.5}, "not 0 or more"),
        ({"max_softmax": float("nan")}, "not 0 or more"),
        ({"max_softmax": 0.5, "entropy": 0.4}, "sum to 0.9"),
        ({"max_sofmax": 1.0}, "max_softmax"),
    ],
)
def test_shares_that_are_none(shares: dict[str, float], words: str) -> None:
    assert words in refused(shares)


def test_an_unknown_score_is_named_with_the_nearest() -> None:
    assert "max_softmax" in refused("max_sofmax")


def test_a_score_with_needs_is_refused_where_they_are_not_met() -> None:
    with_mass = [key for key, each in SCORES.items() if each.info.needs_outliers]
    assert with_mass
    for key in with_mass:
        assert "softmax" in refused(key, has_mass=False)
    through = [
        key
        for key, each in SCORES.items()
        if each.need in ("logits", "features") and not each.info.needs_outliers
    ]
    assert through
    for key in through:
        assert key in refused(key, perceptron=False)


def test_a_calibrator_by_distance_is_refused() -> None:
    by_distance = [key for key, each in CALIBRATORS.items() if each.info.needs_distance]
    assert by_distance
    for key in by_distance:
        with pytest.raises(UsageError, match="distance from the training data"):
            check_calibrator(key)
    check_calibrator("temperature")


def test_sets_by_a_group_that_the_spec_lacks_and_rules_without_capacity() -> None:
    spec = load_spec(shipped_spec("derm_phantoms"))
    check_grouping(None, spec)
    with pytest.raises(UsageError, match="grouping"):
        check_grouping(PredictionSetSettings(by="nothing of the kind"), spec)
    check_abstention(SelectiveSettings(rule="chow"), spec.model_copy(update={"capacity": None}))
    with pytest.raises(ValueError, match="needs an error"):
        SelectiveSettings(rule="target_error")
