"""What people did with the system's opinions: counts from the case database as rates.

Each review counts as one trial of a Clopper-Pearson interval; where one reader or one case
gave several reviews, the interval is too narrow.
"""

from __future__ import annotations

from collections.abc import Mapping

from triage.auditing.measurement import ResultModel
from triage.errors import UsageError
from triage.evaluation.bootstrap_intervals import clopper_pearson

_AFTER_FIRST = ("decided_after_first", "decided")
_OPINION_AFTER_FIRST = ("with_opinion_after_first", "with_opinion")
_RATES = {
    "condition_switches": (_AFTER_FIRST, "Decision names another condition than the first read"),
    "urgency_switches": (_AFTER_FIRST, "Decision has another urgency than the first read"),
    "agreed_first": (_OPINION_AFTER_FIRST, "First read names the AI's condition"),
    "agreed_finally": (("with_opinion",), "Decision names the AI's condition"),
    "overridden": (("with_opinion",), "Decision overrides the AI's condition"),
    "towards_ai": (_OPINION_AFTER_FIRST, "Condition changed to the AI's"),
    "away_from_ai": (_OPINION_AFTER_FIRST, "Condition changed from the AI's to another"),
    "lowered_on_abstention": (("abstained",), "Decision below semi-urgent where the AI abstained"),
}
"""Name to its denominator and title. Of several denominators the first that was counted holds:
reviews counted by an earlier release all had a first read."""
_COUNTS = {
    "opened": "Reviews opened",
    "first_reads": "First reads stored",
    "revealed": "Reviews in which the AI was shown",
    "decided": "Reviews decided",
    "decided_after_first": "Decided after a first read",
    "with_opinion": "Decided with an AI opinion",
    "with_opinion_after_first": "Decided with an AI opinion, after a first read",
    "abstained": "Decided where the AI abstained",
    "unscored": "Decided without a prediction",
    "without_ai": "Decided on cases read without the AI",
    "reviewers": "Reviewers",
    "cases": "Cases with a decision",
    "second_reads": "Second reads",
    "adjudication_reads": "Reads in adjudications",
}


class ReviewCount(ResultModel):
    """A count of reviews, of how many it could have been, and the 95 % interval of the rate."""

    label: str
    count: int
    of: int | None
    low: float | None
    high: float | None


def review_counts(reviews: Mapping[str, int | dict[str, int]]) -> list[ReviewCount]:
    """Order and name the counts, and turn those with a known denominator into rates.

    Parameters
    ----------
    reviews : mapping
        Name -> count, or name -> {name -> count}. Unknown names keep their own words.

    Raises
    ------
    UsageError
        If something is neither.
    """
    odd = [key for key, value in reviews.items() if not isinstance(value, int | Mapping)]
    if odd:
        raise UsageError(f"reviews must be counts: {', '.join(map(str, odd))} is not")
    plain = {key: value for key, value in reviews.items() if isinstance(value, int)}
    if {"with_opinion", "agreed_finally"} <= plain.keys():
        plain["overridden"] = plain["with_opinion"] - plain["agreed_finally"]
    order = [*_COUNTS, *_RATES]
    named = [key for key in order if key in plain] + [key for key in plain if key not in order]
    return [_count(key, plain) for key in named]


def _count(key: str, plain: Mapping[str, int]) -> ReviewCount:
    unnamed = ((), _COUNTS.get(key, key.replace("_", " ").capitalize()))
    wholes, label = _RATES.get(key, unnamed)
    of = next((plain[whole] for whole in wholes if whole in plain), None)
    low = high = None
    if of and 0 <= plain[key] <= of:
        low, high = clopper_pearson(plain[key], of)
    return ReviewCount(label=label, count=plain[key], of=of, low=low, high=high)
