"""The rubric of an adjudication."""

from __future__ import annotations

import pytest

from triage.review import RUBRICS, RefusalCode, RubricAnswer, StepRefused
from triage.review.rubric import check_rubric
from triage.vocabulary.modality import Modality


@pytest.mark.parametrize("modality", Modality)
def test_every_modality_has_a_short_list_of_distinct_features(modality: Modality) -> None:
    keys = [feature.key for feature in RUBRICS[modality]]
    assert 5 <= len(keys) <= 12
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("modality", Modality)
@pytest.mark.parametrize("answer", RubricAnswer)
def test_all_features_answered_is_accepted(modality: Modality, answer: RubricAnswer) -> None:
    check_rubric(modality, {feature.key: answer.value for feature in RUBRICS[modality]})


def without_first(answers: dict[str, str]) -> dict[str, str]:
    return dict(list(answers.items())[1:])


@pytest.mark.parametrize(
    "change",
    [
        without_first,
        lambda answers: answers | {"<script>": "yes"},
        lambda answers: answers | {"asymmetry": "maybe"},
        lambda answers: answers | {"asymmetry": ""},
        lambda answers: {},
    ],
)
def test_what_is_not_a_complete_rubric_is_refused(change) -> None:
    answers = {feature.key: "no" for feature in RUBRICS[Modality.PHOTOGRAPHS]}
    with pytest.raises(StepRefused) as refusal:
        check_rubric(Modality.PHOTOGRAPHS, change(answers))
    assert refusal.value.code is RefusalCode.BAD_RUBRIC
    assert "script" not in str(refusal.value)
    assert "maybe" not in str(refusal.value)
