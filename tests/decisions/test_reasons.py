import pytest

from triage.vocabulary.abstention_reasons import AbstainReason


def test_codes_are_stable() -> None:
    assert [str(reason) for reason in AbstainReason] == [f"A{k}" for k in range(1, 9)]


@pytest.mark.parametrize("reason", AbstainReason)
def test_every_reason_has_a_sentence_and_a_next_action(reason: AbstainReason) -> None:
    assert reason.sentence.endswith(".")
    assert reason.next_action.endswith(".")


@pytest.mark.parametrize("code", ["A1", "A2"])
def test_bad_images_are_retaken(code: str) -> None:
    assert "Retake" in AbstainReason(code).next_action


@pytest.mark.parametrize("code", ["A3", "A4", "A5", "A6", "A8"])
def test_what_a_retake_cannot_mend_goes_to_a_specialist(code: str) -> None:
    assert "specialist" in AbstainReason(code).next_action
