"""Text of the pages: names, durations, natural frequencies, escaping."""

from __future__ import annotations

import math
import re
import string
from collections.abc import Sequence
from datetime import datetime, timedelta

from triage.ledger.events.review_events import FollowUp
from triage.printable import printable
from triage.review import Certainty, Pressure, WorklistItem
from triage.store import NOT_LISTED
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.read_answers import FollowUpKind
from triage.vocabulary.review_policies import SignatureMeaning
from triage.vocabulary.roles import Role

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

ROLES = {
    Role.READER: "Reader",
    Role.SENIOR_READER: "Senior reader",
    Role.GOVERNANCE: "Governance",
    Role.ENGINEER: "Engineer",
    Role.ADMINISTRATOR: "Administrator",
}

FOLLOW_UPS = {
    FollowUpKind.RETAKE: "New images are to be taken",
    FollowUpKind.SPECIALIST: "A specialist is to see the case",
    FollowUpKind.NONE: "Neither new images nor a specialist",
}

MEANINGS = {
    SignatureMeaning.AUTHORSHIP: "Authorship",
    SignatureMeaning.REVIEW: "Review",
    SignatureMeaning.APPROVAL: "Approval",
}

LOCAL_USER = (
    "No password: this database has no account yet, so whoever uses this computer reads as the "
    "local user. That ends when an account is added."
)

_UNITS = (
    (timedelta(days=1), "day"),
    (timedelta(hours=1), "hour"),
    (timedelta(minutes=1), "minute"),
)
_FLOAT_ERROR = 1e-9
"""Tolerance for rounding down: floating point gives 28.999999999999996 for a share of 29."""
_LABEL_MARKS = frozenset("\\`*_[]<>~$:#|&@")
_ESCAPES = str.maketrans({mark: f"\\{mark}" for mark in string.punctuation})


def plural(count: int, one: str, several: str) -> str:
    """Return a number with its noun: '1 case', '3 cases'."""
    return f"{count} {one if count == 1 else several}"


def grouped(count: int) -> str:
    """Return a number with blanks between its thousands: '12 345'."""
    return f"{count:,}".replace(",", " ")


def follow_up_words(follow_up: FollowUp) -> str:
    """Return what is to follow where the AI abstained, with its day and the reader's words."""
    day = f" by {follow_up.by}" if follow_up.by else ""
    text = f": {follow_up.text}" if follow_up.text else ""
    return f"{FOLLOW_UPS[follow_up.kind]}{day}{text}"


def date_of(moment: datetime) -> str:
    """Return the day of a moment: '2 June 2025'."""
    return f"{moment.day} {moment:%B %Y}"


def time_of(moment: datetime) -> str:
    """Return a moment to the minute, in UTC as the record keeps it: '2 June 2025, 12:00 UTC'."""
    return f"{date_of(moment)}, {moment:%H:%M} UTC"


def condition_name(condition: str) -> str:
    """Return a condition as the page shows it."""
    if condition == NOT_LISTED:
        return "Other / not listed"
    return plain_name(condition)


def plain_name(code: str) -> str:
    """Return a column's or condition's code as words: ``skin_type`` as 'Skin type'; printable."""
    words = printable(code.replace("_", " ").strip())
    return words[:1].upper() + words[1:]


def plain_text(text: str) -> str:
    """Return text on one line that prints, for what the browser shows as text."""
    return printable(" ".join(text.split()))


def escape(text: str) -> str:
    """Return text on one line with all Markdown escaped, so that data cannot format the page.

    Characters that do not print, such as marks of writing direction, are shown as escapes.
    """
    return plain_text(text).translate(_ESCAPES)


def escape_label(text: str) -> str:
    """Return text for the label of a widget, with as little of it escaped as possible.

    Streamlit gives the label as it is to screen readers, so each backslash would be read out.
    What could format the text, or make a link of it, is escaped all the same.
    """
    plain = printable(" ".join(text.split()))
    marks = _LABEL_MARKS | ({"."} if "www" in plain.lower() else set())
    escaped = "".join(f"\\{mark}" if mark in marks else mark for mark in plain)
    return re.sub(r"^([-+=]|\d+(?=[.)]))", _escape_first, escaped)


def _escape_first(found: re.Match[str]) -> str:
    """A mark that would begin a list or a heading; of a number the one behind it."""
    return f"\\{found[1]}" if not found[1][0].isdigit() else f"{found[1]}\\"


def frequency(probability: float) -> str:
    """Return a probability as a natural frequency: 0.83 as 'about 83 of 100'."""
    if probability < 0.005:
        return "fewer than 1 of 100"
    if probability > 0.995:
        return "more than 99 of 100"
    return f"about {round(probability * 100)} of 100"


def frequencies(probabilities: Sequence[float]) -> list[str]:
    """Return natural frequencies of mutually exclusive events; their numbers sum to at most 100.

    Each is rounded up or down such that the sum is 100 times that of the probabilities, rounded:
    those with the largest remainders are rounded up.

    Parameters
    ----------
    probabilities : sequence of float
        Of mutually exclusive events. If they sum to more than 1, they are scaled to 1.

    Returns
    -------
    list of str
        Such as 'about 75 of 100'; 'fewer than 1 of 100' for 0 and 'more than 99 of 100' for 100.
    """
    shares = [100 * max(0.0, probability) for probability in probabilities]
    total = sum(shares)
    if total > 100:
        shares = [share * 100 / total for share in shares]
    whole = [math.floor(share + _FLOAT_ERROR) for share in shares]
    spare = round(sum(shares)) - sum(whole)
    largest_first = sorted(range(len(shares)), key=lambda at: whole[at] - shares[at])
    for at in largest_first[: max(spare, 0)]:
        whole[at] += 1
    return [_of_hundred(number) for number in whole]


def _of_hundred(number: int) -> str:
    if number < 1:
        return "fewer than 1 of 100"
    return "more than 99 of 100" if number > 99 else f"about {number} of 100"


def duration(span: timedelta) -> str:
    """Return a length of time in its largest whole unit."""
    for unit, name in _UNITS:
        count = int(span / unit)
        if count:
            return f"{count} {name}{'s' if count > 1 else ''}"
    return "under a minute"


HIDDEN = "Not shown"
"""In place of the priority, and of what follows from it, where a site's policy hides it."""


def due(item: WorklistItem) -> str:
    """Return the time left to a case's deadline in words, since colour alone is not accessible."""
    if item.deadline is None:
        return HIDDEN
    left = item.deadline - item.received_at - item.waiting
    if item.pressure is Pressure.OVERDUE:
        return f"Overdue by {duration(-left)}"
    return f"{'Soon: in' if item.pressure is Pressure.NEAR else 'In'} {duration(left)}"


READ_WITHOUT_AI = (
    "This case is read without the AI: a part of all cases is, so that the AI and its readers can "
    "be measured. Decide by yourself."
)
