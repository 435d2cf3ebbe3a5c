"""The words on the pages: plain names, durations, natural frequencies."""

from __future__ import annotations

import string
from datetime import timedelta

from triage.data.clinical import Urgency
from triage.decisions.reasons import AbstainReason
from triage.printable import printable
from triage.review import Certainty, Pressure, WorklistItem
from triage.store import NOT_LISTED

URGENCIES = {
    Urgency.URGENT: "Urgent",
    Urgency.SEMI_URGENT: "Semi-urgent",
    Urgency.ROUTINE: "Routine",
    Urgency.OBSERVATION: "Observation",
}

CERTAINTIES = {
    Certainty.GUESS: "A guess",
    Certainty.UNSURE: "Unsure",
    Certainty.FAIRLY_SURE: "Fairly sure",
    Certainty.SURE: "Sure",
}

OCT_ABSTENTIONS = {
    AbstainReason.UNFAMILIAR: "Unfamiliar condition",
    AbstainReason.QUALITY: "Ungradable scan",
    AbstainReason.UNSEEN_DEVICE: "Unseen device",
    AbstainReason.MISSING_METADATA: "Missing scale",
}
"""Why there is no opinion on a volume, told apart by name."""

_UNITS = (
    (timedelta(days=1), "day"),
    (timedelta(hours=1), "hour"),
    (timedelta(minutes=1), "minute"),
)
_ESCAPES = str.maketrans({mark: f"\\{mark}" for mark in string.punctuation})


def condition_name(condition: str) -> str:
    """Return a condition as a reader writes it."""
    if condition == NOT_LISTED:
        return "Other / not listed"
    return plain_name(condition)


def plain_name(code: str) -> str:
    """Return a column's or condition's code as words: ``skin_type`` as 'Skin type'; printable."""
    words = printable(code.replace("_", " ").strip())
    return words[:1].upper() + words[1:]


def escape(text: str) -> str:
    """Return text that Markdown shows as it is, one line; data must not format the page.

    What does not print, such as marks that turn the direction of writing, is shown as an escape.
    """
    return printable(" ".join(text.split())).translate(_ESCAPES)


def frequency(probability: float) -> str:
    """Return a probability as a natural frequency: 0.83 as 'about 83 of 100'."""
    if probability < 0.005:
        return "fewer than 1 of 100"
    if probability > 0.995:
        return "more than 99 of 100"
    return f"about {round(probability * 100)} of 100"


def duration(span: timedelta) -> str:
    """Return a length of time in its largest whole unit."""
    for unit, name in _UNITS:
        count = int(span / unit)
        if count:
            return f"{count} {name}{'s' if count > 1 else ''}"
    return "under a minute"


def due(item: WorklistItem) -> str:
    """Return how a case stands to its deadline, in words and not by colour."""
    left = item.deadline - item.received_at - item.waiting
    if item.pressure is Pressure.OVERDUE:
        return f"Overdue by {duration(-left)}"
    return f"{'Soon: in' if item.pressure is Pressure.NEAR else 'In'} {duration(left)}"
