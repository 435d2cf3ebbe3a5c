from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.ledger.events.review_events import FollowUp
from triage.review import Certainty
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.read_answers import FollowUpKind
from ui.words import (
    CERTAINTIES,
    URGENCIES,
    condition_name,
    date_of,
    duration,
    escape,
    escape_label,
    follow_up_words,
    frequencies,
    frequency,
    plural,
    time_of,
)


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
    ("probabilities", "numbers"),
    [
        ((0.335, 0.335, 0.33), ["about 34", "about 33", "about 33"]),
        ((0.995, 0.005), ["more than 99", "fewer than 1"]),
        ((0.29, 0.57, 0.14), ["about 29", "about 57", "about 14"]),
        ((1.0, 0.0, 0.0), ["more than 99", "fewer than 1", "fewer than 1"]),
        ((0.7, 0.7), ["about 50", "about 50"]),
        ((0.2,), ["about 20"]),
        ((), []),
    ],
)
def test_frequencies_that_exclude_each_other(
    probabilities: tuple[float, ...], numbers: list[str]
) -> None:
    assert frequencies(probabilities) == [f"{number} of 100" for number in numbers]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_frequencies_never_sum_to_more_than_100(probabilities: list[float]) -> None:
    total = max(sum(probabilities), 1.0)
    texts = frequencies(probabilities)
    counts = [int(words.split()[1]) for words in texts if words.startswith("about")]
    assert sum(counts) <= 100
    assert all(1 <= count <= 99 for count in counts)
    for probability, words in zip(probabilities, texts, strict=True):
        number = {"fewer": 0, "more": 100}.get(words.split()[0])
        number = int(words.split()[1]) if number is None else number
        assert abs(100 * probability / total - number) < 1.001


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


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("C-1001 · Acne, urgent", "C-1001 · Acne, urgent"),
        ("a_b *c* [d](e) :f:", r"a\_b \*c\* \[d\](e) \:f\:"),
        ("- item", r"\- item"),
        ("12. item", r"12\. item"),
        ("# title <b>", r"\# title \<b\>"),
        ("www.example.org a@b.org", r"www\.example\.org a\@b\.org"),
        ("two\nlines\u202e", r"two lines\\u202e"),
    ],
)
def test_labels_are_escaped_where_they_could_format(text: str, label: str) -> None:
    assert escape_label(text) == label


def test_days_and_moments() -> None:
    moment = datetime(2025, 6, 2, 9, 5, tzinfo=UTC)
    assert date_of(moment) == "2 June 2025"
    assert time_of(moment) == "2 June 2025, 09:05 UTC"
    assert (plural(1, "case", "cases"), plural(0, "case", "cases")) == ("1 case", "0 cases")


@pytest.mark.parametrize(
    ("follow_up", "words"),
    [
        (FollowUp(FollowUpKind.RETAKE, text="Blurred"), "New images are to be taken: Blurred"),
        (
            FollowUp(FollowUpKind.SPECIALIST, by="2025-06-09"),
            "A specialist is to see the case by 2025-06-09",
        ),
        (FollowUp(FollowUpKind.NONE, text="Scar"), "Neither new images nor a specialist: Scar"),
    ],
)
def test_what_is_to_follow(follow_up: FollowUp, words: str) -> None:
    assert follow_up_words(follow_up) == words
