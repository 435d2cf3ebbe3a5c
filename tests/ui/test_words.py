from __future__ import annotations

from datetime import timedelta

import pytest

from triage.data.clinical import Urgency
from triage.review import Certainty
from ui.words import CERTAINTIES, URGENCIES, condition_name, duration, escape, frequency


@pytest.mark.parametrize(
    ("probability", "words"),
    [
        (0.0, "fewer than 1 of 100"),
        (0.004, "fewer than 1 of 100"),
        (0.006, "about 1 of 100"),
        (0.83, "about 83 of 100"),
        (0.994, "about 99 of 100"),
        (0.999, "more than 99 of 100"),
        (1.0, "more than 99 of 100"),
    ],
)
def test_frequencies_never_claim_certainty(probability: float, words: str) -> None:
    assert frequency(probability) == words


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(seconds=30), "under a minute"),
        (timedelta(minutes=1), "1 minute"),
        (timedelta(minutes=119), "1 hour"),
        (timedelta(days=2, hours=23), "2 days"),
    ],
)
def test_durations_are_whole_units(span: timedelta, words: str) -> None:
    assert duration(span) == words


def test_every_word_of_the_vocabulary_has_a_name() -> None:
    assert set(URGENCIES) == set(Urgency)
    assert set(CERTAINTIES) == set(Certainty)
    assert condition_name("squamous_cell_carcinoma") == "Squamous cell carcinoma"


def test_escaped_text_has_no_bare_mark() -> None:
    assert escape(" a\n*b* :c[d] ") == r"a \*b\* \:c\[d\]"


def test_what_does_not_print_is_shown_as_an_escape() -> None:
    assert escape("a\x1b\u202eb") == r"a\\x1b\\u202eb"
    assert condition_name("a\u202eb") == r"A\u202eb"
